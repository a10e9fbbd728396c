import { WriteStream } from "node:fs";
import { OutgoingMessage } from "node:http";
import { Socket } from "node:net";
import { finished, type Writable } from "node:stream";
import { CriError, stoppedError } from "../../core/index.js";

/** Options of {@link LogReader.writeTo}. */
export interface WriteToOptions {
  /**
   * Whether memory may be used again once the stream has called back for what is in it, which spares most of the work. Wrong for
   * a stream that keeps what it was given, as a PassThrough does. The default is `true` for files, sockets, pipes, terminals
   * and HTTP messages, and `false` for all others.
   */
  readonly reuse?: boolean | undefined;
}

/** Whether a stream is of a kind that looks at no chunk after its callback. */
export function forgetsChunks(stream: Writable): boolean {
  return stream instanceof WriteStream || stream instanceof Socket || stream instanceof OutgoingMessage;
}

/** Throws for a stream to which nothing can be written any more. */
export function checkOpen(stream: Writable): void {
  if (stream.destroyed || stream.writableEnded)
    throw new CriError({
      code: "invalid_argument",
      reason: "invalid_option",
      text: "writeTo was given a stream that has ended",
    });
}

/** What is told while chunks are written. */
export interface Writing<T> {
  /** A chunk is being written until this settles. */
  writing(done: Promise<void>): void;
  /** The stream has called back for it. */
  written(item: T): void;
}

/** Writes one chunk after the other, each when the stream has called back for the one before. When the stream is gone, so is the source. */
export async function writeAll<T extends { readonly value: Buffer }>(
  items: AsyncIterableIterator<T> & AsyncDisposable,
  stream: Writable,
  signal: AbortSignal | undefined,
  tell: Writing<T>,
): Promise<void> {
  let failure: Error | null | undefined;
  const leave = finished(stream, { readable: false }, (error) => {
    failure = error;
    void items[Symbol.asyncDispose]();
  });
  try {
    for await (const item of items) {
      const done = write(stream, item.value);
      tell.writing(done);
      await unlessStopped(done, signal);
      tell.written(item);
    }
    if (failure) throw failure;
  } finally {
    // A stream that failed still has to say so.
    if (!stream.errored) leave();
  }
}

function write(stream: Writable, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

/** The same promise, which rejects when the signal fires before it has settled. */
function unlessStopped<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(stoppedError(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
