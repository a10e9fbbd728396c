import { sleep } from "../../core/index.js";

/** The time source of workers, probes and back-offs. */
export interface Clock {
  /** The current time in milliseconds since 1970. */
  now(): number;
  /** Waits this many milliseconds. Rejects with the signal's reason when the signal fires before or during the wait. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of this machine. */
export const systemClock: Clock = { now: () => Date.now(), sleep };
