/**
 * Takes batches apart. Written by hand, since a generator costs several times as much for each item.
 */
export class OneByOne<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #batches: AsyncIterableIterator<readonly T[]> & AsyncDisposable;
  #batch: readonly T[] = [];
  #index = 0;
  #waiting = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #isOver = false;

  constructor(batches: AsyncIterableIterator<readonly T[]> & AsyncDisposable) {
    this.#batches = batches;
  }

  /** The item that was given last, when its batch has more; also after the end. */
  get last(): T | undefined {
    return this.#index < this.#batch.length ? this.#batch[this.#index - 1] : undefined;
  }

  next(): Promise<IteratorResult<T>> {
    const index = this.#index;
    if (index >= this.#batch.length || this.#waiting > 0 || this.#isOver) return this.#later();
    this.#index = index + 1;
    // There is one: the length was looked at.
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

  /** Calls that do not wait for each other are served one after the other. */
  #later(): Promise<IteratorResult<T>> {
    this.#waiting++;
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
      // Before whoever waits goes on, or the next call would find it so, and take the long way for ever.
      this.#waiting--;
    }
  }
}

/** The same iterator, with each item made another. */
export function mapped<T, U>(
  items: AsyncIterableIterator<T> & AsyncDisposable,
  make: (item: T) => U,
): AsyncIterableIterator<U> & AsyncDisposable {
  return {
    async next() {
      const next = await items.next();
      return next.done ? { done: true, value: undefined } : { done: false, value: make(next.value) };
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
