// The reader that the decoders in gen/ use. It decodes exactly what fromBinary() of protobuf-es decodes and fails where that fails, but
// without reflection. Whatever is rare (long varints, unknown fields, errors) is left to the reader of protobuf-es.
import { Buffer } from "node:buffer";
import {
  create,
  type DescMessage,
  type Message,
  type MessageShape,
  mergeFromBinary,
  type UnknownField,
} from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";

/** fromBinary()'s limit of nested messages, groups of unknown fields included. */
const recursionLimit = 100;

/** The most and the fewest bytes of a string that is looked up before it is created. */
const [minInterned, maxInterned] = [4, 128];
/** The words of 4 bytes per interned string: all of its bytes. */
const slotWords = maxInterned / 4;
const slots = 512;

/**
 * Strings that occur again and again, such as the keys of labels, found by their bytes: each saves a copy in memory, and the creation of a
 * string costs more than this search. A string is entered when its hash is seen for the second time in a row in its slot, so ids that
 * never recur are not kept. `interned` holds at most 512 strings of 128 bytes.
 */
const interned: (string | undefined)[] = new Array(slots).fill(undefined);
const internedWords = new Int32Array(slots * slotWords);
const internedLengths = new Int32Array(slots);
const lastHashes = new Int32Array(slots);
/** Whether a slot's string was found since another one wanted its slot. */
const wasFound = new Uint8Array(slots);

// Of Node, Bun and Deno, but not of @types/node. The cost of toString("latin1") is twice as high.
const { latin1Slice } = Buffer.prototype as unknown as {
  readonly latin1Slice: (this: Uint8Array, start: number, end: number) => string;
};
const number64 = new DataView(new ArrayBuffer(8));
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Thrown, and caught, where fromBinary() has to take over. */
const unreadable = new RangeError("this message requires fromBinary()");

/** The reader of the previous message, unless it is in use. */
let idle: WireReader | undefined;
/** A reader does not keep a larger buffer in memory. */
const maxIdleBytes = 2 ** 18;

/**
 * Decodes the message in `bytes` from `start` to `end`; the result does not refer to the bytes. Returns nothing if that fails; fromBinary()
 * then throws the right error.
 */
export function readMessage<T>(
  read: (reader: WireReader) => T,
  bytes: Uint8Array,
  start: number,
  end: number,
): T | undefined {
  const reader = idle?.isOn(bytes) ? idle : new WireReader(bytes);
  idle = undefined;
  try {
    return reader.read(read, start, end);
  } catch {
    return undefined;
  } finally {
    if (bytes.byteLength <= maxIdleBytes) idle = reader;
  }
}

/** A position in the encoding of a message. */
export class WireReader {
  pos = 0;
  #depth = 0;
  /** The end of the outermost message. Other bytes may follow it: what reads them by mistake ends behind it. */
  #end = 0;
  readonly #source: Uint8Array;
  /** Plain, since a Buffer is sliced more slowly, and without being copied. */
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #slow: BinaryReader | undefined;

