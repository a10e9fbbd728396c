import { sleep } from "../../core/index.js";

/** The time that a runtime lives by. */
export interface Clock {
  /** Nanoseconds since 1970, as CRI tells times. */
  now(): bigint;
  /** Waits this long; rejects with a {@link CriError} when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The time of this machine. Never goes back, and never tells the same nanosecond twice. */
export function systemClock(): Clock {
  const began = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  let last = 0n;
  return {
    now() {
      const now = began + process.hrtime.bigint();
      last = now > last ? now : last + 1n;
      return last;
    },
    sleep,
  };
}
