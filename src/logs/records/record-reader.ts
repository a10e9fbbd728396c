import type { Blocks } from "../files/blocks.js";
import type { LogFileIdentity } from "../files/identity.js";
import { Scanner } from "../scanner/scanner.js";
import { criHeader, readDockerLine } from "./docker-line.js";
import type { RecordFilter } from "./filter.js";
import { RecordHeader } from "./header.js";
import { LineAssembler } from "./line-assembler.js";

/** For each stream, where its records begin to count in a file. Infinity: in a later file. */
export interface Gate {
  readonly stdout: number;
  readonly stderr: number;
}

/** A place in a log. */
export interface Place {
  readonly file: LogFileIdentity;
  /** Bytes of the file that lie before it; of a compressed file, bytes of what was compressed. */
  readonly offset: number;
}

/** Lines of which a piece was read, and not the end: where each began. */
export interface OpenLines {
  readonly stdout?: Place | undefined;
  readonly stderr?: Place | undefined;
}

export const noOpenLines: OpenLines = Object.freeze({});

/** Where a reader is: a place, and what it needs to know besides to go on there. */
export interface Position extends Place {
  readonly open: OpenLines;
  /** The time of the last record, in nanoseconds since 1970. */
  readonly nanos: bigint | undefined;
}

/** How a record reader is set up. */
export interface RecordReaderOptions {
  readonly filter: RecordFilter;
  /** The longest line of the container that is held in memory. */
  readonly maxLineBytes: number;
  /** How many bytes of messages to give at most. */
  readonly limitBytes: number;
  /** Told of each line that is no record. */
  readonly onUnreadable: (line: Buffer, offset: number) => void;
}

const newline = 10;
const brace = 123;
/** Longer headers than this do not exist; a record has so much more than its content. */
const headerBytes = 256;

/** From chunks of log files to records, one by one. What a record becomes, and `T`, is up to the class that extends it. */
export abstract class RecordReader<T> {
  /** What files are to be read into. */
  abstract readonly blocks: Blocks;
  protected readonly header = new RecordHeader();
  protected readonly filter: RecordFilter;
  protected readonly maxLineBytes: number;
  protected leftBytes: number;
  protected readonly isLimited: boolean;
  protected file: LogFileIdentity | undefined;
  /** The lines that were open before the record that is taken, when that may be the one after the last. */
  protected openBefore: OpenLines = noOpenLines;
  readonly #onUnreadable: (line: Buffer, offset: number) => void;
  readonly #lines: LineAssembler;
  #gate: Gate = { stdout: 0, stderr: 0 };
  /** Where the first byte is that no gate is before. */
  #gateEnd = 0;
  #offset = 0;
  readonly #mayStop: boolean;
  /** Where it was over, in the middle of what was given to it. */
  #stop: { readonly offset: number; readonly open: OpenLines } | undefined;

