import { alikeBytes } from "./header.js";
import { movableEnd, moveLine } from "./move-line.js";
import { RecordReader } from "./record-reader.js";

const newline = 10;

/**
 * From chunks to the bytes of the messages, each line with its newline: what the container printed. They are moved together where
 * they were read, so a chunk is written over, and what is given lies in it.
 */
export class MessageReader extends RecordReader<Buffer> {
  /** What was given up for other bytes. */
  #done: Buffer[] = [];
  /** Where messages are moved to, and from where to where there are some. */
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  protected override begin(bytes: Buffer, at: number): void {
    if (this.#to > this.#from) this.#done.push(this.#bytes.subarray(this.#from, this.#to));
    this.#bytes = bytes;
    this.#from = at;
    this.#to = at;
  }

  protected override alike(bytes: Buffer, from: number, to: number): number {
    const { header } = this;
    const view = header.viewOf(bytes);
    const last = movableEnd(bytes, to) - alikeBytes;
    let at = from;
    let out = this.#to;
    while (at <= last && header.readAlike(view, at)) {
      const content = header.contentAt;
      const end = moveLine(bytes, view, content, out);
      out += end - content;
      if (header.endsLine) view.setUint8(out++, newline);
      at = end + 1;
    }
    this.#to = out;
    return at;
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
    bytes.copyWithin(this.#to, at, at + content);
    this.#to += content;
    if (newlines > 0) bytes[this.#to++] = newline;
  }

  protected override flush(): void {}

  protected override take(): Buffer | undefined {
    this.begin(Buffer.alloc(0), 0);
    const done = this.#done;
    this.#done = [];
    return done.length > 1 ? Buffer.concat(done) : done[0];
  }
}
