import type { Writable } from "node:stream";
import { abortError, type CriError, cancelOnReturn, criError, isCriError } from "../../core/index.js";
import { logFailed } from "../files/errors.js";
import { DoubleBuffer, freshBuffers, type ReadBuffers } from "../files/log-file.js";
import type { FileLogEntry, LogEntry } from "../records/entry.js";
import { EntrySink, type SinkOptions } from "../records/entry-sink.js";
import { MessageSink } from "../records/message-sink.js";
import { RecordParser, type RecordSink } from "../records/parser.js";
import { cursorOf, type LogCursor, type ReadPosition } from "../records/position.js";
import { TimeRange } from "../records/time.js";
import { BatchItems, mapItems } from "./iterators.js";
import {
  type LogPath,
  type ReadLogsOptions,
  type ResolvedReadOptions,
  resolveReadOptions,
} from "./options.js";
import { LogSource, type SourceEnd, type SourceItem } from "./source.js";
import { checkWritable, releasesChunks, type WriteToOptions, writeAll, writeToTable } from "./write-to.js";

/** Why the reading ended. */
export type LogEndReason =
  /** The whole log was read. */
  | "end_of_file"
  /** `running` returned false, and the whole log was read. */
  | "container_ended"
  /** The file was deleted, and there is no `running` option. */
  | "log_gone"
  /** `limitBytes` was reached. */
  | "limit"
  /** A line logged at `until` or later was read, or that time has passed. */
  | "until"
  /** The caller left the loop or closed the reader, or its signal fired. */
  | "stopped"
  /** The reading failed with `error`. */
  | "failed";

/** How the reading ended. */
export interface LogEnd {
  /** Why the reading ended. */
  readonly reason: LogEndReason;
  /** Where to continue; `undefined` when no file was opened. */
  readonly cursor: LogCursor | undefined;
  /** For `failed`: the error that the loop threw. */
  readonly error?: CriError | undefined;
}

/**
 * A reader of a log, which is read once, in one of four ways: entry by entry in a `for await`, in `batches()`, as `bytes()`, or
 * with `writeTo()`. No file is opened before the first item is requested. Leaving the loop closes everything.
 */
export interface LogReader extends AsyncIterable<LogEntry>, AsyncDisposable {
  /** How the reading ended. Settles when the loop does, and never rejects. */
  readonly ended: Promise<LogEnd>;
  /**
   * Where the reader is: after the last entry that it returned. `readLogs(path, { from: cursor })` continues there, also in
   * another process and after rotations. Undefined before a file was opened, unless the reader began with a cursor.
   */
  readonly cursor: LogCursor | undefined;
  /** How many lines were skipped because they are in no known log format. */
  readonly unreadable: number;
  /** Reads entry by entry. */
  [Symbol.asyncIterator](): AsyncIterableIterator<LogEntry> & AsyncDisposable;
  /** Reads all entries of a block of the file (64 KiB) at a time, which is faster. Batches are never empty. */
  batches(): AsyncIterableIterator<readonly LogEntry[]> & AsyncDisposable;
  /**
   * Reads the bytes that the container printed, unchanged: the messages with their newlines, in the order in which they were
   * logged. For `node:stream`: `Readable.from(reader.bytes())`.
   */
  bytes(): AsyncIterableIterator<Buffer> & AsyncDisposable;
  /**
   * Writes the same bytes to a stream with backpressure, and resolves to how the reading ended: when everything was written, or
   * when the stream was ended elsewhere. Does not end the stream. Fastest when memory can be reused: see {@link
   * WriteToOptions.reuse}. `cursor` is the position after the last chunk that the stream has called back for.
   *
   * @throws {CriError} `invalid_option` for a stream that has ended, and the errors of reading. An error of the stream is thrown as it is.
   */
  writeTo(stream: Writable, options?: WriteToOptions): Promise<LogEnd>;
  /** Ends the reading, and thereby a loop over it. Idempotent. */
  close(): Promise<void>;
}

