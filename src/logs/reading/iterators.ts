/** An iterator over the items of batches. Written by hand, because a generator costs several times as much per item. */
export class BatchItems<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #batches: AsyncIterableIterator<readonly T[]> & AsyncDisposable;
  #batch: readonly T[] = [];
  #index = 0;
  #pending = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(batches: AsyncIterableIterator<readonly T[]> & AsyncDisposable) {
    this.#batches = batches;
  }

  /** The item that was returned last, if its batch has more items; also after the end. */
  get last(): T | undefined {
    return this.#index < this.#batch.length ? this.#batch[this.#index - 1] : undefined;
  }

  next(): Promise<IteratorResult<T>> {
    const index = this.#index;
    if (index >= this.#batch.length || this.#pending > 0 || this.#isOver) return this.#enqueue();
    this.#index = index + 1;
    // The index was checked above.
    return Promise.resolve({ done: false, value: this.#batch[index] as T });
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#isOver = true;
    await this.#batches.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Serializes calls of `next` that do not wait for each other. */
  #enqueue(): Promise<IteratorResult<T>> {
    this.#pending++;
    const result = this.#queue.then(() => this.#pull());
    this.#queue = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #pull(): Promise<IteratorResult<T>> {
    try {
      if (this.#isOver) return { done: true, value: undefined };
      if (this.#index >= this.#batch.length) {
        const next = await this.#batches.next();
        if (next.done) return { done: true, value: undefined };
        this.#batch = next.value;
        this.#index = 0;
      }
      return { done: false, value: this.#batch[this.#index++] as T };
    } finally {
      // Before the result is delivered: the consumer's next call would be queued as well otherwise, and so would all later
      // ones.
      this.#pending--;
    }
  }
}

/** Maps the items of an iterator, and keeps its `return` and disposal. */
export function mapItems<T, U>(
  items: AsyncIterableIterator<T> & AsyncDisposable,
  map: (item: T) => U,
): AsyncIterableIterator<U> & AsyncDisposable {
  return {
    async next() {
      const next = await items.next();
      return next.done ? { done: true, value: undefined } : { done: false, value: map(next.value) };
    },
    async return() {
      await items.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await items.return?.();
    },
  };
}
