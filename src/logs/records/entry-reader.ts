import { newBlocks } from "../files/blocks.js";
import type { Scanner } from "../scanner/scanner.js";
import { type EntryBlock, entryFlags, LogEntry } from "./entry.js";
import { RecordHeader } from "./header.js";
import { noOpenLines, type OpenLines, type Place, RecordReader } from "./record-reader.js";

/** A line whose end was not read yet. */
interface Pending {
  readonly pieces: Buffer[];
  bytes: number;
  /** The header of its last piece. */
  header: Buffer;
  /** Where its first piece is. */
  readonly begin: Place | undefined;
  /** Whether an entry with its beginning was given already. */
  readonly continued: boolean;
}

/** From chunks to entries: pieces are joined to lines, for each stream of its own. */
export class EntryReader extends RecordReader<readonly LogEntry[]> {
  override readonly blocks = newBlocks;
  #entries: LogEntry[] = [];
  #stdout: Pending | undefined;
  #stderr: Pending | undefined;
  #open: OpenLines = noOpenLines;
  #block: EntryBlock = {
    bytes: Buffer.alloc(0),
    header: undefined,
    base: 0,
    open: noOpenLines,
  };
  readonly #lineHeader = new RecordHeader();

  protected override get open(): OpenLines {
    return this.#open;
  }

  protected override begin(): void {}

  protected override usual(scanner: Scanner, bytes: Buffer, from: number, to: number, base: number): void {
    const count = scanner.find(bytes, from, to);
    let block = this.#blockOf(bytes, base);
    for (let index = 0, at = from; index < count; index++, at = scanner.end + 1) {
      scanner.record(index);
      const { contentAt, end, isStderr, isAscii } = scanner;
      if (!this.filter.wantsStream(isStderr)) continue;
      if (scanner.endsLine && (isStderr ? this.#stderr : this.#stdout) === undefined) {
        const flags = (isStderr ? entryFlags.stderr : 0) | (isAscii ? entryFlags.ascii : 0);
        this.#entries.push(new LogEntry(block, contentAt, end, flags));
      } else {
        this.header.read(bytes, at);
        this.#piece(this.header, bytes, at, end, base + at, base + end + 1);
        block = this.#blockOf(bytes, base);
      }
    }
  }

  protected override record(
    bytes: Buffer,
    at: number,
    end: number,
    offset: number,
    nextOffset: number,
  ): void {
    const { header } = this;
    if (header.endsLine && (header.isStderr ? this.#stderr : this.#stdout) === undefined) {
      if (this.filter.isTimed && !this.filter.wantsTime(header)) return;
      const flags = header.isStderr ? entryFlags.stderr : 0;
      this.#give(new LogEntry(this.#blockOf(bytes, nextOffset - end - 1), header.contentAt, end, flags));
    } else this.#piece(header, bytes, at, end, offset, nextOffset);
  }

  protected override flush(): void {
    for (const isStderr of [false, true]) {
      const pending = isStderr ? this.#stderr : this.#stdout;
      this.#setPending(isStderr, undefined);
      if (pending && pending.pieces.length > 0) this.#giveJoined(pending, isStderr, true, this.offset);
    }
  }

  protected override take(): readonly LogEntry[] | undefined {
    if (this.#entries.length === 0) return undefined;
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  #piece(
    { isStderr, endsLine, contentAt }: RecordHeader,
    bytes: Buffer,
    at: number,
    end: number,
    offset: number,
    nextOffset: number,
  ): void {
    const head = Buffer.from(bytes.subarray(at, contentAt));
    let pending = isStderr ? this.#stderr : this.#stdout;
    if (pending && pending.bytes > 0 && pending.bytes + end - contentAt > this.maxLineBytes) {
      // The place before this record: what is given now ends there.
      this.#setPending(isStderr, undefined);
      this.#giveJoined(pending, isStderr, true, offset);
      // What was given is not open any more, also when the reading ends at this record.
      if (!this.filter.isPast) this.openBefore = this.#open;
      pending = this.#newLine(head, undefined, true);
    }
    if (pending === undefined || pending.pieces.length === 0)
      pending = this.#newLine(head, offset, pending?.continued ?? false);
    pending.header = head;
    // Copied, for a short piece would keep its whole chunk in memory until its line ends.
    pending.pieces.push(Buffer.from(bytes.subarray(contentAt, end)));
    pending.bytes += end - contentAt;
    if (endsLine || pending.bytes >= this.maxLineBytes) {
      this.#setPending(isStderr, endsLine ? undefined : this.#newLine(head, undefined, true));
      this.#giveJoined(pending, isStderr, !endsLine, nextOffset);
    } else this.#setPending(isStderr, pending);
  }

  #blockOf(bytes: Buffer, base: number): EntryBlock {
    const { bytes: known, base: knownBase, open } = this.#block;
    if (known !== bytes || knownBase !== base || open !== this.#open)
      this.#block = { bytes, header: undefined, base, open: this.#open };
    return this.#block;
  }

  #newLine(header: Buffer, offset: number | undefined, continued: boolean): Pending {
    const begin = offset === undefined || !this.file ? undefined : { file: this.file, offset };
    return { pieces: [], bytes: 0, header, begin, continued };
  }

  #setPending(isStderr: boolean, pending: Pending | undefined): void {
    if (isStderr) this.#stderr = pending;
    else this.#stdout = pending;
    const [stdout, stderr] = [this.#stdout?.begin, this.#stderr?.begin];
    this.#open = stdout || stderr ? { stdout, stderr } : noOpenLines;
  }

  #giveJoined(line: Pending, isStderr: boolean, partial: boolean, offset: number): void {
    // It has the time of its last piece, which need not be the record that was read last.
    this.#lineHeader.read(line.header, 0);
    if (!this.filter.wantsTime(this.#lineHeader)) return;
    const flags =
      (isStderr ? entryFlags.stderr : 0) |
      (partial ? entryFlags.partial : 0) |
      (line.continued ? entryFlags.continued : 0);
    const content = Buffer.concat(line.pieces);
    const base = offset - content.length - 1;
    const block = { bytes: content, header: line.header, base, open: this.#open };
    this.#give(new LogEntry(block, 0, content.length, flags));
  }

  #give(entry: LogEntry): void {
    if (!this.isLimited) {
      this.#entries.push(entry);
      return;
    }
    if (this.leftBytes <= 0) return;
    const length = entry.bytes.length;
    this.#entries.push(length > this.leftBytes ? LogEntry.cut(entry, this.leftBytes) : entry);
    this.leftBytes -= length + (entry.partial ? 0 : 1);
  }
}
