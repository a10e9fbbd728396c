import { WriteStream } from "node:fs";
import { OutgoingMessage } from "node:http";
import { Socket } from "node:net";
import { finished, type Writable } from "node:stream";
import {
  abortError,
  checkArgument,
  criError,
  linkedController,
  OptionTable,
  onAbort,
  option,
} from "../../core/index.js";

/** Options of {@link LogReader.writeTo}. */
export interface WriteToOptions {
  /**
   * Whether the memory of a chunk may be overwritten after the stream has called back for it, which is much faster. Must be
   * `false` for a stream that retains chunks, as a PassThrough does.
   *
   * @default `true` for files, sockets, pipes, terminals and HTTP messages, `false` for other streams
   */
  readonly reuse?: boolean | undefined;
}

/** The options of {@link WriteToOptions}. */
export const writeToTable = new OptionTable<WriteToOptions>({ reuse: option.boolean });

/** Returns whether a stream is of a kind that does not access a chunk after its callback. */
export function releasesChunks(stream: Writable): boolean {
  return stream instanceof WriteStream || stream instanceof Socket || stream instanceof OutgoingMessage;
}

/** Throws `invalid_option` for a stream that has ended. */
export function checkWritable(stream: Writable): void {
  checkArgument("writeTo", "stream", stream, (value) =>
    typeof value === "object" && typeof value?.write === "function" ? undefined : "must be a writable stream",
  );
  if (stream.destroyed || stream.writableEnded)
    throw criError("invalid_option", "writeTo: the stream has ended or was destroyed", {
      hint: "Pass a stream that is still writable",
    });
}

/** Callbacks and ends of {@link writeAll}. */
export interface WriteHooks<T> {
  /** Cancels the writing with `aborted_by_caller` or `deadline`. */
  readonly signal: AbortSignal | undefined;
  /** Settles when the reader was closed. A write that is in flight is then not awaited. */
  readonly ended: Promise<unknown>;
  /** Called when the stream has accepted an item, that is, called the callback of its write. */
  onWritten(item: T): void;
}

/**
 * Writes items one after the other: each waits for the callback of the previous write. When the stream fails or ends, the items
 * are disposed.
 */
export async function writeAll<T extends { readonly value: Buffer }>(
  items: AsyncIterableIterator<T> & AsyncDisposable,
  stream: Writable,
  { signal, ended, onWritten }: WriteHooks<T>,
): Promise<void> {
  let failure: Error | null | undefined;
  const removeListeners = finished(stream, { readable: false }, (error) => {
    failure = error;
    void items[Symbol.asyncDispose]();
  });
  const stop = linkedController(signal);
  void ended.then(() => stop.abort());
  try {
    for await (const item of items) {
      if (await write(stream, item.value, stop.signal)) onWritten(item);
      else if (signal?.aborted) throw abortError(signal);
      else break;
    }
    if (failure) throw failure;
  } finally {
    stop.unlink();
    // The error of a stream that failed is still to be emitted.
    if (!stream.errored) removeListeners();
  }
}

/** Resolves to `true` when the stream has called back, to `false` when the signal fires before. */
function write(stream: Writable, chunk: Buffer, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const removeCallback = onAbort(signal, () => resolve(false));
    stream.write(chunk, (error) => {
      removeCallback();
      if (error) reject(error);
      else resolve(true);
    });
  });
}
