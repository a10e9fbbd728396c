import { stoppedError } from "../core/index.js";

interface Flight<T> {
  readonly stop: AbortController;
  readonly done: Promise<T>;
  waiting: number;
}

/** Work that several callers may want at once, and that is done once for them all. */
export class Flights<T> {
  readonly #running = new Map<string, Flight<T>>();

  /**
   * Waits for the work of this key, which the first caller starts. A caller whose signal fires leaves, and is told why; the
   * work goes on for the others, and ends with the last.
   */
  async join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) throw stoppedError(signal);
    const flight = this.#running.get(key) ?? this.#start(key, work);
    flight.waiting++;
    let leave = () => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(stoppedError(signal));
      signal.addEventListener("abort", leave, { once: true });
    });
    try {
      return await Promise.race([flight.done, left]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (--flight.waiting === 0) {
        // Whoever comes now begins anew: this one is over, or about to be.
        if (this.#running.get(key) === flight) this.#running.delete(key);
        flight.stop.abort(signal.reason);
      }
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const stop = new AbortController();
    const done = work(stop.signal).finally(() => {
      if (this.#running.get(key) === flight) this.#running.delete(key);
    });
    // The last caller may have left before it fails.
    done.catch(() => undefined);
    const flight: Flight<T> = { stop, done, waiting: 0 };
    this.#running.set(key, flight);
    return flight;
  }
}
