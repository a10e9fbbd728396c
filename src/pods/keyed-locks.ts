import { unlessAborted } from "../core/index.js";

/** Lets work on one key run one after the other, in the order of asking; work on other keys is not held up. */
export class KeyedLocks {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(() => {
      // Whoever gave up while it waited has no turn.
      signal.throwIfAborted();
      return work();
    });
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, settled);
    try {
      // Who waits for its turn may leave; work that has begun hears the signal itself, and undoes what it did.
      await unlessAborted(before, signal);
      return await mine;
    } finally {
      void settled.then(() => {
        if (this.#last.get(key) === settled) this.#last.delete(key);
      });
    }
  }
}
