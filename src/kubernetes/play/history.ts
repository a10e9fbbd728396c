/** Streams of a handle that any number of readers can iterate over, each at its own pace. They end when the pod has ended. */
import { ChangeSignal, cancelOnReturn } from "../../core/index.js";

/** A stream that a reader can leave. */
export type PlayStream<T> = AsyncIterableIterator<T> & AsyncDisposable;

/** Keeps the last values for readers that come later or are slow: the oldest are dropped. */
export class History<T> {
  readonly #limit: number;
  readonly #values: T[] = [];
  readonly #readers = new Set<ChangeSignal>();
  /** The number of values that were dropped. */
  #dropped = 0;
  #hasEnded = false;
  #error: unknown;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(value: T): void {
    this.#values.push(value);
    if (this.#values.length > this.#limit) {
      this.#values.shift();
      this.#dropped++;
    }
    this.#notify();
  }

  /** Ends all streams after their last value; with an error, they reject with it. */
  end(error?: unknown): void {
    this.#hasEnded = true;
    this.#error = error;
    this.#notify();
  }

  /** Returns the values from the first one that is kept, or from the latest one, and then each new one. */
  read(from: "first" | "latest"): PlayStream<T> {
    return cancelOnReturn((signal) => this.#read(from, signal));
  }

  async *#read(from: "first" | "latest", signal: AbortSignal): AsyncGenerator<T> {
    const changed = new ChangeSignal();
    this.#readers.add(changed);
    try {
      let next = from === "first" ? 0 : this.#dropped + this.#values.length - 1;
      for (;;) {
        const end = this.#dropped + this.#values.length;
        next = Math.max(next, this.#dropped);
        const value = this.#values[next - this.#dropped];
        if (next < end && value !== undefined) {
          next++;
          yield value;
        } else if (this.#error !== undefined) throw this.#error;
        else if (this.#hasEnded) return;
        else await changed.wait({ signal });
      }
    } finally {
      this.#readers.delete(changed);
    }
  }

  #notify(): void {
    for (const reader of this.#readers) reader.notify();
  }
}
