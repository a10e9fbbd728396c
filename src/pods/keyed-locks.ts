import { raceAbort } from "../core/index.js";

/** Runs work on one key serially, in the order of the calls. Work on different keys runs concurrently. */
export class KeyedLocks {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const previous = this.#last.get(key) ?? Promise.resolve();
    const result = previous.then(() => {
      // A caller that was canceled in the queue must not start its work.
      signal.throwIfAborted();
      return work();
    });
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    try {
      // Only the wait in the queue is raced. Started work reacts to the signal itself, and rolls back.
      await raceAbort(previous, signal);
      return await result;
    } finally {
      void settled.then(() => {
        if (this.#last.get(key) === settled) this.#last.delete(key);
      });
    }
  }
}
