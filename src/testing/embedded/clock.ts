import {
  abortError,
  checkArgument,
  dateToNanos,
  type OptionCheck,
  onAbort,
  option,
  sleep,
} from "../../core/index.js";

/** The time source of a runtime. */
export interface Clock {
  /** The current time in nanoseconds since 1970, as CRI reports times. */
  now(): bigint;
  /** Waits this many milliseconds. Rejects when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Checks a clock that a caller passes. */
export const clockCheck: OptionCheck<Clock> = (value) =>
  typeof value?.now === "function" && typeof value.sleep === "function"
    ? undefined
    : "must be a clock, with the functions now and sleep";

/** Creates a clock with the time of this machine. It never goes back, and never returns the same nanosecond twice. */
export function systemClock(): Clock {
  const offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  let last = 0n;
  return {
    now() {
      const now = offset + process.hrtime.bigint();
      last = now > last ? now : last + 1n;
      return last;
    },
    async sleep(ms, signal) {
      checkArgument("clock.sleep", "ms", ms, option.anyNumber);
      return sleep(ms, signal);
    },
  };
}

interface Sleeper {
  readonly until: bigint;
  wake(): void;
}

/**
 * A clock that stands still until the test advances it: grace periods, pulls and programs take no real time.
 *
 * ```ts
 * const stopping = cri.runtime.stopContainer({ containerId, timeout: 30n });
 * await clock.whenSleeping(2); // the program, and StopContainer's grace period
 * await clock.advance(30_000);
 * await stopping;
 * ```
 */
export class VirtualClock implements Clock {
  #now: bigint;
  readonly #sleepers = new Set<Sleeper>();
  readonly #onSleep = new Set<() => void>();

  /** Creates a clock that stands at `startAt`. @param startAt the initial time; 2026-01-01 UTC by default. */
  constructor(startAt: Date = new Date("2026-01-01T00:00:00Z")) {
    checkArgument("VirtualClock", "startAt", startAt, option.date);
    this.#now = dateToNanos(startAt);
  }

  /** The number of pending `sleep` calls. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  now(): bigint {
    // Each call adds a nanosecond, so that timestamps show the order of events.
    return this.#now++;
  }

  /**
   * Waits until the clock has advanced by this many milliseconds. Rejects with a {@link CriError} when the signal fires.
   */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    checkArgument("clock.sleep", "ms", ms, option.anyNumber);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      const wake = () => {
        this.#sleepers.delete(sleeper);
        removeCallback();
        resolve();
      };
      const sleeper = { until: this.#now + BigInt(Math.round(ms * 1e6)), wake };
      const removeCallback = onAbort(signal, () => {
        this.#sleepers.delete(sleeper);
        if (signal) reject(abortError(signal));
      });
      if (ms <= 0) return wake();
      this.#sleepers.add(sleeper);
      for (const callback of this.#onSleep) callback();
    });
  }

  /**
   * Resolves as soon as this many `sleep` calls are pending. A call to the runtime takes a moment to reach its sleep, and
   * an `advance` before that does not count for it. Rejects with a {@link CriError} when the signal fires.
   */
  async whenSleeping(count: number, signal?: AbortSignal): Promise<void> {
    checkArgument("clock.whenSleeping", "count", count, option.wholeNumber(0));
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      const check = () => {
        if (this.#sleepers.size < count) return;
        this.#onSleep.delete(check);
        removeCallback();
        resolve();
      };
      this.#onSleep.add(check);
      const removeCallback = onAbort(signal, () => {
        this.#onSleep.delete(check);
        if (signal) reject(abortError(signal));
      });
      check();
    });
  }

  /**
   * Advances the time by this many milliseconds. Sleepers wake in the order of their times, and may sleep again within the
   * span. Resolves after the callbacks of all woken sleepers have run. Does not wait for calls that have not reached their
   * sleep yet: see {@link whenSleeping}. Rejects with `invalid_option` for a negative time.
   */
  async advance(ms: number): Promise<void> {
    checkArgument("clock.advance", "ms", ms, option.milliseconds);
    const end = this.#now + BigInt(Math.round(ms * 1e6));
    await runEventLoop();
    for (let next = this.#nextSleeper(end); next; next = this.#nextSleeper(end)) {
      if (next.until > this.#now) this.#now = next.until;
      next.wake();
      await runEventLoop();
    }
    if (end > this.#now) this.#now = end;
  }

  #nextSleeper(end: bigint): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers)
      if (sleeper.until <= end && (!next || sleeper.until < next.until)) next = sleeper;
    return next;
  }
}

/** Runs pending promises and stream callbacks, which take a few turns of the event loop. */
async function runEventLoop(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
