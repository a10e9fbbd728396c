import { dateToNanos, invalidOption, stoppedError } from "../../core/index.js";
import type { Clock } from "./clock.js";

interface Sleeper {
  readonly until: bigint;
  wake(): void;
}

/**
 * A clock that stands still until it is moved: grace periods, pulls and programs of a test take no time of their own.
 *
 * ```ts
 * const stopping = cri.runtime.stopContainer({ containerId, timeout: 30n });
 * await clock.whenSleeping(2); // the program, and the runtime that gives it time
 * await clock.advance(30_000);
 * await stopping;
 * ```
 */
export class VirtualClock implements Clock {
  #now: bigint;
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();

  /** @param startAt when it is; the default is 2026-01-01, in UTC. */
  constructor(startAt: Date = new Date("2026-01-01T00:00:00Z")) {
    this.#now = dateToNanos(startAt);
  }

  /** How many wait for a later time. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  now(): bigint {
    // No two things happen in the same nanosecond, so that times tell their order.
    return this.#now++;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(stoppedError(signal));
      const stop = () => {
        this.#sleepers.delete(sleeper);
        if (signal) reject(stoppedError(signal));
      };
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      const sleeper = { until: this.#now + BigInt(Math.round(ms * 1e6)), wake };
      signal?.addEventListener("abort", stop, { once: true });
      if (ms <= 0) wake();
      else {
        this.#sleepers.add(sleeper);
        for (const watcher of this.#watchers) watcher();
      }
    });
  }

  /**
   * Resolves as soon as this many wait for a later time. A call needs a moment to come to the point where it waits, and
   * time that is moved before that does not count for it. Rejects with a {@link CriError} when the signal fires.
   */
  whenSleeping(count: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(stoppedError(signal));
      const stop = () => {
        this.#watchers.delete(watcher);
        if (signal) reject(stoppedError(signal));
      };
      const watcher = () => {
        if (this.#sleepers.size < count) return;
        this.#watchers.delete(watcher);
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      this.#watchers.add(watcher);
      signal?.addEventListener("abort", stop, { once: true });
      watcher();
    });
  }

  /**
   * Moves the time on, in milliseconds. Who sleeps wakes at its own time, in order, and may go to sleep again within the
   * span. Resolves when everything that woke has had its turn. Throws `invalid_option` for a time that lies back.
   *
   * Who is on the way to its sleep is not waited for: see {@link whenSleeping}.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw invalidOption("ms", ms, "must be 0 milliseconds or more");
    const end = this.#now + BigInt(Math.round(ms * 1e6));
    await settle();
    for (let next = this.#first(end); next; next = this.#first(end)) {
      if (next.until > this.#now) this.#now = next.until;
      next.wake();
      await settle();
    }
    if (end > this.#now) this.#now = end;
  }

  #first(end: bigint): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers)
      if (sleeper.until <= end && (!first || sleeper.until < first.until)) first = sleeper;
    return first;
  }
}

/** Lets what woke do its work: promises, and streams, which take a few turns of the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
