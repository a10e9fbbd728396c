// The writer that the encoders in gen/ use. They write exactly what toBinary() of protobuf-es writes, and leave to it whatever they do not
// expect, such as a string in the place of a number, so that its conversions and its errors stay.
import { Buffer } from "node:buffer";
import {
  type DescMessage,
  type Message,
  type MessageShape,
  toBinary,
  type UnknownField,
} from "@bufbuild/protobuf";

/** Longer strings are written by Node's own function, which costs as much as a loop over about 20 characters. */
const maxLoopLength = 20;
/** The bytes of longer strings are counted first, to save memory. */
const maxEstimated = 4096;
// Of Node, Bun and Deno, but not of @types/node. In contrast to write(), it needs no Buffer.
const { utf8Write } = Buffer.prototype as unknown as {
  readonly utf8Write: (this: Uint8Array, text: string, offset: number, length: number) => number;
};
const number64 = new DataView(new ArrayBuffer(8));
const [min64, max64] = [-(2n ** 63n), 2n ** 63n - 1n];

/** The buffer of the last writer, if it is not too large to keep. */
let spare: Uint8Array | undefined;
const maxSpareBytes = 2 << 20;

/** Thrown, and caught, where toBinary() has to take over. */
const unexpected = new TypeError("this message requires toBinary()");

/**
 * Encodes a message. Returns nothing if it is not exactly of the type that the encoder expects; toBinary() either encodes it or throws the
 * right error. `headBytes` are left free before it, with any content.
 */
export function writeMessage<T>(
  write: (writer: WireWriter, tag: number, message: T) => void,
  message: T,
  headBytes = 0,
): Uint8Array | undefined {
  if (message === undefined) return undefined;
  const buffer = spare ?? new Uint8Array(4096);
  // Not shared with an encoder that a getter of the message calls.
  spare = undefined;
  const writer = new WireWriter(buffer, headBytes);
  try {
    write(writer, 0, message);
    return writer.finish();
  } catch {
    return undefined;
  } finally {
    writer.release();
  }
}

/** The encoding of a message, as far as it is written. Tags are field number and wire type: `number << 3 | type`. */
export class WireWriter {
  #bytes: Uint8Array;
  #pos: number;

  constructor(buffer: Uint8Array, start: number) {
    this.#bytes = buffer;
    this.#pos = start;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#pos);
  }

  release(): void {
    if (this.#bytes.length <= maxSpareBytes) spare = this.#bytes;
  }

  /**
   * Begins a message: the outermost one, or a field. Returns what {@link end} needs. At run time, its type may be another one, and it may
   * have inherited properties, which count for some kinds of fields only.
   */
  begin(tag: number, typeName: string, message: Message): number {
    if (message.$typeName !== typeName || Object.getPrototypeOf(message) !== Object.prototype)
      throw unexpected;
    return tag === 0 ? 0 : this.#open(tag);
  }

  /** Ends a message with the fields that the schema does not have. */
  end(start: number, unknown: readonly UnknownField[] | undefined): void {
    if (unknown !== undefined) this.#unknown(unknown);
    if (start !== 0) this.#close(start);
  }

  /** Writes a message that has no generated encoder. */
  other<D extends DescMessage>(tag: number, schema: D, message: MessageShape<D> | undefined): void {
    if (message !== undefined) this.bytes(tag, toBinary(schema, message), true);
  }

  #unknown(fields: readonly UnknownField[]): void {
    for (const { no, wireType, data } of fields) {
      this.#reserve(5);
      this.#varint(((no << 3) | wireType) >>> 0);
      this.#raw(data);
    }
  }

