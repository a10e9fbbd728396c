import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";

const lengthMs = 5;

/**
 * Divides long synchronous work into slices of a few milliseconds. Reading thousands of small files synchronously is several times
 * cheaper than through Node's thread pool, but other calls wait meanwhile.
 */
export class TimeSlice {
  #since = performance.now();

  /** Whether it is time to pause. */
  get isOver(): boolean {
    return performance.now() - this.#since > lengthMs;
  }

  /** Lets all other work that waits have its turn, or pauses for longer. Does not keep the process alive. */
  async pause(pauseMs = 0): Promise<void> {
    await (pauseMs > 0 ? sleep(pauseMs, undefined, { ref: false }) : turn());
    this.#since = performance.now();
  }
}
