import { inspect } from "node:util";
import { type LogStream, RecordHeader } from "./header.js";
import type { OpenLines } from "./record-reader.js";

/** The bits of an entry's flags. */
export const entryFlags = { stderr: 1, partial: 2, continued: 4, truncated: 8, ascii: 16 } as const;

const newline = 10;
const times = new RecordHeader();

/** What the entries of a block of a file share, so that each is small. */
export interface EntryBlock {
  /** Where their lines are. */
  readonly bytes: Buffer;
  /** The header, where it is apart from the line; else it stands before that in the same bytes. */
  readonly header: Buffer | undefined;
  /** Where byte 0 of those is in the file, so that the file goes on at `base + to + 1`. */
  readonly base: number;
  /** The lines that are open after them. */
  readonly open: OpenLines;
}

/**
 * A line that a container printed. Its text and its time are made when they are asked for, from the bytes that were read; each
 * time anew. An entry that is kept keeps the block of the file in memory that it was read with (64 KiB): keep its text
 * instead.
 */
export class LogEntry {
  readonly #block: EntryBlock;
  readonly #from: number;
  readonly #to: number;
  readonly #flags: number;

  /** @internal */
  constructor(block: EntryBlock, from: number, to: number, flags: number) {
    this.#block = block;
    this.#from = from;
    this.#to = to;
    this.#flags = flags;
  }

  /** Which of its two outputs the container printed the line to. With a terminal all is `stdout`. */
  get stream(): LogStream {
    return this.#flags & entryFlags.stderr ? "stderr" : "stdout";
  }

  /** The line as text, without the newline that ended it. Bytes that are not UTF-8 become U+FFFD. */
  get text(): string {
    const encoding = this.#flags & entryFlags.ascii ? "latin1" : "utf8";
    return this.#block.bytes.toString(encoding, this.#from, this.#to);
  }

  /** The line as bytes, without the newline that ended it; a view on what was read. */
  get bytes(): Buffer {
    return this.#block.bytes.subarray(this.#from, this.#to);
  }

  /** When the line was logged, which is when it ended; cut to whole milliseconds. */
  get time(): Date {
    const { seconds, nanos } = this.#readHeader();
    return new Date(seconds * 1_000 + Math.floor(nanos / 1e6));
  }

  /** The same in nanoseconds since 1970. */
  get timeNanos(): bigint {
    return this.#readHeader().timeNanos;
  }

  /**
   * Whether the line does not end here: it goes on in the next entry of its stream, since it is longer than `maxLineBytes`, or
   * it has no end, since the container printed none.
   */
  get partial(): boolean {
    return (this.#flags & entryFlags.partial) !== 0;
  }

  /** Whether the line began in an earlier entry of its stream, which is `partial`. */
  get continued(): boolean {
    return (this.#flags & entryFlags.continued) !== 0;
  }

  /** Whether `limitBytes` took the end of it away. */
  get truncated(): boolean {
    return (this.#flags & entryFlags.truncated) !== 0;
  }

  /** The text. */
  toString(): string {
    return this.text;
  }

  /** What is in it, as plain data. */
  toJSON(): LogEntryData {
    const { time, stream, text, partial, continued, truncated } = this;
    return { time: time.toISOString(), stream, text, partial, continued, truncated };
  }

  [inspect.custom](): LogEntryData {
    return this.toJSON();
  }

  #readHeader(): RecordHeader {
    const { bytes, header } = this.#block;
    // A header has no newline, so the one before it is the end of another record.
    if (header) times.read(header, 0);
    else times.read(bytes, bytes.lastIndexOf(newline, this.#from - 1) + 1);
    return times;
  }

  /** @internal Where the file goes on after it, and which lines are open there. */
  static placeOf(entry: LogEntry): { readonly offset: number; readonly open: OpenLines } {
    const { base, open } = entry.#block;
    return { offset: base + entry.#to + 1, open };
  }

  /** @internal The same entry with only the first so many bytes of its line. */
  static cut(entry: LogEntry, bytes: number): LogEntry {
    const { base, ...block } = entry.#block;
    const to = entry.#from + bytes;
    const flags = entry.#flags | entryFlags.partial | entryFlags.truncated;
    return new LogEntry({ ...block, base: base + entry.#to - to }, entry.#from, to, flags);
  }
}

/** A {@link LogEntry} as plain data. */
export interface LogEntryData {
  /** ISO 8601, in milliseconds. */
  readonly time: string;
  readonly stream: LogStream;
  readonly text: string;
  readonly partial: boolean;
  readonly continued: boolean;
  readonly truncated: boolean;
}
