import { abortError, raceAbort } from "../core/index.js";

interface Flight<T> {
  readonly controller: AbortController;
  readonly result: Promise<T>;
  waiting: number;
}

/** Runs work once for all concurrent callers with the same key. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /**
   * Resolves with the result of the work in flight for this key, which the first caller starts. A caller whose signal fires stops
   * waiting and rejects; the work continues for the others, and is canceled after the last one.
   */
  async join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (signal.aborted) throw abortError(signal);
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiting++;
    try {
      return await raceAbort(flight.result, signal, (reject) => reject(abortError(signal)));
    } finally {
      if (--flight.waiting === 0) {
        // Later callers start anew: this flight has ended or is being canceled.
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
        flight.controller.abort(signal.reason);
      }
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const result = work(controller.signal).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    // Avoids an unhandled rejection when the work fails after the last caller stopped waiting.
    result.catch(() => undefined);
    const flight: Flight<T> = { controller, result, waiting: 0 };
    this.#flights.set(key, flight);
    return flight;
  }
}
