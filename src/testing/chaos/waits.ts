import { linkedController, maxTimerMs } from "../../core/index.js";
import type { Clock } from "../embedded/clock.js";

/** The waits of all faults, which end together when the faults are paused. */
export class Waits {
  readonly #clock: Clock;
  readonly #open = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for this time, or without an end. Resolves early when the faults are paused; rejects when the signal fires. */
  async wait(ms: number | undefined, signal: AbortSignal): Promise<void> {
    const controller = linkedController(signal);
    let isReleased = false;
    const release = () => {
      isReleased = true;
      controller.abort();
    };
    this.#open.add(release);
    try {
      if (ms !== undefined) await this.#clock.sleep(Math.min(ms, maxTimerMs), controller.signal);
      else await untilAborted(controller.signal);
    } catch (error) {
      if (!isReleased) throw error;
    } finally {
      this.#open.delete(release);
      controller.unlink();
    }
  }

  release(): void {
    for (const release of this.#open) release();
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(signal.reason);
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}
