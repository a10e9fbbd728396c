/** Why the signal of a stream fired whose reader left it: nothing failed, and nobody gave up waiting. */
const left = new DOMException("the stream was left", "AbortError");

/** Whether a signal fired because the reader of a stream left it, here or further out. */
export function isLeft(signal: AbortSignal): boolean {
  return signal.reason === left;
}

/**
 * An async iterable whose call ends when the loop does: leaving a `for await` (break, return, throw), or calling
 * `return()` even while a `next()` is waiting, aborts the signal that `open` was given, and so ends the call on
 * the server. Nothing is opened before the first `next()`. It can be iterated once.
 */
export function untilBreak<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  outer?: AbortSignal,
): AsyncIterableIterator<T> & AsyncDisposable {
  const stop = new AbortController();
  const forward = () => stop.abort(outer?.reason);
  let source: AsyncIterator<T> | undefined;
  let over = false;
  let leaving = false;

  const end = () => {
    over = true;
    outer?.removeEventListener("abort", forward);
  };
  const start = () => {
    if (outer?.aborted) forward();
    else outer?.addEventListener("abort", forward, { once: true });
    return open(stop.signal)[Symbol.asyncIterator]();
  };
  const done = (): IteratorReturnResult<undefined> => ({ done: true, value: undefined });

  return {
    async next() {
      if (over) return done();
      try {
        source ??= start();
        const result = await source.next();
        if (leaving) return done();
        if (result.done) end();
        return result;
      } catch (error) {
        // An error that our own return() provoked is not the caller's.
        if (leaving) return done();
        end();
        stop.abort();
        throw error;
      }
    },
    async return() {
      if (!over) {
        leaving = true;
        end();
        stop.abort(left);
        await source?.return?.().catch(() => undefined);
      }
      return done();
    },
    async throw(error) {
      await this.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return?.();
    },
  };
}
