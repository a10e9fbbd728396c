import { checkArgument, OptionTable, option } from "../../core/index.js";
import type { LogFileIdentity } from "../files/identity.js";
import { type EntryBlock, EntryMemory, entryFlags, FileLogEntry, type LogEntry } from "./entry.js";
import { RecordParser, type RecordSink, type SinkStop } from "./parser.js";
import { type FilePosition, noOpenLines, type OpenLines } from "./position.js";
import { CriRecord, type LogStream } from "./record.js";
import { TimeRange } from "./time.js";

/** Options that limit what a sink collects. */
export interface SinkOptions {
  readonly times: TimeRange;
  /** How many bytes of messages to collect at most, newlines included. */
  readonly limitBytes: number;
}

/** A line whose end was not read yet. */
interface PendingLine {
  readonly pieces: Buffer[];
  bytes: number;
  /** The header of its last piece. */
  header: Buffer;
  /** Where its first piece is. */
  readonly begin: FilePosition | undefined;
  /** Whether an entry with its beginning was returned already. */
  readonly continued: boolean;
}

const noBlock: EntryBlock = { memory: new EntryMemory(Buffer.alloc(0)), base: 0, open: noOpenLines };

/** A sink that collects entries. Joins the pieces of lines, for each stream separately. */
export class EntrySink implements RecordSink {
  openLines: OpenLines = noOpenLines;
  stop: SinkStop | undefined;
  readonly #times: TimeRange;
  readonly #maxLineBytes: number;
  readonly #isLimited: boolean;
  #remainingBytes: number;
  #entries: FileLogEntry[] = [];
  #stdout: PendingLine | undefined;
  #stderr: PendingLine | undefined;
  #block = noBlock;
  readonly #lineHeader = new CriRecord();

  constructor({ times, limitBytes }: SinkOptions, maxLineBytes: number) {
    this.#times = times;
    this.#maxLineBytes = maxLineBytes;
    this.#isLimited = limitBytes !== Number.POSITIVE_INFINITY;
    this.#remainingBytes = limitBytes;
    this.#checkStop(noOpenLines);
  }

  record(record: CriRecord, begin: number, end: number, file: LogFileIdentity | undefined): void {
    const { isStderr } = record;
    const { openLines } = this;
    let stopLines = openLines;
    if (record.endsLine && (isStderr ? this.#stderr : this.#stdout) === undefined) {
      if (!this.#times.isLimited || this.#times.includes(record)) {
        const flags = isStderr ? entryFlags.stderr : 0;
        const block = this.#blockOf(record.bytes, end - record.end - 1);
        this.#add(new FileLogEntry(block, record.contentAt, record.end, flags));
      }
    } else stopLines = this.#addPiece(record, begin, end, file);
    this.#checkStop(stopLines);
  }

  flush(offset: number): void {
    for (const isStderr of [false, true]) {
      const pending = isStderr ? this.#stderr : this.#stdout;
      this.#setPending(isStderr, undefined);
      if (pending && pending.pieces.length > 0) this.#addLine(pending, isStderr, true, offset);
    }
    this.#checkStop(this.openLines);
  }

