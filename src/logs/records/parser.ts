import type { LogFileIdentity } from "../files/identity.js";
import { criHeader, readDockerLine } from "./line.js";
import { endOfRun, endWithoutNuls, indexOrEnd, nul, withNewline } from "./nul-bytes.js";
import type { OpenLines, ReadPosition } from "./position.js";
import { CriRecord, type LogStream } from "./record.js";

/** The offset in a file from which the records of each stream are passed on; infinite when they begin in a later file. */
export interface StartOffsets {
  readonly stdout: number;
  readonly stderr: number;
}

/** Why no further records are wanted. */
export interface SinkStop {
  /** `limit`: the byte limit was reached. `until`: a record was logged at or after the end of the time range. */
  readonly reason: "limit" | "until";
  /**
   * The lines that are open where the reading continues: before a record that was too late, or after the one that reached the
   * limit.
   */
  readonly openLines: OpenLines;
}

/** A receiver of the records that a {@link RecordParser} finds. */
export interface RecordSink {
  /** The lines that have begun and not ended. */
  readonly openLines: OpenLines;
  /** Set once no further records are wanted. */
  readonly stop: SinkStop | undefined;
  /**
   * Takes a record of a selected stream. `record` is reused for the next one. `begin` and `end` are the record's position in
   * `file`.
   */
  record(record: CriRecord, begin: number, end: number, file: LogFileIdentity | undefined): void;
  /** Called when the log has ended at `offset`, or bytes before `offset` are lost, so that open lines do not continue. */
  flush(offset: number): void;
}

/** Options of a {@link RecordParser}. */
export interface RecordParserOptions {
  readonly sink: RecordSink;
  /** The stream whose records are passed to the sink; `undefined` selects both. */
  readonly stream: LogStream | undefined;
  /** The longest record, in bytes, that is held in memory. A longer one reaches the sink in several pieces. */
  readonly maxLineBytes: number;
  /** Called for each line that is not a record, and for each run of NUL bytes between records, with the bytes that are skipped. */
  readonly onUnreadable: (line: Buffer, offset: number) => void;
  /** Called for a long run of NUL bytes in a record, which is passed on with them. @default none */
  readonly onNulRun?: ((bytes: number, offset: number) => void) | undefined;
}

const newline = 10;
const brace = 123;
/** How Docker begins a line. Its quotation marks are escaped within a message. */
const dockerLineBegin = '{"log":"';
/** Stands for the beginning of a line that is not a record and too long to be held. */
const noRecord = Buffer.of(1);
/** A run of this length in a record is more often damage than output. */
const longRunBytes = 64;
/** No header is longer than this. */
const maxHeaderBytes = 256;
/** Docker's escapes make a piece of 16 KiB up to six times as long. */
const minHeldBytes = 131_072;

/**
 * A parser that takes the chunks of log files, cut anywhere, and passes their records to a sink. Recognizes CRI's format and
 * Docker's line by line. Copies only lines that two chunks share. Performs no I/O.
 */
export class RecordParser {
  readonly #sink: RecordSink;
  readonly #stream: LogStream | undefined;
  readonly #maxHeldBytes: number;
  readonly #onUnreadable: (line: Buffer, offset: number) => void;
  readonly #onNulRun: (bytes: number, offset: number) => void;
  readonly #record = new CriRecord();
  /** Reads headers that may be none of a record. */
  readonly #candidate = new CriRecord();
  #file: LogFileIdentity | undefined;
  #starts: StartOffsets = { stdout: 0, stderr: 0 };
  /** The offset from which the records of both streams are passed on. */
  #startsEnd = 0;
  /** Where the last whole line ends in the file. */
  #offset = 0;
  /** Where the sink stopped, in the middle of a chunk. */
  #stop: { readonly offset: number; readonly open: OpenLines } | undefined;
  /** The bytes after the last newline. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Where the held bytes begin in the file. */
  #heldAt = 0;
  /** Where their line begins, which is earlier when pieces of the line were passed on. */
  #heldLineAt = 0;

