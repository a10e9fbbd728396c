import type { Writable } from "node:stream";
import { CriError, isCriError, stoppedError, untilBreak } from "../../core/index.js";
import { logFailed } from "../files/errors.js";
import { LogEntry } from "../records/entry.js";
import { EntryReader } from "../records/entry-reader.js";
import { RecordFilter } from "../records/filter.js";
import { MessageReader } from "../records/message-reader.js";
import type { Position, RecordReader, RecordReaderOptions } from "../records/record-reader.js";
import { cursorOf, type LogCursor } from "./cursor.js";
import type { LogEnd, LogEndReason } from "./end.js";
import { mapped, OneByOne } from "./iterators.js";
import { type ReadLogsOptions, type ResolvedReadOptions, resolveReadOptions } from "./options.js";
import { LogSource, type SourceEnd, type SourceItem } from "./source.js";
import { checkOpen, forgetsChunks, type WriteToOptions, writeAll } from "./write-to.js";

/** What is given, and where the reader is when it was. */
interface Given<T> {
  readonly value: T;
  readonly position: Position | undefined;
}

/** Where a log is: a path, or who knows it when the reading begins. */
export type LogPath = string | ((signal: AbortSignal) => Promise<string>);

/**
 * Reads a log once: entry by entry in a `for await`, in `batches()`, or as `bytes()`. Nothing is opened before the first is asked
 * for. Leaving the loop closes everything.
 */
export class LogReader implements AsyncIterable<LogEntry>, AsyncDisposable {
  /** How it ended. Settles when the loop does, and never rejects. */
  readonly ended: Promise<LogEnd>;
  #path: LogPath;
  readonly #options: ResolvedReadOptions;
  readonly #signal: AbortSignal | undefined;
  #settle: (end: LogEnd) => void = () => undefined;
  #iterator: AsyncDisposable | undefined;
  #position: Position | undefined;
  /** Who takes the batches apart, when that is how it is read. */
  #entries: OneByOne<LogEntry> | undefined;
  #file = "";
  #unreadable = 0;
  #isClosed = false;