  constructor(source: Uint8Array) {
    const { buffer, byteOffset, byteLength } = source;
    this.#source = source;
    this.#bytes = new Uint8Array(buffer, byteOffset, byteLength);
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  isOn(source: Uint8Array): boolean {
    return this.#source === source;
  }

  /** Reads the message from `start` to `end`. Throws if it is not valid. */
  read<T>(read: (reader: WireReader) => T, start: number, end: number): T {
    this.pos = start;
    this.#end = end;
    this.#depth = 0;
    const message = read(this);
    if (this.pos !== end) throw unreadable;
    return message;
  }

  /** Begins a message: the outermost one, or a field with a length. Returns its end. */
  begin(): number {
    if (++this.#depth === 1) return this.#end;
    if (this.#depth > recursionLimit) throw unreadable;
    const length = this.uint32();
    return this.pos + length;
  }

  /** Ends a message. */
  end<M extends Message>(message: M, unknown: UnknownField[] | undefined): M {
    this.#depth--;
    if (unknown !== undefined) message.$unknown = unknown;
    return message;
  }

  /** Reads a message that has no generated decoder. */
  other<D extends DescMessage>(schema: D, target: MessageShape<D> | undefined): MessageShape<D> {
    const options = { recursionLimit: recursionLimit - this.#depth };
    return mergeFromBinary(schema, target ?? create(schema), this.bytes(), options);
  }

  /** Reads a field's number and wire type: `number << 3 | type`. */
  tag(): number {
    const byte = this.#bytes[this.pos] as number;
    // Neither number 0 nor wire types 6 and 7.
    if (byte < 0x80 && byte > 7 && (byte & 7) < 6) {
      this.pos++;
      return byte;
    }
    const slow = this.#atPosition();
    const [number, type] = slow.tag();
    this.pos = slow.pos;
    return (number << 3) | type;
  }

  uint32(): number {
    const bytes = this.#bytes;
    const pos = this.pos;
    const first = bytes[pos] as number;
    if (first < 0x80) {
      this.pos = pos + 1;
      return first;
    }
    const second = bytes[pos + 1] as number;
    if (second < 0x80) {
      this.pos = pos + 2;
      return (first & 0x7f) | (second << 7);
    }
    const slow = this.#atPosition();
    const value = slow.uint32();
    this.pos = slow.pos;
    return value;
  }

  /** Reads an int32, or a value of an open enum: any number. */
  int32<T extends number>(): T {
    return (this.uint32() | 0) as T;
  }

  bool(): boolean {
    const byte = this.#bytes[this.pos] as number;
    if (byte < 2) {
      this.pos++;
      return byte === 1;
    }
    const slow = this.#atPosition();
    const value = slow.bool();
    this.pos = slow.pos;
    return value;
  }

  int64(): bigint {
    const bytes = this.#bytes;
    let pos = this.pos;
    let low = 0;
    let high = 0;
    let byte = bytes[pos++] as number;
    if (byte === 0) {
      this.pos = pos;
      return 0n;
    }
    let shift = 0;
    for (; byte >= 0x80 && shift < 21; shift += 7) {
      low |= (byte & 0x7f) << shift;
      byte = bytes[pos++] as number;
    }
    low |= (byte & 0x7f) << shift;
    if (byte >= 0x80) {
      // The fifth byte belongs to both halves.
      byte = bytes[pos++] as number;
      low |= byte << 28;
      high = (byte & 0x7f) >> 4;
      for (shift = 3; byte >= 0x80 && shift < 31; shift += 7) {
        byte = bytes[pos++] as number;
        high |= (byte & 0x7f) << shift;
      }
    }
    // The rest, and the end of the bytes within the varint: negative numbers, overlong ones, errors.
    if (!(byte < 0x80)) {
      const slow = this.#atPosition();
      const value = slow.int64() as bigint;
      this.pos = slow.pos;
      return value;
    }
    this.pos = pos;
    number64.setInt32(0, low, true);
    number64.setInt32(4, high, true);
    return number64.getBigInt64(0, true);
  }

  uint64(): bigint {
    const value = this.int64();
    return value < 0 ? BigInt.asUintN(64, value) : value;
  }

  double(): number {
    const value = this.#view.getFloat64(this.pos, true);
    this.pos += 8;
    return value;
  }

  bytes(): Uint8Array {
    const length = this.uint32();
    const start = this.pos;
    this.#skipTo(start + length);
    return this.#bytes.slice(start, this.pos);
  }

  string(): string {
    const length = this.uint32();
    const start = this.pos;
    this.#skipTo(start + length);
    return this.#text(start, length);
  }

  /** Reads values of a repeated field: many, if they are packed. */
  int32s(tag: number, items: number[]): void {
    if ((tag & 7) !== 2) items.push(this.int32());
    else for (const end = this.#packedEnd(); this.pos < end; ) items.push(this.int32());
  }

  int64s(tag: number, items: bigint[]): void {
    if ((tag & 7) !== 2) items.push(this.int64());
    else for (const end = this.#packedEnd(); this.pos < end; ) items.push(this.int64());
  }

  /** Reads an entry of a map. */
  entry(map: { [key: string]: string }): void {
    const length = this.uint32();
    const end = this.pos + length;
    let key = "";
    let value = "";
    while (this.pos < end) {
      const tag = this.tag();
      const number = tag >>> 3;
      if (number === 1) key = this.string();
      else if (number === 2) value = this.string();
      else this.#skip(tag);
    }
    // An assignment would set the prototype.
    if (key === "__proto__")
      Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
    else map[key] = value;
  }

  /** Reads a field that the schema does not have. */
  unknown(tag: number): UnknownField {
    return { no: tag >>> 3, wireType: tag & 7, data: this.#skip(tag) };
  }

  #skip(tag: number): Uint8Array {
    const slow = this.#atPosition();
    const data = slow.skip(tag & 7, tag >>> 3, recursionLimit - this.#depth);
    this.pos = slow.pos;
    return data.slice();
  }

  #atPosition(): BinaryReader {
    this.#slow ??= new BinaryReader(this.#bytes);
    this.#slow.pos = this.pos;
    return this.#slow;
  }

  #packedEnd(): number {
    const length = this.uint32();
    return this.pos + length;
  }

  #skipTo(end: number): void {
    if (end > this.#end) throw unreadable;
    this.pos = end;
  }

  #text(start: number, length: number): string {
    if (length < minInterned) return this.#shortText(start, length);
    if (length > maxInterned) return utf8.decode(this.#bytes.subarray(start, start + length));
    const view = this.#view;
    const last = start + length - 4;
    const lastWord = view.getInt32(last, true);
    const hash =
      Math.imul(view.getInt32(start, true), 0x9e3779b1) ^
      Math.imul(lastWord, 0x85ebca6b) ^
      Math.imul(view.getInt32(start + (length >> 1) - 2, true), 0xc2b2ae35) ^
      length;
    const slot = (hash ^ (hash >>> 15)) & (slots - 1);
    const known = interned[slot];
    if (known !== undefined && internedLengths[slot] === length && this.#isInterned(slot, start, last)) {
      wasFound[slot] = 1;
      return known;
    }
    const text = this.#newText(start, length);
    if (lastHashes[slot] !== hash) lastHashes[slot] = hash;
    else if (wasFound[slot] === 1) wasFound[slot] = 0;
    else this.#intern(slot, text, start, length);
    return text;
  }

  #isInterned(slot: number, start: number, last: number): boolean {
    const view = this.#view;
    let word = slot * slotWords;
    for (let pos = start; pos < last; pos += 4)
      if (view.getInt32(pos, true) !== internedWords[word++]) return false;
    return view.getInt32(last, true) === internedWords[word];
  }

  #intern(slot: number, text: string, start: number, length: number): void {
    interned[slot] = text;
    internedLengths[slot] = length;
    const last = start + length - 4;
    let word = slot * slotWords;
    for (let pos = start; pos < last; pos += 4) internedWords[word++] = this.#view.getInt32(pos, true);
    internedWords[word] = this.#view.getInt32(last, true);
  }

  /** Creates a string of 4 to 128 bytes. */
  #newText(start: number, length: number): string {
    const view = this.#view;
    const last = start + length - 4;
    let bits = view.getInt32(last, true);
    for (let pos = start; pos < last; pos += 4) bits |= view.getInt32(pos, true);
    const end = start + length;
    return (bits & 0x80808080) === 0
      ? latin1Slice.call(this.#bytes, start, end)
      : utf8.decode(this.#bytes.subarray(start, end));
  }

  #shortText(start: number, length: number): string {
    const bytes = this.#bytes;
    if (length === 0) return "";
    const first = bytes[start] as number;
    const second = length > 1 ? (bytes[start + 1] as number) : 0;
    const third = length > 2 ? (bytes[start + 2] as number) : 0;
    if ((first | second | third) > 0x7f) return utf8.decode(bytes.subarray(start, start + length));
    if (length === 1) return String.fromCharCode(first);
    return length === 2 ? String.fromCharCode(first, second) : String.fromCharCode(first, second, third);
  }
}