  constructor({ sink, stream, maxLineBytes, onUnreadable, onNulRun }: RecordParserOptions) {
    this.#sink = sink;
    this.#stream = stream;
    this.#maxHeldBytes = Math.max(maxLineBytes, minHeldBytes) + maxHeaderBytes;
    this.#onUnreadable = onUnreadable;
    this.#onNulRun = onNulRun ?? (() => undefined);
  }

  /** The next chunk belongs to another file, or to the same file from its beginning, and begins at `offset`. */
  enter(file: LogFileIdentity | undefined, offset: number, starts: StartOffsets): void {
    this.#file = file;
    this.#starts = starts;
    this.#startsEnd = Math.max(starts.stdout, starts.stderr);
    this.#offset = offset;
  }

  /**
   * Parses a chunk that begins at `offset` in the file. `headroom` is the number of bytes before it in memory that may be
   * overwritten: the beginning of a line that spans two chunks is copied there, instead of copying the whole line.
   */
  push(chunk: Buffer, offset: number, headroom = 0): void {
    const held = this.#heldBytes;
    if (held > 0 && held <= headroom && this.#heldLineAt === this.#heldAt) {
      const joined = Buffer.from(chunk.buffer, chunk.byteOffset - held, held + chunk.length);
      let at = 0;
      for (const piece of this.#held) at += piece.copy(joined, at);
      this.#release();
      this.#split(joined, offset - held);
    } else this.#split(chunk, offset);
  }

  /** The file ended or was truncated: a record without its newline counts as a piece of a line. */
  endFile(): void {
    if (this.#heldBytes === 0) return;
    const line = Buffer.concat([...this.#held, Buffer.of(newline)]);
    const [base, at] = [this.#heldAt, this.#heldLineAt];
    this.#release();
    const offset = this.#offset;
    if (line.includes(nul)) this.#parseWithNuls(line, 0, line.length - 1, base, at, false);
    else if (this.#record.readHeader(line, 0)) this.#passPiece(line.length - 1, at, at);
    else this.#parse(line, 0, line.length, at, at);
    this.#offset = offset;
  }

  /** The log ended: no open line continues. */
  endLog(): void {
    this.endFile();
    this.#sink.flush(this.#offset);
  }

  /** Where the log continues after the records that were parsed; `undefined` before a file was entered. */
  get position(): ReadPosition | undefined {
    const { contentAt, timeNanos } = this.#record;
    const nanos = contentAt === 0 ? undefined : timeNanos;
    return (
      this.#file && {
        file: this.#file,
        offset: this.#offset,
        open: this.#sink.openLines,
        nanos,
        ...this.#stop,
      }
    );
  }

  /** Where the last whole line ends. */
  get offset(): number {
    return this.#offset;
  }

  #split(chunk: Buffer, offset: number): void {
    const end = chunk.lastIndexOf(newline) + 1;
    let from = 0;
    if (end > 0 && this.#heldBytes > 0) {
      from = chunk.indexOf(newline) + 1;
      const line = Buffer.concat([...this.#held, chunk.subarray(0, from)]);
      const [at, lineAt] = [this.#heldAt, this.#heldLineAt];
      this.#release();
      this.#parse(line, 0, line.length, at, lineAt);
    }
    if (from < end) this.#parse(chunk, from, end, offset, offset + from);
    if (end < chunk.length) this.#hold(chunk.subarray(end), offset + end);
  }

  /**
   * Parses the whole lines in `bytes` from `from` to `to`. `base` is the offset of byte 0 in the file, `lineAt` that of the
   * first line, which is before `base + from` when pieces of the line were passed on.
   */
  #parse(bytes: Buffer, from: number, to: number, base: number, lineAt: number): void {
    for (let at = from; at < to && this.#stop === undefined; ) {
      // One search for a whole block: most logs have no such byte.
      const nulAt = indexOrEnd(bytes, nul, at);
      const cleanEnd = nulAt < to ? Math.max(at, bytes.lastIndexOf(newline, nulAt) + 1) : to;
      const begin = at === from ? lineAt : base + at;
      if (at < cleanEnd) this.#parseClean(bytes, at, cleanEnd, base, begin);
      if (this.#stop || cleanEnd === to) return;
      const end = bytes.indexOf(newline, nulAt);
      this.#parseWithNuls(bytes, cleanEnd, end, base, at < cleanEnd ? base + cleanEnd : begin, true);
      if (this.#stop) return;
      at = end + 1;
      this.#offset = base + at;
    }
  }

  /** Parses whole lines without NUL bytes. */
  #parseClean(bytes: Buffer, from: number, to: number, base: number, lineAt: number): void {
    const record = this.#record;
    const sink = this.#sink;
    for (let at = from; at < to; ) {
      const begin = at === from ? lineAt : base + at;
      if (record.readHeader(bytes, at)) {
        record.end = bytes.indexOf(newline, record.contentAt);
        at = record.end + 1;
        if (this.#counts(begin)) sink.record(record, begin, base + at, this.#file);
      } else {
        const end = bytes.indexOf(newline, at);
        this.#parseOther(bytes.subarray(at, end), begin, base + end + 1);
        at = end + 1;
      }
      if (sink.stop && this.#stopAt(begin, base + at)) return;
    }
    this.#offset = base + to;
  }

  /** Returns whether the sink wants no further records. The last one is from `begin` to `end`. */
  #stopAt(begin: number, end: number): boolean {
    const { stop } = this.#sink;
    if (stop) this.#stop ??= { offset: stop.reason === "until" ? begin : end, open: stop.openLines };
    return stop !== undefined;
  }

  /**
   * Parses a line, from `from` to `end`, that contains NUL bytes. A run of them that precedes a record is damage: it is reported, the
   * record before it ends there, and pieces of lines are not joined across it. Other NUL bytes of a record are output. Without
   * `isWhole` the line has no newline in the file.
   */
  #parseWithNuls(
    bytes: Buffer,
    from: number,
    end: number,
    base: number,
    lineAt: number,
    isWhole: boolean,
  ): void {
    const record = this.#record;
    for (let at = from; at < end; ) {
      const begin = at === from ? lineAt : base + at;
      const isRecord = record.readHeader(bytes, at);
      const firstNul = indexOrEnd(bytes, nul, isRecord ? record.contentAt : at);
      const next = this.#recordAfterNuls(bytes, firstNul, end);
      let lostAt = next;
      if (isRecord) {
        if (next < end || !isWhole) lostAt = endWithoutNuls(bytes, next, record.contentAt);
        else this.#reportLongRuns(bytes, firstNul, end, base);
        // A record that does not follow a newline gets memory of its own, in which its header is found.
        const isAlone = at > from || lostAt < end;
        if (isAlone) record.readHeader(withNewline(bytes.subarray(at, lostAt)), 0);
        const contentEnd = isAlone ? record.bytes.length - 1 : end;
        if (lostAt < next || !isWhole) this.#passPiece(contentEnd, begin, next < end ? base + lostAt : begin);
        else {
          record.end = contentEnd;
          if (this.#counts(begin)) this.#sink.record(record, begin, base + end + 1, this.#file);
        }
      } else {
        const part = bytes.subarray(at, Math.min(firstNul, end));
        lostAt = this.#parseDocker(part, begin, base + next) ? at + part.length : at;
      }
      if (this.#sink.stop && this.#stopAt(begin, base + next)) return;
      if (lostAt < next) {
        this.#onUnreadable(bytes.subarray(lostAt, next), lostAt === from ? lineAt : base + lostAt);
        this.#sink.flush(base + next);
        if (this.#sink.stop && this.#stopAt(base + next, base + next)) return;
      }
      at = next;
    }
  }

  /** Returns where the first record begins that follows a run of NUL bytes; `end` for none. */
  #recordAfterNuls(bytes: Buffer, from: number, end: number): number {
    for (let at = from; at < end; at = indexOrEnd(bytes, nul, at)) {
      at = endOfRun(bytes, at);
      if (at >= end) break;
      if (this.#candidate.readHeader(bytes, at)) return at;
      // Docker escapes NUL bytes, so a line of Docker's extends to the newline.
      const isDocker = bytes[at] === brace && indexOrEnd(bytes, nul, at) > end;
      if (isDocker && readDockerLine(bytes.subarray(at, end))) return at;
    }
    return end;
  }

  #reportLongRuns(bytes: Buffer, from: number, end: number, base: number): void {
    for (let at = from; at < end; at = indexOrEnd(bytes, nul, at)) {
      const begin = at;
      at = endOfRun(bytes, at);
      if (at - begin >= longRunBytes) this.#onNulRun(at - begin, base + begin);
    }
  }

  #counts(begin: number): boolean {
    const { isStderr } = this.#record;
    if (begin < this.#startsEnd && begin < (isStderr ? this.#starts.stderr : this.#starts.stdout))
      return false;
    return this.#stream === undefined || (this.#stream === "stderr") === isStderr;
  }

  /** Parses a line that is not a CRI record. */
  #parseOther(line: Buffer, begin: number, end: number): void {
    if (this.#parseDocker(line, begin, end)) return;
    // Docker appends the next line to one that it could not write as a whole, as on a full disk.
    const cut = line[0] === brace ? Math.max(0, line.lastIndexOf(dockerLineBegin)) : 0;
    this.#onUnreadable(cut > 0 ? line.subarray(0, cut) : line, begin);
    if (cut > 0) this.#parseDocker(line.subarray(cut), begin + cut, end);
  }

  /** Parses a line of Docker's. Returns false for other bytes. */
  #parseDocker(line: Buffer, begin: number, end: number): boolean {
    const docker = line[0] === brace ? readDockerLine(line) : undefined;
    if (docker === undefined) return false;
    const header = criHeader(docker.timestamp, docker.stream, docker.tags[0]);
    const bytes = Buffer.concat([header, docker.content, Buffer.of(newline)]);
    const record = this.#record;
    if (!record.readHeader(bytes, 0) || !this.#counts(begin)) return true;
    record.end = bytes.length - 1;
    this.#sink.record(record, begin, end, this.#file);
    return true;
  }

  /**
   * Passes on the record that was read last as a piece of a line: the rest of the line follows later, or is lost. The log continues at
   * `next`.
   */
  #passPiece(end: number, begin: number, next: number): void {
    const record = this.#record;
    record.endsLine = false;
    record.end = end;
    if (this.#counts(begin)) this.#sink.record(record, begin, next, this.#file);
  }

  /** Holds the bytes after the last newline. Passes on a piece that is too long to be held, and repeats its header before the rest. */
  #hold(bytes: Buffer, offset: number): void {
    if (this.#heldBytes === 0) [this.#heldAt, this.#heldLineAt] = [offset, offset];
    this.#held.push(Buffer.from(bytes));
    this.#heldBytes += bytes.length;
    if (this.#heldBytes <= this.#maxHeldBytes) return;
    const line = Buffer.concat([...this.#held, Buffer.of(newline)]);
    const end = line.length - 1;
    const [base, lineAt] = [this.#heldAt, this.#heldLineAt];
    const cut = line.includes(nul) ? this.#lastRecordOrNul(line, end) : 0;
    let rest = noRecord;
    if (cut > 0) {
      const damageAt = line[cut] === nul ? endWithoutNuls(line, end, 0) : cut;
      if (damageAt > 0) this.#parseWithNuls(line, 0, damageAt, base, lineAt, false);
      rest = Buffer.from(line.subarray(cut, end));
      if (damageAt > 0) this.#heldLineAt = base + damageAt;
    } else if (this.#record.readHeader(line, 0)) {
      rest = Buffer.from(line.subarray(0, this.#record.contentAt));
      this.#passPiece(end, lineAt, lineAt);
    }
    this.#held = [rest];
    this.#heldBytes = rest.length;
    // So that the end of the line has its offset in the file.
    this.#heldAt = offset + bytes.length - rest.length;
  }

  /** Returns where the last record begins that follows NUL bytes; for none, where the last byte is if that is one; otherwise 0. */
  #lastRecordOrNul(line: Buffer, end: number): number {
    let last = 0;
    for (let at = 0; at < end; ) {
      at = this.#recordAfterNuls(line, indexOrEnd(line, nul, at), end);
      if (at < end) last = at;
    }
    return line[end - 1] === nul ? end - 1 : last;
  }

  #release(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }
}