  /** @internal */
  constructor(path: LogPath, options: ReadLogsOptions) {
    this.#path = path;
    this.#options = resolveReadOptions(typeof path === "string" ? path : undefined, options);
    this.#signal = options.signal;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Reads entry by entry. */
  [Symbol.asyncIterator](): AsyncIterableIterator<LogEntry> & AsyncDisposable {
    this.#entries = new OneByOne(this.batches());
    return this.#entries;
  }

  /** Reads as many entries at a time as a block of the file has (64 KiB): the faster way to them. No batch is empty. */
  batches(): AsyncIterableIterator<readonly LogEntry[]> & AsyncDisposable {
    return this.#values(this.#start((options) => new EntryReader(options)));
  }

  /**
   * Reads the bytes that the container printed, as they were: the messages with their newlines, in the order in which they were
   * logged. For `node:stream`: `Readable.from(reader.bytes())`.
   */
  bytes(): AsyncIterableIterator<Buffer> & AsyncDisposable {
    return this.#values(this.#start((options) => new MessageReader(options, false)));
  }

  /**
   * Writes the same bytes to a stream, at its pace, and resolves to how the reader ended: when all was written, or the stream was
   * ended by somebody else. The stream stays open. The fastest way where memory can be used again: see
   * {@link WriteToOptions.reuse}. `cursor` is after what the stream has called back for.
   *
   * @throws {CriError} As reading does; `invalid_option` for a stream that has ended. What the stream fails with is thrown as it is.
   */
  async writeTo(stream: Writable, { reuse = forgetsChunks(stream) }: WriteToOptions = {}): Promise<LogEnd> {
    checkOpen(stream);
    let messages: MessageReader | undefined;
    const given = this.#start((options) => {
      messages = new MessageReader(options, reuse);
      return messages;
    });
    await writeAll(given, stream, {
      signal: this.#signal,
      ended: this.ended,
      writing: (done) => messages?.blocks.usedUntil(done),
      written: ({ position }) => {
        this.#position = position;
      },
    });
    return this.ended;
  }

  /**
   * Where the reader is: after what it gave last. `readLogs(path, { from: cursor })` goes on there, also in another process, after
   * rotations. Undefined before anything was opened, unless it began with a cursor.
   */
  get cursor(): LogCursor | undefined {
    const position = this.#position;
    if (position === undefined) return this.#options.from;
    // The position is that of a whole batch, of which some entries may still be to come.
    const entry = this.#entries?.last;
    return cursorOf(entry ? { ...position, ...placeAfter(entry) } : position, this.#options.from);
  }

  /** How many lines were passed over, since they are in no format of a log. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Ends the reading; a loop over it ends, too. Does nothing when it has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#iterator?.[Symbol.asyncDispose]();
    this.#finish("stopped");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start<T>(
    make: (options: RecordReaderOptions) => RecordReader<T>,
  ): AsyncIterableIterator<Given<T>> & AsyncDisposable {
    if (this.#iterator)
      throw new CriError({
        code: "invalid_argument",
        reason: "invalid_option",
        text: "a log is read once: this reader was asked for its entries or its bytes before",
        hint: "Call readLogs again",
      });
    const given = untilBreak((signal) => this.#run(make, signal), this.#signal);
    const iterator: typeof given = {
      ...given,
      // Where nothing was asked for, nothing ran that would say that it ended.
      return: async () => {
        await given.return?.();
        this.#finish("stopped");
        return { done: true, value: undefined };
      },
    };
    this.#iterator = iterator;
    return iterator;
  }

  #values<T>(
    given: AsyncIterableIterator<Given<T>> & AsyncDisposable,
  ): AsyncIterableIterator<T> & AsyncDisposable {
    // What was read, but not taken any more, must be read again by whoever goes on.
    return mapped(given, ({ value, position }) => {
      this.#position = position;
      return value;
    });
  }

  async *#run<T>(
    make: (options: RecordReaderOptions) => RecordReader<T>,
    signal: AbortSignal,
  ): AsyncGenerator<Given<T>, void, undefined> {
    try {
      if (this.#isClosed) return;
      const { stream, sinceNanos, untilNanos, maxLineBytes, limitBytes } = this.#options;
      const filter = new RecordFilter(stream, sinceNanos, untilNanos);
      const onUnreadable = (line: Buffer, offset: number) => this.#passOver(line, offset);
      const reader = make({ filter, maxLineBytes, limitBytes, onUnreadable });
      const path = typeof this.#path === "string" ? this.#path : await this.#path(signal);
      this.#path = path;
      const source = new LogSource(path, this.#options, signal, reader.blocks).items();
      let end: SourceEnd | "limit" | undefined = reader.over;
      try {
        while (end === undefined) {
          const next = await source.next();
          const value = next.done ? lastOf(reader, next.value) : this.#handle(reader, filter, next.value);
          end = next.done ? next.value : reader.over;
          if (value === undefined) this.#position = reader.position;
          else yield { value, position: reader.position };
        }
      } finally {
        await source.return("end_of_file");
      }
      this.#finish(end);
    } catch (error) {
      if (signal.aborted) throw this.#signal?.aborted ? stoppedError(this.#signal) : error;
      const failure = isCriError(error) ? error : logFailed(String(this.#path), error);
      this.#finish("failed", failure);
      throw failure;
    } finally {
      this.#finish("stopped");
    }
  }

  #handle<T>(reader: RecordReader<T>, filter: RecordFilter, item: SourceItem): T | undefined {
    const tell = this.#options.onNotice;
    switch (item.kind) {
      case "bytes":
        return reader.push(item.bytes, item.offset, item.room);
      case "enter":
        this.#file = item.path;
        if (item.isNewest) filter.notBefore(undefined);
        reader.enter(item.file, item.offset, item.gate);
        return undefined;
      case "cut":
        if (item.why !== "lost") tell({ kind: item.why, path: item.path });
        // What comes after a gap is not the rest of a line.
        return item.why === "rotated" ? reader.cut() : reader.end();
      case "lost":
        filter.notBefore(item.since);
        tell({ kind: "lost", path: item.path });
        return undefined;
    }
  }

  #passOver(line: Buffer, offset: number): void {
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

function lastOf<T>(reader: RecordReader<T>, end: SourceEnd): T | undefined {
  return end === "until" ? undefined : reader.end();
}

function placeAfter(entry: LogEntry): Partial<Position> {
  return { ...LogEntry.placeOf(entry), nanos: entry.timeNanos };
}

/**
 * Reads the log file that a runtime writes for a container (`ContainerStatus.log_path`): CRI's format, or Docker's JSON lines. Needs no
 * runtime, only the right to read the file. The path may be a function that finds it out, asked when the reading begins.
 *
 * @throws {CriError} `invalid_option` at once. While it is read: `log_missing`, `log_failed`, `invalid_file` for a compressed
 * file that is broken, `aborted_by_caller`.
 */
export function readLogs(path: LogPath, options: ReadLogsOptions = {}): LogReader {
  return new LogReader(path, options);
}
