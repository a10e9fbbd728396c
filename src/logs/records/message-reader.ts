import { TurningBlocks } from "../files/blocks.js";
import { type Scanner, streamBits } from "../scanner/scanner.js";
import { RecordReader, type RecordReaderOptions } from "./record-reader.js";

const newline = 10;
/** How much of a file becomes a chunk at most. In larger ones memory costs more: it is fetched from the system, and given back. */
const chunkBytes = 98_304;

/** From chunks to the bytes of the messages, each line with its newline: what the container printed. */
export class MessageReader extends RecordReader<Buffer> {
  override readonly blocks: TurningBlocks;
  readonly #reuse: boolean;
  /** What is given when it is asked for. */
  #pieces: Buffer[] = [];
  /** Where records go that come one by one: what is used of it is the last piece. */
  #buffer: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  #expected = 0;

  /** With `reuse`, what is given is overwritten when more is asked for. */
  constructor(options: RecordReaderOptions, reuse: boolean) {
    super(options);
    this.#reuse = reuse;
    this.blocks = new TurningBlocks(reuse ? Number.POSITIVE_INFINITY : chunkBytes);
  }

  protected override begin(bytes: number): void {
    this.#expected = bytes;
  }

  protected override usual(scanner: Scanner, bytes: Buffer, from: number, to: number): void {
    const { filter } = this;
    const streams =
      (filter.wantsStream(false) ? streamBits.stdout : 0) |
      (filter.wantsStream(true) ? streamBits.stderr : 0);
    const messages = scanner.messages(bytes, from, to, streams, this.#reuse);
    if (messages.length === 0) return;
    this.#endPiece();
    this.#pieces.push(messages);
  }

  protected override record(bytes: Buffer, _at: number, end: number): void {
    const { header } = this;
    if (this.filter.isTimed && !this.filter.wantsTime(header)) return;
    const at = header.contentAt;
    let content = end - at;
    let newlines = header.endsLine ? 1 : 0;
    if (this.isLimited) {
      content = Math.min(content, this.leftBytes);
      newlines = Math.min(newlines, this.leftBytes - content);
      this.leftBytes -= content + newlines;
    }
    this.#reserve(content + newlines);
    this.#to += bytes.copy(this.#buffer, this.#to, at, at + content);
    if (newlines > 0) this.#buffer[this.#to++] = newline;
  }

  protected override flush(): void {}

  protected override take(): Buffer | undefined {
    this.#endPiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces.length > 1 ? Buffer.concat(pieces) : pieces[0];
  }

  #reserve(bytes: number): void {
    if (this.#buffer.length - this.#to >= bytes) return;
    this.#endPiece();
    // Messages are shorter than their records, so that this is enough for all of them.
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(bytes, this.#expected));
    this.#from = 0;
    this.#to = 0;
  }

  #endPiece(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#buffer.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
