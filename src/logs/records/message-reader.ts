import { RecordReader } from "./record-reader.js";

const newline = 10;
/** From here on a copy by Node is faster than our own of eight bytes at a time. */
const longBytes = 512;
const empty = new DataView(new ArrayBuffer(0));

/** From chunks to the bytes of the messages, each line with its newline: what the container printed. */
export class MessageReader extends RecordReader<Buffer> {
  #from: DataView = empty;
  #source: Buffer | undefined;
  #out: Buffer = Buffer.alloc(0);
  #to: DataView = empty;
  #length = 0;
  /** How much of the bytes is messages. */
  #share = 1;

  /** Takes bytes; they may be overwritten when this is done. */
  override push(chunk: Buffer, offset: number): Buffer | undefined {
    this.#room(Math.ceil((chunk.length + this.restBytes) * this.#share));
    const out = super.push(chunk, offset);
    // A little more than last time, for growing costs a copy.
    this.#share = Math.min(1, (out?.length ?? 0) / Math.max(1, chunk.length) + 0.03);
    return out;
  }

  protected override begin(bytes: Buffer): void {
    if (bytes === this.#source) return;
    this.#source = bytes;
    this.#from = viewOf(bytes);
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
    let out = this.#length;
    if (out + content + newlines > this.#out.length) this.#room(content + newlines);
    if (content > longBytes || content < 8) {
      if (content > 0) this.#out.set(bytes.subarray(at, at + content), out);
    } else copyWords(this.#from, at, this.#to, out, content);
    out += content;
    if (newlines > 0) this.#to.setUint8(out++, newline);
    this.#length = out;
  }

  protected override flush(): void {}

  protected override take(): Buffer | undefined {
    this.#source = undefined;
    const [out, length] = [this.#out, this.#length];
    this.#out = Buffer.alloc(0);
    this.#length = 0;
    return length === 0 ? undefined : out.subarray(0, length);
  }

  /** Sees to it that so many more bytes can be written. */
  #room(bytes: number): void {
    if (this.#out.length - this.#length >= bytes) return;
    // All that is new: it is handed out, and nobody knows for how long.
    const out = Buffer.allocUnsafeSlow(Math.max(this.#length + bytes, this.#length * 2));
    out.set(this.#out.subarray(0, this.#length));
    this.#out = out;
    this.#to = viewOf(out);
  }
}

/** Copies eight bytes at a time; the last eight overlap those before. */
function copyWords(from: DataView, at: number, to: DataView, out: number, bytes: number): void {
  const last = at + bytes - 8;
  const shift = out - at;
  for (let next = at; next < last; next += 8) {
    to.setInt32(next + shift, from.getInt32(next, true), true);
    to.setInt32(next + shift + 4, from.getInt32(next + 4, true), true);
  }
  to.setInt32(last + shift, from.getInt32(last, true), true);
  to.setInt32(last + shift + 4, from.getInt32(last + 4, true), true);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
