import { deadlineError, linkedController, raceAbort } from "../core/index.js";
import type { Clock } from "../kubernetes/index.js";

/** Waits on a clock. Resolves with false, instead of rejecting, when the signal fires before or during the wait. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  await clock.sleep(ms, signal).catch(() => undefined);
  return !signal.aborted;
}

/**
 * Settles as `work` does; rejects with `deadline` once the time has passed on the clock, and with the reason of the outer signal when
 * that fires. The signal that the work gets fires in both cases.
 */
export async function withClockDeadline<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal | undefined,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const call = linkedController(outer);
  const timer = new AbortController();
  clock.sleep(ms, timer.signal).then(
    () => call.abort(deadlineError(`${what}: no response within ${ms} ms`)),
    () => undefined,
  );
  try {
    return await raceAbort(work(call.signal), call.signal);
  } finally {
    timer.abort();
    call.unlink();
  }
}
