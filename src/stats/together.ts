import { setMaxListeners } from "node:events";

/** Runs works beside each other. When one fails, the others are stopped and waited for, and its error is told. */
export async function together<T extends readonly unknown[]>(
  signal: AbortSignal | undefined,
  works: { readonly [I in keyof T]: (signal: AbortSignal) => Promise<T[I]> },
): Promise<T> {
  const stop = new AbortController();
  // As many calls listen to it as there are works; Node warns of more than ten.
  setMaxListeners(0, stop.signal);
  const forward = () => stop.abort(signal?.reason);
  if (signal?.aborted) forward();
  else signal?.addEventListener("abort", forward, { once: true });
  const running = works.map((work) => work(stop.signal));
  try {
    // Promise.all keeps the order of what it is given; `map` forgets that the works are a tuple.
    return (await Promise.all(running)) as unknown as T;
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(running);
    throw error;
  } finally {
    signal?.removeEventListener("abort", forward);
  }
}
