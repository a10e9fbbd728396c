import { isAscii } from "node:buffer";
import { inspect } from "node:util";
import type { OpenLines } from "./position.js";
import { CriRecord, type LogStream } from "./record.js";

/**
 * A line that a container printed. `text`, `bytes` and `time` are derived from the bytes of the file on each access. An entry
 * retains the whole block of the file (64 KiB) with which it was read, so store its text rather than the entry.
 */
export interface LogEntry {
  /** The output to which the container printed the line. With a terminal every line is `stdout`. */
  readonly stream: LogStream;
  /** The line as a string, without its newline. Bytes that are not UTF-8 become U+FFFD. */
  readonly text: string;
  /** The line as bytes, without its newline: a view of the memory that was read. */
  readonly bytes: Buffer;
  /** When the line was logged, which is when it ended; truncated to milliseconds. */
  readonly time: Date;
  /** The same time in nanoseconds since 1970. */
  readonly timeNanos: bigint;
  /**
   * Whether the line does not end here. Either it is longer than `maxLineBytes` and continues in the next entry of its stream,
   * or the container printed no newline.
   */
  readonly partial: boolean;
  /** Whether the line began in an earlier entry of its stream, which is `partial`. */
  readonly continued: boolean;
  /** Whether `limitBytes` removed the end of the line. */
  readonly truncated: boolean;
  /** Returns the text. */
  toString(): string;
  /** Returns the entry as plain data. */
  toJSON(): LogEntryData;
}

/** A {@link LogEntry} as plain data. */
export interface LogEntryData {
  /** ISO 8601, in milliseconds. */
  readonly time: string;
  /** The output to which the container printed the line. */
  readonly stream: LogStream;
  /** The line, without its newline. */
  readonly text: string;
  /** Whether the line does not end here. */
  readonly partial: boolean;
  /** Whether the line began in an earlier entry of its stream. */
  readonly continued: boolean;
  /** Whether `limitBytes` removed the end of the line. */
  readonly truncated: boolean;
}

/** The bits of an entry's flags. */
export const entryFlags = { stderr: 1, partial: 2, continued: 4, truncated: 8 } as const;

const newline = 10;
const headers = new CriRecord();

/** The memory that contains the lines of entries. */
export class EntryMemory {
  readonly bytes: Buffer;
  /** The header of the only line, if it is not in `bytes`; if undefined, each line in `bytes` follows its header. */
  readonly header: Buffer | undefined;
  #encoding: "latin1" | "utf8" | undefined;

  constructor(bytes: Buffer, header?: Buffer) {
    this.bytes = bytes;
    this.header = header;
  }

  /** `latin1` for pure ASCII, as in most logs, because decoding it is faster. */
  get encoding(): "latin1" | "utf8" {
    this.#encoding ??= isAscii(this.bytes) ? "latin1" : "utf8";
    return this.#encoding;
  }
}

/** The data that consecutive entries share, so that each entry is small. */
export interface EntryBlock {
  readonly memory: EntryMemory;
  /** The offset of the memory's byte 0 in the file. */
  readonly base: number;
  /** The lines that are open after the entries. */
  readonly open: OpenLines;
}

/** An entry of a log file: a slice of its block. */
export class FileLogEntry implements LogEntry {
  readonly #block: EntryBlock;
  readonly #from: number;
  readonly #to: number;
  readonly #flags: number;

  constructor(block: EntryBlock, from: number, to: number, flags: number) {
    this.#block = block;
    this.#from = from;
    this.#to = to;
    this.#flags = flags;
  }

  get stream(): LogStream {
    return this.#flags & entryFlags.stderr ? "stderr" : "stdout";
  }

  get text(): string {
    const { bytes, encoding } = this.#block.memory;
    return bytes.toString(encoding, this.#from, this.#to);
  }

  get bytes(): Buffer {
    return this.#block.memory.bytes.subarray(this.#from, this.#to);
  }

  get time(): Date {
    const { seconds, nanos } = this.#readHeader();
    return new Date(seconds * 1_000 + Math.floor(nanos / 1e6));
  }

  get timeNanos(): bigint {
    return this.#readHeader().timeNanos;
  }

  get partial(): boolean {
    return (this.#flags & entryFlags.partial) !== 0;
  }

  get continued(): boolean {
    return (this.#flags & entryFlags.continued) !== 0;
  }

  get truncated(): boolean {
    return (this.#flags & entryFlags.truncated) !== 0;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): LogEntryData {
    const { time, stream, text, partial, continued, truncated } = this;
    return { time: time.toISOString(), stream, text, partial, continued, truncated };
  }

  [inspect.custom](): LogEntryData {
    return this.toJSON();
  }

  /** Where the file continues after the entry, and the lines that are open there. */
  get next(): { readonly offset: number; readonly open: OpenLines } {
    const { base, open } = this.#block;
    return { offset: base + this.#to + 1, open };
  }

  /** Returns the same entry with only the first `bytes` bytes of its line. */
  truncate(bytes: number): FileLogEntry {
    const { memory, base, open } = this.#block;
    const to = this.#from + bytes;
    const flags = this.#flags | entryFlags.partial | entryFlags.truncated;
    const block = { memory, base: base + this.#to - to, open };
    return new FileLogEntry(block, this.#from, to, flags);
  }

  #readHeader(): CriRecord {
    const { bytes, header } = this.#block.memory;
    // A header contains no newline, so the newline before it ends another record.
    if (header) headers.readHeader(header, 0);
    else headers.readHeader(bytes, bytes.lastIndexOf(newline, this.#from - 1) + 1);
    return headers;
  }
}
