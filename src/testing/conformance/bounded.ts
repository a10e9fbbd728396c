import { AssertionError } from "node:assert";
import { type CallOptions, sleep } from "../../core/index.js";

type Calls = Readonly<Record<string, (request: never, options?: CallOptions) => unknown>>;

/** The same client, whose calls also end when the signal fires. */
export function bounded<C extends object>(client: C, signal: AbortSignal): C {
  const calls = Object.entries(client as Calls).map(([name, call]) => [
    name,
    (request: never, options: CallOptions = {}) =>
      call(request, { ...options, signal: both(signal, options) }),
  ]);
  return Object.freeze(Object.fromEntries(calls)) as C;
}

/** The options of a call or a session, which also ends when the signal fires. */
export function both(signal: AbortSignal, options: Pick<CallOptions, "signal"> = {}): AbortSignal {
  return options.signal ? AbortSignal.any([signal, options.signal]) : signal;
}

/** Looks until there is something to see. Rejects after `withinMs`, and with the signal's reason. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs: number,
  signal: AbortSignal,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 100)) {
    signal.throwIfAborted();
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() >= end)
      throw new AssertionError({ message: `within ${withinMs / 1000} s it did not happen that ${what}` });
    await sleep(waitMs, signal);
  }
}