  constructor({ filter, maxLineBytes, limitBytes, onUnreadable }: RecordReaderOptions) {
    this.filter = filter;
    this.maxLineBytes = maxLineBytes;
    this.leftBytes = limitBytes;
    this.#mayStop = filter.isBounded || limitBytes !== Number.POSITIVE_INFINITY;
    this.isLimited = limitBytes !== Number.POSITIVE_INFINITY;
    this.#onUnreadable = onUnreadable;
    // Docker's escapes make a piece of 16 KiB six times as long.
    const limit = Math.max(maxLineBytes, 131_072) + headerBytes;
    this.#lines = new LineAssembler(
      limit,
      (bytes, from, to, base, begin) => this.#take(bytes, from, to, base, begin),
      (line, offset) => this.#overflow(line, offset),
    );
  }

  /** What comes now is of another file, or of the same one anew, and begins at `offset`. */
  enter(file: LogFileIdentity, offset: number, gate: Gate): void {
    this.file = file;
    this.#gate = gate;
    this.#gateEnd = Math.max(gate.stdout, gate.stderr);
    this.#offset = offset;
  }

  /** Takes bytes of the file, and gives what they complete. Of the bytes before them in memory so many are free. */
  push(chunk: Buffer, offset: number, room = 0): T | undefined {
    this.#lines.push(chunk, offset, room);
    return this.take();
  }

  /** The file ended, or was cut: a line without its newline counts as it is. */
  cut(): T | undefined {
    this.#cut();
    return this.take();
  }

  /** The log ended: no line goes on. */
  end(): T | undefined {
    this.#cut();
    this.flush();
    return this.take();
  }

  /** Where the log goes on after what was taken; undefined before any file was entered. */
  get position(): Position | undefined {
    const { file, open, lastNanos: nanos } = this;
    return file && { file, offset: this.#offset, open, nanos, ...this.#stop };
  }

  /** The time of the last record, in nanoseconds since 1970; undefined before the first. */
  get lastNanos(): bigint | undefined {
    return this.header.contentAt === 0 ? undefined : this.header.timeNanos;
  }

  protected get offset(): number {
    return this.#offset;
  }

  /** Where the lines began that have not ended yet. */
  protected get open(): OpenLines {
    return noOpenLines;
  }

  /** Whether nothing more is to come, and why. */
  get over(): "limit" | "until" | undefined {
    return this.leftBytes <= 0 ? "limit" : this.filter.isPast ? "until" : undefined;
  }

  /** A record of a stream that is wanted; its header is in `this.header`, `end` is where its newline is. */
  protected abstract record(bytes: Buffer, at: number, end: number, offset: number, nextOffset: number): void;
  /** Records of so many bytes follow. */
  protected abstract begin(bytes: number): void;
  /** Takes the records that the scanner finds, as many as follow each other: the short way, when no record's time matters. */
  protected abstract usual(scanner: Scanner, bytes: Buffer, from: number, to: number, base: number): void;
  /** Gives up the lines that have not ended. */
  protected abstract flush(): void;
  /** What the records became since the last time. */
  protected abstract take(): T | undefined;

  #take(bytes: Buffer, from: number, to: number, base: number, begin: number): void {
    if (this.#stop) return;
    this.begin(to - from);
    const isRest = begin !== base + from;
    const scanner = this.#mayStop || this.filter.isTimed || isRest ? undefined : Scanner.shared;
    scanner?.forget();
    for (let at = from; at < to; ) {
      if (scanner && base + at >= this.#gateEnd) {
        this.usual(scanner, bytes, at, to, base);
        const { next } = scanner;
        // For the time of the last record.
        if (next > at) this.header.read(bytes, scanner.last);
        at = next;
        if (at >= to) break;
      }
      const offset = at === from ? begin : base + at;
      if (this.#mayStop) this.openBefore = this.open;
      const isRecord = this.header.read(bytes, at);
      const end = bytes.indexOf(newline, isRecord ? this.header.contentAt : at);
      if (!isRecord) this.#other(bytes.subarray(at, end), offset, base + end + 1);
      else if (this.#counts(offset)) this.record(bytes, at, end, offset, base + end + 1);
      if (this.#mayStop && this.over) {
        // A record that is too late was not given; one that is too long was, as far as it may.
        this.#stop =
          this.over === "until"
            ? { offset, open: this.openBefore }
            : { offset: base + end + 1, open: this.open };
        return;
      }
      at = end + 1;
    }
    this.#offset = base + to;
  }

  #counts(offset: number): boolean {
    const { isStderr } = this.header;
    if (offset < this.#gateEnd && offset < (isStderr ? this.#gate.stderr : this.#gate.stdout)) return false;
    return this.filter.wantsStream(isStderr);
  }

  /** What is no record of CRI: one of Docker, or nothing that anybody knows. */
  #other(line: Buffer, offset: number, nextOffset: number): void {
    const docker = line[0] === brace ? readDockerLine(line) : undefined;
    if (docker === undefined) {
      this.#onUnreadable(line, offset);
      return;
    }
    const head = criHeader(docker.timestamp, docker.stream, docker.tags[0]);
    const record = Buffer.concat([head, docker.content, Buffer.of(newline)]);
    if (!this.header.read(record, 0) || !this.#counts(offset)) return;
    this.record(record, 0, record.length - 1, offset, nextOffset);
  }

  /** A record that is longer than what is held becomes a piece, and its header stands before the rest. */
  #overflow(line: Buffer, offset: number): Buffer {
    const record = Buffer.concat([line, Buffer.of(newline)]);
    if (!this.header.read(record, 0)) return Buffer.of(0);
    const head = Buffer.from(line.subarray(0, this.header.contentAt));
    this.header.endsLine = false;
    if (this.#counts(offset)) {
      this.begin(record.length);
      this.record(record, 0, line.length, offset, offset);
    }
    return head;
  }

  #cut(): void {
    const { rest } = this.#lines;
    if (rest === undefined) return;
    this.#lines.clear();
    const offset = this.#offset;
    const line = Buffer.concat([rest.bytes, Buffer.of(newline)]);
    if (!this.header.read(line, 0)) this.#take(line, 0, line.length, rest.offset, rest.offset);
    else {
      // More of it may have been lost: it does not end a line.
      this.header.endsLine = false;
      if (this.#counts(rest.offset)) {
        this.begin(line.length);
        this.record(line, 0, line.length - 1, rest.offset, rest.offset);
      }
    }
    this.#offset = offset;
  }
}
