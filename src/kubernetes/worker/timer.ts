import type { Clock } from "./clock.js";

/** The waits of one loop: each ends when its time has passed on a clock, or with the next wake-up. */
export class Timer {
  readonly #clock: Clock;
  #isWoken = false;
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the current wait, or the next one. */
  readonly wake = (): void => {
    this.#isWoken = true;
    this.#end?.();
  };

  /** Forgets wake-ups before now: what they announced is about to be read. */
  clear(): void {
    this.#isWoken = false;
  }

  /** Waits this many milliseconds, or until the next wake-up since the last `clear()`. One wait at a time. */
  async wait(ms: number): Promise<void> {
    if (this.#isWoken) return;
    const sleep = new AbortController();
    await new Promise<void>((resolve) => {
      this.#end = resolve;
      this.#clock.sleep(ms, sleep.signal).then(resolve, () => undefined);
    });
    this.#end = undefined;
    sleep.abort();
  }
}
