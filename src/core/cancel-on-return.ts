import { linkedController } from "./cancellation.js";

/** The abort reason of a stream whose consumer stopped reading: not a failure, and not a cancellation by the caller. */
const consumerReturned = new DOMException("the consumer stopped reading the stream", "AbortError");

/** Reports whether a signal fired because the consumer of a stream stopped reading, of this stream or of one around it. */
export function isConsumerReturn(signal: AbortSignal): boolean {
  return signal.reason === consumerReturned;
}

/**
 * Wraps a stream so that leaving its loop cancels the call. Ending a `for await` (break, return, throw), or calling `return()` even
 * while a `next()` is pending, aborts the signal that `open` received, and thereby ends the call on the server. Nothing is
 * opened before the first `next()`. The stream can be iterated once.
 */
export function cancelOnReturn<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  outer?: AbortSignal,
): AsyncIterableIterator<T> & AsyncDisposable {
  let controller: ReturnType<typeof linkedController> | undefined;
  let source: AsyncIterator<T> | undefined;
  let isOver = false;
  let isReturning = false;

  const start = () => {
    controller = linkedController(outer);
    return open(controller.signal)[Symbol.asyncIterator]();
  };
  const end = () => {
    isOver = true;
    controller?.unlink();
  };
  const done = (): IteratorReturnResult<undefined> => ({ done: true, value: undefined });

  return {
    async next() {
      if (isOver) return done();
      try {
        source ??= start();
        const result = await source.next();
        if (isReturning) return done();
        if (result.done) end();
        return result;
      } catch (error) {
        // An error that return() caused does not concern the consumer.
        if (isReturning) return done();
        end();
        controller?.abort();
        throw error;
      }
    },
    async return() {
      if (!isOver) {
        isReturning = true;
        end();
        controller?.abort(consumerReturned);
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
