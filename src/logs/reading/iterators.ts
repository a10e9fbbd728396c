/**
 * Takes batches apart. Written by hand, since a generator costs several times as much for each item. `given` is told of each item as it
 * is handed out, but not of the last of a batch, after which the batch's own position holds.
 */
export function oneByOne<T>(
  batches: AsyncIterableIterator<readonly T[]> & AsyncDisposable,
  given: (item: T | undefined) => void,
): AsyncIterableIterator<T> & AsyncDisposable {
  let batch: readonly T[] = [];
  let index = 0;
  let pulling: Promise<unknown> | undefined;

  const take = (): IteratorResult<T> => {
    const value = batch[index++] as T; // callers look at the length first
    given(index < batch.length ? value : undefined);
    return { done: false, value };
  };
  const pull = async (): Promise<IteratorResult<T>> => {
    const next = await batches.next();
    if (next.done) return { done: true, value: undefined };
    [batch, index] = [next.value, 0];
    return take();
  };
  return {
    next() {
      if (pulling === undefined && index < batch.length) return Promise.resolve(take());
      // Calls that do not wait for each other are served one after the other.
      const result = (pulling ?? Promise.resolve()).then(() => (index < batch.length ? take() : pull()));
      const done = result
        .catch(() => undefined)
        .finally(() => {
          if (pulling === done) pulling = undefined;
        });
      pulling = done;
      return result;
    },
    async return() {
      [batch, index] = [[], 0];
      await batches.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return?.();
    },
  };
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