  /** Returns the entries that were collected since the last call; `undefined` for none. */
  take(): readonly FileLogEntry[] | undefined {
    if (this.#entries.length === 0) return undefined;
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** `openBefore` are the lines that are open before a record which was too late. */
  #checkStop(openBefore: OpenLines): void {
    if (this.#remainingBytes <= 0) this.stop = { reason: "limit", openLines: this.openLines };
    else if (this.#times.isPast) this.stop = { reason: "until", openLines: openBefore };
  }

  /** Returns the lines that are open before the record. */
  #addPiece(
    { bytes, at, contentAt, end, isStderr, endsLine }: CriRecord,
    offset: number,
    nextOffset: number,
    file: LogFileIdentity | undefined,
  ): OpenLines {
    const header = Buffer.from(bytes.subarray(at, contentAt));
    let pending = isStderr ? this.#stderr : this.#stdout;
    let before = this.openLines;
    if (pending && pending.bytes > 0 && pending.bytes + end - contentAt > this.#maxLineBytes) {
      // The pending part ends before this record.
      this.#setPending(isStderr, undefined);
      this.#addLine(pending, isStderr, true, offset);
      // The pending line was returned, so it is no longer open, even if the reading ends at this record.
      if (!this.#times.isPast) before = this.openLines;
      pending = { pieces: [], bytes: 0, header, begin: undefined, continued: true };
    }
    if (pending === undefined || pending.pieces.length === 0) {
      const begin = file && { file, offset };
      pending = { pieces: [], bytes: 0, header, begin, continued: pending?.continued ?? false };
    }
    pending.header = header;
    // Copied, because a short piece would keep its whole block in memory until its line ends.
    pending.pieces.push(Buffer.from(bytes.subarray(contentAt, end)));
    pending.bytes += end - contentAt;
    if (endsLine || pending.bytes >= this.#maxLineBytes) {
      const rest = { pieces: [], bytes: 0, header, begin: undefined, continued: true };
      this.#setPending(isStderr, endsLine ? undefined : rest);
      this.#addLine(pending, isStderr, !endsLine, nextOffset);
    } else this.#setPending(isStderr, pending);
    return before;
  }

  #blockOf(bytes: Buffer, base: number): EntryBlock {
    const { memory, base: lastBase, open } = this.#block;
    const isSame = memory.bytes === bytes;
    if (!isSame || lastBase !== base || open !== this.openLines)
      this.#block = { memory: isSame ? memory : new EntryMemory(bytes), base, open: this.openLines };
    return this.#block;
  }

  #setPending(isStderr: boolean, pending: PendingLine | undefined): void {
    if (isStderr) this.#stderr = pending;
    else this.#stdout = pending;
    const [stdout, stderr] = [this.#stdout?.begin, this.#stderr?.begin];
    this.openLines = stdout || stderr ? { stdout, stderr } : noOpenLines;
  }

  #addLine(line: PendingLine, isStderr: boolean, partial: boolean, offset: number): void {
    // A line has the time of its last piece, which need not be the record that was read last.
    this.#lineHeader.readHeader(line.header, 0);
    if (!this.#times.includes(this.#lineHeader)) return;
    const flags =
      (isStderr ? entryFlags.stderr : 0) |
      (partial ? entryFlags.partial : 0) |
      (line.continued ? entryFlags.continued : 0);
    const bytes = Buffer.concat(line.pieces);
    const base = offset - bytes.length - 1;
    const block = { memory: new EntryMemory(bytes, line.header), base, open: this.openLines };
    this.#add(new FileLogEntry(block, 0, bytes.length, flags));
  }

  #add(entry: FileLogEntry): void {
    if (!this.#isLimited) {
      this.#entries.push(entry);
      return;
    }
    const remaining = this.#remainingBytes;
    if (remaining <= 0) return;
    const { length } = entry.bytes;
    this.#entries.push(length > remaining ? entry.truncate(remaining) : entry);
    this.#remainingBytes = remaining - length - (entry.partial ? 0 : 1);
  }
}

/** Options of a {@link LogDecoder}. */
export interface LogDecoderOptions {
  /** Returns only what was printed to this stream. @default both */
  readonly stream?: LogStream | undefined;
  /** The longest line, in bytes, that is joined from its pieces; 0 joins nothing. @default 1048576 */
  readonly maxLineBytes?: number | undefined;
}

const decoderTable = new OptionTable<LogDecoderOptions>({
  stream: option.oneOf("stdout", "stderr"),
  maxLineBytes: option.wholeNumber(0),
});

/**
 * A decoder from the bytes of a log, cut anywhere, to entries. Performs no I/O, and holds only lines that have not ended yet.
 */
export class LogDecoder {
  #unreadable = 0;
  #offset = 0;
  readonly #sink: EntrySink;
  readonly #parser: RecordParser;

  /** Throws `invalid_option`. */
  constructor(options: LogDecoderOptions = {}) {
    decoderTable.check("LogDecoder", options);
    const { stream, maxLineBytes = 1_048_576 } = options;
    const times = new TimeRange(undefined, undefined);
    this.#sink = new EntrySink({ times, limitBytes: Number.POSITIVE_INFINITY }, maxLineBytes);
    this.#parser = new RecordParser({
      sink: this.#sink,
      stream,
      maxLineBytes,
      onUnreadable: () => {
        this.#unreadable++;
      },
    });
  }

  /** Takes the next bytes, which must not change afterwards, and returns the entries that end in them. */
  write(bytes: Uint8Array): readonly LogEntry[] {
    checkArgument("LogDecoder.write", "bytes", bytes, option.byteArray);
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#parser.push(chunk, this.#offset);
    this.#offset += chunk.length;
    return this.#sink.take() ?? [];
  }

  /** Ends the log: returns the lines that have not ended, as entries that are `partial`. */
  end(): readonly LogEntry[] {
    this.#parser.endLog();
    return this.#sink.take() ?? [];
  }

  /** How many lines were skipped because they are in no known log format. */
  get unreadable(): number {
    return this.#unreadable;
  }
}