/** Collects values of type `T` from records. */
interface ValueSink<T> extends RecordSink {
  /** Returns the value of the records since the last call; `undefined` for none. */
  take(): T | undefined;
}

/** The memory into which a file is read, and the sink for its records. */
interface Output<T> {
  readonly buffers: ReadBuffers;
  readonly sinkOf: (options: SinkOptions) => ValueSink<T>;
}

/** A value with the position of the reader after it. */
interface Positioned<T> {
  readonly value: T;
  readonly position: ReadPosition | undefined;
}

/** The largest part of a file that becomes one chunk of `bytes()`. Larger allocations come from the system and are slower. */
const bytesChunkBytes = 98_304;

class FileLogReader implements LogReader {
  readonly ended: Promise<LogEnd>;
  #path: LogPath;
  readonly #options: ResolvedReadOptions;
  readonly #signal: AbortSignal | undefined;
  #settle: (end: LogEnd) => void = () => undefined;
  #iterator: AsyncDisposable | undefined;
  #position: ReadPosition | undefined;
  /** Set when the log is read entry by entry. */
  #entries: BatchItems<FileLogEntry> | undefined;
  /** The path of the current file. */
  #file = "";
  #unreadable = 0;
  #isClosed = false;

  constructor(path: LogPath, options: ReadLogsOptions) {
    this.#path = path;
    this.#options = resolveReadOptions(path, options);
    this.#signal = options.signal;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get cursor(): LogCursor | undefined {
    const position = this.#position;
    if (position === undefined) return this.#options.from;
    // The position is that of a whole batch, of which some entries may not have been returned yet.
    const entry = this.#entries?.last;
    const current = entry ? { ...position, ...entry.next, nanos: entry.timeNanos } : position;
    return cursorOf(current, this.#options.from);
  }

  get unreadable(): number {
    return this.#unreadable;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<LogEntry> & AsyncDisposable {
    this.#entries = new BatchItems(this.batches());
    return this.#entries;
  }

  batches(): AsyncIterableIterator<readonly FileLogEntry[]> & AsyncDisposable {
    const { maxLineBytes } = this.#options;
    return this.#values({
      buffers: freshBuffers,
      sinkOf: (options) => new EntrySink(options, maxLineBytes),
    });
  }

  bytes(): AsyncIterableIterator<Buffer> & AsyncDisposable {
    return this.#values({
      buffers: new DoubleBuffer(undefined, bytesChunkBytes),
      sinkOf: (options) => new MessageSink(options, false),
    });
  }

  async writeTo(stream: Writable, options: WriteToOptions = {}): Promise<LogEnd> {
    checkWritable(stream);
    writeToTable.check("writeTo", options);
    const { reuse = releasesChunks(stream) } = options;
    const chunks = this.#start({
      buffers: new DoubleBuffer(undefined, reuse ? undefined : bytesChunkBytes),
      sinkOf: (options) => new MessageSink(options, reuse),
    });
    await writeAll(chunks, stream, {
      signal: this.#signal,
      ended: this.ended,
      onWritten: ({ position }) => {
        this.#position = position;
      },
    });
    return this.ended;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#iterator?.[Symbol.asyncDispose]();
    this.#finish("stopped");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start<T>(output: Output<T>): AsyncIterableIterator<Positioned<T>> & AsyncDisposable {
    if (this.#iterator)
      throw criError("invalid_option", "LogReader: the log was read already, and a reader reads it once", {
        hint: "Call `readLogs` again",
      });
    const values = cancelOnReturn((signal) => this.#run(output, signal), this.#signal);
    const iterator: typeof values = {
      ...values,
      // Before the first `next` the generator does not run, so it cannot settle `ended` either.
      return: async () => {
        await values.return?.();
        this.#finish("stopped");
        return { done: true, value: undefined };
      },
    };
    this.#iterator = iterator;
    return iterator;
  }

  #values<T>(output: Output<T>): AsyncIterableIterator<T> & AsyncDisposable {
    // The position is updated only when the value is returned: a value that was read, but not returned, must be read again.
    return mapItems(this.#start(output), ({ value, position }) => {
      this.#position = position;
      return value;
    });
  }

  async *#run<T>(
    { buffers, sinkOf }: Output<T>,
    signal: AbortSignal,
  ): AsyncGenerator<Positioned<T>, void, undefined> {
    try {
      if (this.#isClosed) return;
      const { stream, sinceNanos, untilNanos, maxLineBytes, limitBytes } = this.#options;
      const times = new TimeRange(sinceNanos, untilNanos);
      const sink = sinkOf({ times, limitBytes });
      const onUnreadable = (line: Buffer, offset: number) => this.#skip(line, offset);
      const onNulRun = (bytes: number, offset: number) =>
        this.#options.onNotice({
          kind: "damaged",
          path: this.#file,
          offset,
          message: `a record contains ${bytes} NUL bytes`,
        });
      const parser = new RecordParser({ sink, stream, maxLineBytes, onUnreadable, onNulRun });
      const path = typeof this.#path === "string" ? this.#path : await this.#path(signal);
      this.#path = path;
      const source = new LogSource(path, this.#options, signal, buffers).items();
      let end: SourceEnd | "limit" | undefined = sink.stop?.reason;
      try {
        while (end === undefined) {
          const next = await source.next();
          if (!next.done) this.#parse(parser, times, next.value);
          else if (next.value !== "until") parser.endLog();
          const value = next.done && next.value === "until" ? undefined : sink.take();
          end = next.done ? next.value : sink.stop?.reason;
          if (value === undefined) this.#position = parser.position;
          else yield { value, position: parser.position };
        }
      } finally {
        await source.return("end_of_file");
      }
      this.#finish(end);
    } catch (error) {
      if (signal.aborted) throw this.#signal?.aborted ? abortError(this.#signal) : error;
      const failure = isCriError(error) ? error : logFailed(String(this.#path), error);
      this.#finish("failed", failure);
      throw failure;
    } finally {
      this.#finish("stopped");
    }
  }

  #parse(parser: RecordParser, times: TimeRange, item: SourceItem): void {
    const { onNotice } = this.#options;
    switch (item.kind) {
      case "chunk":
        parser.push(item.chunk.bytes, item.chunk.offset, item.chunk.headroom);
        return;
      case "enter":
        this.#file = item.path;
        if (item.isNewest) times.startFrom(undefined);
        parser.enter(item.file, item.offset, item.starts);
        return;
      case "end":
        if (item.why !== "lost") onNotice({ kind: item.why, path: item.path });
        // After a gap, the rest of an open line is missing.
        if (item.why === "rotated") parser.endFile();
        else parser.endLog();
        return;
      case "damaged":
        onNotice({
          kind: "damaged",
          path: item.path,
          offset: item.offset,
          message: `the file cannot be decompressed further: ${item.message}`,
        });
        // Records are missing: the rest of an open line is in none of the next files.
        parser.endLog();
        return;
      case "lost":
        times.startFrom(item.since);
        onNotice({ kind: "lost", path: item.path });
    }
  }

  #skip(line: Buffer, offset: number): void {
    this.#unreadable++;
    this.#options.onNotice({
      kind: "unreadable",
      path: this.#file,
      offset,
      line: line.toString("utf8", 0, 200),
    });
  }

  #finish(reason: LogEndReason, error?: CriError): void {
    this.#settle({ reason, cursor: this.cursor, error });
  }
}

/**
 * Reads the log file that a runtime writes for a container (`ContainerStatus.log_path`), in CRI's format or in Docker's JSON
 * lines. Needs no runtime, only the permission to read the file. A path that is a function is determined when the reading
 * begins.
 *
 * @throws {CriError} `invalid_option` at once. During the iteration: `log_missing`, `log_failed`, `aborted_by_caller`. A damaged
 * compressed file is a notice, and not an error.
 */
export function readLogs(path: LogPath, options: ReadLogsOptions = {}): LogReader {
  return new FileLogReader(path, options);
}
