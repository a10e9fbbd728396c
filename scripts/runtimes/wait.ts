import { setTimeout as sleep } from "node:timers/promises";

/** Polls until `probe` returns a value other than `undefined`; throws an error that names `what` after `timeoutMs`. */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  probe: () => T | undefined | Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() >= deadline) throw new Error(`${what}: timed out after ${timeoutMs} ms`);
    await sleep(25, undefined, signal === undefined ? {} : { signal });
  }
}

/** The blocking form of {@link waitFor}, for exit handlers; returns false after the timeout. */
export function waitForSync(timeoutMs: number, done: () => boolean): boolean {
  const deadline = Date.now() + timeoutMs;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (!done()) {
    if (Date.now() >= deadline) return false;
    Atomics.wait(cell, 0, 0, 20);
  }
  return true;
}
