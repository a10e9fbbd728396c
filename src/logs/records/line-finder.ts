import { readDockerLine } from "./docker-line.js";
import { type LogStream, RecordHeader } from "./header.js";
import { LineAssembler } from "./line-assembler.js";

/** A line of the container, by where it begins. */
export interface Line {
  readonly stream: LogStream;
  readonly offset: number;
  /** Whether it is the first of its stream that was seen, so that it may have begun before. */
  readonly isFirst: boolean;
}

const newline = 10;
/** Of a record as long as this only the header matters, and it need not be held. */
const maxRecordBytes = 1_048_576;

/** Finds the last lines in bytes that are read forward. */
export class LineFinder {
  readonly #count: number;
  readonly #stream: LogStream | undefined;
  readonly #header = new RecordHeader();
  readonly #assembler: LineAssembler;
  readonly #open = new Map<LogStream, Line>();
  readonly #seen = new Set<LogStream>();
  #lines: Line[] = [];
  #isInside: boolean;
  #end: number;

  /** The bytes begin at `from`: when that is not the beginning of the file, in the middle of a record. */
  constructor(count: number, stream: LogStream | undefined, from: number) {
    this.#count = count;
    this.#stream = stream;
    this.#isInside = from > 0;
    this.#end = from;
    this.#assembler = new LineAssembler(
      maxRecordBytes,
      (bytes, from, to, base, begin) => this.#take(bytes, from, to, base, begin),
      (line) => Buffer.from(line.subarray(0, 256)),
    );
  }

  push(chunk: Buffer, offset: number): void {
    this.#assembler.push(chunk, offset, 0);
  }

  /** There are no more bytes: a record without its newline is a piece of a line, as when it is read. */
  finish(): void {
    const { rest } = this.#assembler;
    // What comes first may be the end of a record.
    if (rest === undefined || this.#isInside) return;
    const bytes = Buffer.concat([rest.bytes, Buffer.of(newline)]);
    this.#record(bytes, 0, rest.bytes.length, rest.offset, true);
  }

  /** Whether no record began yet. */
  get isInside(): boolean {
    return this.#isInside;
  }

  /** Whether there was a record of a stream. */
  hasSeen(stream: LogStream): boolean {
    return this.#seen.has(stream);
  }

  /** The last lines that ended. */
  get ended(): readonly Line[] {
    return this.#count === 0 ? [] : this.#lines.slice(-this.#count);
  }

  /** The lines that have not ended. */
  get open(): readonly Line[] {
    return [...this.#open.values()];
  }

  /** Where the last whole record ends. */
  get end(): number {
    return this.#end;
  }

  #take(bytes: Buffer, from: number, to: number, base: number, begin: number): void {
    for (let at = from; at < to; ) {
      const end = bytes.indexOf(newline, at);
      // What comes first may be the end of a record.
      if (this.#isInside) this.#isInside = false;
      else this.#record(bytes, at, end, at === from ? begin : base + at, false);
      at = end + 1;
    }
    this.#end = base + to;
  }

  #record(bytes: Buffer, at: number, end: number, offset: number, isCut: boolean): void {
    let stream: LogStream;
    let endsLine: boolean;
    if (this.#header.read(bytes, at)) {
      stream = this.#header.isStderr ? "stderr" : "stdout";
      endsLine = this.#header.endsLine;
    } else {
      const docker = bytes[at] === 123 ? readDockerLine(bytes.subarray(at, end)) : undefined;
      if (docker === undefined) return;
      stream = docker.stream;
      endsLine = docker.tags[0] === "F";
    }
    if (this.#stream !== undefined && this.#stream !== stream) return;
    const line = this.#open.get(stream) ?? { stream, offset, isFirst: !this.#seen.has(stream) };
    this.#seen.add(stream);
    this.#open.delete(stream);
    if (!endsLine || isCut) this.#open.set(stream, line);
    else if (this.#lines.push(line) > 2 * this.#count + 1_024)
      this.#lines = this.#lines.slice(-this.#count || this.#lines.length);
  }
}
