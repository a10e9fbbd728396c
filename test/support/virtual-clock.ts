import type { Clock } from "../../src/kubernetes/worker/clock.js";
import { VirtualClock as RuntimeClock } from "../../src/testing/index.js";

/**
 * A clock of the Kubernetes room that stands still until the test advances it. `runtime` is the same time for an embedded
 * runtime: `EmbeddedRuntime.start({ clock: clock.runtime })`.
 */
export class VirtualClock implements Clock {
  readonly runtime: RuntimeClock;
  /** The default of {@link until}. */
  activity: () => number = () => 0;
  #setBy = 0;

  /** @param startAt the initial time; 2026-01-01 UTC by default. */
  constructor(startAt?: Date) {
    this.runtime = new RuntimeClock(startAt);
  }

  /** The number of pending `sleep` calls, those of the runtime included. */
  get sleepers(): number {
    return this.runtime.sleepers;
  }

  now(): number {
    return this.monotonicMs() + this.#setBy;
  }

  monotonicMs(): number {
    return Number(this.runtime.now() / 1_000_000n);
  }

  /** Sets the time forward or back, as the correction of a host's clock does: nobody's sleep ends earlier or later. */
  jump(ms: number): void {
    this.#setBy += ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    // The runtime's clock adds a nanosecond whenever it is read: without these, sleepers would wake at whole milliseconds.
    const aheadMs = Number(this.runtime.now() % 1_000_000n) / 1e6;
    try {
      await this.runtime.sleep(Math.max(0, ms - aheadMs), signal);
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  }

  /** Resolves as soon as this many `sleep` calls are pending. */
  whenSleeping(count: number, signal?: AbortSignal): Promise<void> {
    return this.runtime.whenSleeping(count, signal);
  }

  /** Advances the time. Sleepers wake in the order of their times, and may sleep again within the span. */
  advance(ms: number): Promise<void> {
    return this.runtime.advance(ms);
  }

  /**
   * Advances the time in steps until `holds()` is true, and lets real I/O (calls to a runtime, files) finish between them: as long as
   * `activity` changes, such as the number of calls to a runtime, the clock stands still. Returns the milliseconds that passed on this
   * clock. Rejects after `limitMs` of them.
   */
  async until(
    holds: () => boolean | Promise<boolean>,
    {
      stepMs = 1_000,
      limitMs = 3_600_000,
      activity = this.activity,
    }: { readonly stepMs?: number; readonly limitMs?: number; readonly activity?: () => number } = {},
  ): Promise<number> {
    const start = this.monotonicMs();
    for (;;) {
      for (let before = -1; before !== activity(); ) {
        before = activity();
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      if (await holds()) return this.monotonicMs() - start;
      if (this.monotonicMs() - start >= limitMs)
        throw new Error(`not within ${limitMs} ms of the virtual clock`);
      await this.advance(stepMs);
    }
  }
}
