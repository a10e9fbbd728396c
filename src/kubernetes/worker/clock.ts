import { monotonicMs, sleep } from "../../core/index.js";

/** The time source of workers, probes and back-offs. @inline */
export interface Clock {
  /** The current time in milliseconds since 1970. */
  now(): number;
  /** Waits this many milliseconds. Rejects with the signal's reason when the signal fires before or during the wait. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * A time in milliseconds that is never set, for spans: its zero is arbitrary. By default, that of `now()`, which then must not be set
   * while it is used.
   */
  monotonicMs?(): number;
}

/** The clock of this machine. */
export const systemClock: Clock = { now: () => Date.now(), sleep, monotonicMs };

/** Returns the time of a clock that is never set, for spans such as grace periods: a correction of the host's time must not change them. */
export function steadyMs(clock: Clock): number {
  return clock.monotonicMs?.() ?? clock.now();
}
