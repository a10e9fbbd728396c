import { inspect } from "node:util";
import { type LogStream, RecordHeader } from "./header.js";
import type { OpenLines } from "./record-reader.js";

/** The bits of an entry's flags. */
export const entryFlags = { stderr: 1, partial: 2, continued: 4, truncated: 8 } as const;

const times = new RecordHeader();

/**
 * A line that a container printed. Its text and its time are made when they are asked for, from the bytes that were read; each
 * time anew. An entry that is kept keeps the block of the file in memory that it was read with (up to 256 KiB): keep its text
 * instead.
 */
export class LogEntry {
  readonly #header: Buffer;
  readonly #headerAt: number;
  readonly #content: Buffer;
  readonly #from: number;
  readonly #to: number;
  readonly #flags: number;
  readonly #offset: number;
  readonly #open: OpenLines;

  /** @internal */
  constructor(
    header: Buffer,
    headerAt: number,
    content: Buffer,
    from: number,
    to: number,
    flags: number,
    offset: number,
    open: OpenLines,
  ) {
    this.#header = header;
    this.#headerAt = headerAt;
    this.#content = content;
    this.#from = from;
    this.#to = to;
    this.#flags = flags;
    this.#offset = offset;
    this.#open = open;
  }

  /** Which of its two outputs the container printed the line to. With a terminal all is `stdout`. */
  get stream(): LogStream {
    return this.#flags & entryFlags.stderr ? "stderr" : "stdout";
  }

  /** The line as text, without the newline that ended it. Bytes that are not UTF-8 become U+FFFD. */
  get text(): string {
    return this.#content.toString("utf8", this.#from, this.#to);
  }

  /** The line as bytes, without the newline that ended it; a view on what was read. */
  get bytes(): Buffer {
    return this.#content.subarray(this.#from, this.#to);
  }

  /** When the line was logged, which is when it ended; cut to whole milliseconds. */
  get time(): Date {
    times.read(this.#header, this.#headerAt);
    return new Date(times.seconds * 1_000 + Math.floor(times.nanos / 1e6));
  }

  /** The same in nanoseconds since 1970. */
  get timeNanos(): bigint {
    times.read(this.#header, this.#headerAt);
    return times.timeNanos;
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

  /** @internal Where the file goes on after it, and which lines are open there. */
  static placeOf(entry: LogEntry): { readonly offset: number; readonly open: OpenLines } {
    return { offset: entry.#offset, open: entry.#open };
  }

  /** @internal The same entry with only the first so many bytes of its line. */
  static cut(entry: LogEntry, bytes: number): LogEntry {
    const flags = entry.#flags | entryFlags.partial | entryFlags.truncated;
    const to = entry.#from + bytes;
    return new LogEntry(
      ...([entry.#header, entry.#headerAt, entry.#content, entry.#from, to, flags] as const),
      ...([entry.#offset, entry.#open] as const),
    );
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