  /** Begins a field with a length. Returns the position of its content. */
  #open(tag: number): number {
    this.#reserve(6);
    this.#tag(tag);
    // Most lengths have one byte.
    return ++this.#pos;
  }

  /** Inserts the length of what was written since #open(). */
  #close(start: number): void {
    const length = this.#pos - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = sizeOf(length) - 1;
    this.#reserve(extra);
    this.#bytes.copyWithin(start + extra, start, this.#pos);
    this.#pos = start - 1;
    this.#varint(length);
    this.#pos += length;
  }

  string(tag: number, value: string): void {
    if (value !== "") this.#string(tag, value);
  }

  /** Checks a repeated field, whose value may be another one at run time. */
  list<T>(items: readonly T[]): readonly T[] {
    // Encoders of messages skip what is undefined.
    if (!Array.isArray(items) || items.includes(undefined)) throw unexpected;
    return items;
  }

  strings(tag: number, items: readonly string[]): void {
    for (const item of this.list(items)) this.#string(tag, item);
  }

  /** Writes a string even if it is empty. */
  #string(tag: number, value: string): void {
    if (typeof value !== "string") throw unexpected;
    const { length } = value;
    // A character has at most three bytes.
    this.#reserve((length < maxEstimated ? length * 3 : Buffer.byteLength(value)) + 10);
    this.#tag(tag);
    const start = this.#pos;
    if (length <= maxLoopLength) {
      const bytes = this.#bytes;
      let pos = start;
      bytes[pos++] = length;
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[pos++] = code;
      }
      if (i === length) {
        this.#pos = pos;
        return;
      }
    }
    // As long as the length of ASCII.
    const prefix = sizeOf(length);
    const written = utf8Write.call(this.#bytes, value, start + prefix, this.#bytes.length - start - prefix);
    const shift = sizeOf(written) - prefix;
    if (shift !== 0) this.#bytes.copyWithin(start + prefix + shift, start + prefix, start + prefix + written);
    this.#varint(written);
    this.#pos += written;
  }

  bool(tag: number, value: boolean): void {
    if (value === false) return;
    if (value !== true) throw unexpected;
    this.#reserve(6);
    this.#tag(tag);
    this.#bytes[this.#pos++] = 1;
  }

  int32(tag: number, value: number): void {
    if (value === 0) return;
    this.#reserve(15);
    this.#tag(tag);
    this.#int32(value);
  }

  uint32(tag: number, value: number): void {
    if (value === 0) return;
    if (value >>> 0 !== value) throw unexpected;
    this.#reserve(10);
    this.#tag(tag);
    this.#varint(value);
  }

  int64(tag: number, value: bigint): void {
    if (value === 0n) return;
    this.#reserve(15);
    this.#tag(tag);
    this.#int64(value);
  }

  uint64(tag: number, value: bigint): void {
    if (value === 0n) return;
    if (value < 0n) throw unexpected;
    this.#reserve(15);
    this.#tag(tag);
    if (value <= max64) this.#int64(value);
    else if (value < 2n ** 64n) this.#int64(BigInt.asIntN(64, value));
    else throw unexpected;
  }

  double(tag: number, value: number): void {
    if (Object.is(value, 0)) return;
    if (typeof value !== "number") throw unexpected;
    this.#reserve(13);
    this.#tag(tag);
    number64.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.#bytes[this.#pos++] = number64.getUint8(i);
  }

  bytes(tag: number, value: Uint8Array, evenIfEmpty = false): void {
    if (value.constructor !== Uint8Array && value.constructor !== Buffer) throw unexpected;
    if (value.byteLength === 0 && !evenIfEmpty) return;
    this.#reserve(10);
    this.#tag(tag);
    this.#varint(value.byteLength);
    this.#raw(value);
  }

  int32s(tag: number, items: readonly number[]): void {
    if (this.list(items).length === 0) return;
    const start = this.#open(tag);
    for (const item of items) {
      this.#reserve(10);
      this.#int32(item);
    }
    this.#close(start);
  }

  int64s(tag: number, items: readonly bigint[]): void {
    if (this.list(items).length === 0) return;
    const start = this.#open(tag);
    for (const item of items) {
      this.#reserve(10);
      this.#int64(item);
    }
    this.#close(start);
  }

  map(tag: number, entries: { readonly [key: string]: string }): void {
    for (const key of Object.keys(entries)) {
      const start = this.#open(tag);
      this.#string(10, key);
      this.#string(18, entries[key] as string);
      this.#close(start);
    }
  }

  #raw(data: Uint8Array): void {
    this.#reserve(data.length);
    this.#bytes.set(data, this.#pos);
    this.#pos += data.length;
  }

  #tag(tag: number): void {
    if (tag < 0x80) this.#bytes[this.#pos++] = tag;
    else this.#varint(tag);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[this.#pos++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#pos++] = rest;
  }

  #int32(value: number): void {
    if ((value | 0) !== value) throw unexpected;
    if (value >= 0) this.#varint(value);
    else this.#halves(value, -1);
  }

  #int64(value: bigint): void {
    if (typeof value !== "bigint" || value > max64 || value < min64) throw unexpected;
    number64.setBigInt64(0, value, true);
    this.#halves(number64.getInt32(0, true), number64.getInt32(4, true));
  }

  #halves(low: number, high: number): void {
    const bytes = this.#bytes;
    let pos = this.#pos;
    let [lo, hi] = [low >>> 0, high >>> 0];
    while (hi > 0 || lo > 0x7f) {
      bytes[pos++] = (lo & 0x7f) | 0x80;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    bytes[pos++] = lo;
    this.#pos = pos;
  }

  /** Makes room for so many bytes. */
  #reserve(count: number): void {
    const needed = this.#pos + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#pos));
    this.#bytes = larger;
  }
}

/** The bytes of a length. */
function sizeOf(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x4000) return 2;
  if (length < 0x20_0000) return 3;
  return length < 0x1000_0000 ? 4 : 5;
}
