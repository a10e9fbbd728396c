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

/** What is told while chunks are written, and what ends the writing. */
export interface Writing<T> {
  /** Fires for `aborted_by_caller` and `deadline`. */
  readonly signal: AbortSignal | undefined;
  /** Settles when the reading was closed: what the stream has not called back for then is not waited for. */
  readonly ended: Promise<unknown>;
  /** A chunk is being written until this settles. */
  writing(done: Promise<void>): void;
  /** The stream has called back for it. */
  written(item: T): void;
}

/** Writes one chunk after the other, each when the stream has called back for the one before. When the stream is gone, so is the source. */
export async function writeAll<T extends { readonly value: Buffer }>(
  items: AsyncIterableIterator<T> & AsyncDisposable,
  stream: Writable,
  writing: Writing<T>,
): Promise<void> {
  let leaveWrite: () => void = () => undefined;
  void writing.ended.then(() => leaveWrite());
  let failure: Error | null | undefined;
  const leave = finished(stream, { readable: false }, (error) => {
    failure = error;
    void items[Symbol.asyncDispose]();
  });
  try {
    for await (const item of items) {
      const done = write(stream, item.value);
      writing.writing(done);
      const isWritten = await unlessStopped(done, writing.signal, (leave) => {
        leaveWrite = leave;
      });
      if (!isWritten) break;
      writing.written(item);
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

/** Whether it came to its end: false when it was left before. Rejects when the signal fires before it has settled. */
function unlessStopped(
  work: Promise<void>,
  signal: AbortSignal | undefined,
  onLeave: (leave: () => void) => void,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    onLeave(() => resolve(false));
    const stop = () => signal && reject(stoppedError(signal));
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    work.then(() => resolve(true), reject).finally(() => signal?.removeEventListener("abort", stop));
  });
}
