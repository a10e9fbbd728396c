import { AssertionError } from "node:assert";
import { sleep } from "../../core/index.js";

/** Polls until `poll` returns a value. Rejects with `what` after `withinMs`, and with the signal's reason. */
export async function eventually<T>(
  what: string,
  poll: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs: number,
  signal: AbortSignal,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 100)) {
    signal.throwIfAborted();
    const value = await poll();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= end)
      throw new AssertionError({ message: `not within ${withinMs / 1000} s: ${what}` });
    await sleep(waitMs, signal);
  }
}
