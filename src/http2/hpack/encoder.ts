import { createField } from "./fields.js";
import { firstDynamicIndex, staticTable } from "./static-table.js";

/** Header fields by name, in lower case. Values are printable ASCII. */
export type HeaderFields = Readonly<Record<string, string>>;

/**
 * Header fields that are sent many times. A connection adds them to its compression table, and encodes them only once; keep the object
 * and pass it again. Fields that change from message to message do not belong here.
 */
export class RepeatedHeaders {
  readonly fields: readonly (readonly [name: string, value: string])[];

  constructor(fields: HeaderFields) {
    this.fields = Object.entries(fields);
  }
}

/** Fields whose values no intermediary may store in its compression tables (RFC 7541, section 7.1.3). */
const secretFields = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** The indexes of the static table: of whole fields, and of names. */
const staticFields = new Map<string, number>();
const staticNames = new Map<string, number>();
for (const [index, field] of staticTable.entries()) {
  if (!field) continue;
  staticFields.set(keyOf(field.name, field.value), index);
  if (!staticNames.has(field.name)) staticNames.set(field.name, index);
}

/** The size of the table that every peer starts with; a larger one is never used. */
const maxTableBytes = 4_096;

interface EncodedHeaders {
  readonly generation: number;
  readonly block: Buffer;
  /** The latest fields that were sent with it, and the block with both. */
  more: HeaderFields | undefined;
  joined: Buffer;
}

/**
 * Encodes the header blocks of one direction of a connection (RFC 7541). Only repeated fields enter the dynamic table, while there is
 * space: entries are never evicted to make place, so that the encoded blocks stay valid. Strings are sent without the Huffman code, which
 * costs more CPU than it saves on a socket of the same machine.
 */
export class HpackEncoder {
  #limitBytes = maxTableBytes;
  #tableBytes = 0;
  /** The dynamic table: field to the number of its insertion. */
  readonly #inserted = new Map<string, { readonly number: number; readonly bytes: number }>();
  #insertions = 0;
  #generation = 0;
  /** The smallest and the latest limit, until the next block sends them. */
  #sizeUpdates: readonly number[] = [];
  readonly #encoded = new WeakMap<RepeatedHeaders, EncodedHeaders>();
  #buffer = Buffer.allocUnsafe(1_024);
  #length = 0;

  /** Obeys the peer's SETTINGS_HEADER_TABLE_SIZE. */
  setTableLimit(bytes: number): void {
    const limit = Math.min(bytes, maxTableBytes);
    if (limit === this.#limitBytes && this.#sizeUpdates.length === 0) return;
    const smallest = Math.min(limit, ...this.#sizeUpdates);
    this.#sizeUpdates = smallest < limit ? [smallest, limit] : [limit];
    this.#limitBytes = limit;
    this.#generation++;
    this.#evictUntil(smallest);
  }

  /**
   * Encodes a block. The bytes are valid for the next block of the connection only. Fields that are passed again as the same object, with
   * the same repeated ones, must not have changed.
   */
  encode(repeated: RepeatedHeaders, more?: HeaderFields): Buffer {
    if (this.#sizeUpdates.length === 0) {
      const known = this.#encoded.get(repeated);
      if (known?.generation === this.#generation) return more ? this.#join(known, more) : known.block;
    }
    this.#length = 0;
    for (const size of this.#sizeUpdates) this.#integer(0x20, 5, size);
    const hadUpdates = this.#sizeUpdates.length > 0;
    this.#sizeUpdates = [];
    const before = this.#generation;
    for (const [name, value] of repeated.fields) this.#repeated(name, value);
    const block = this.#copy();
    // The next time, the fields that were inserted just now are indexed.
    if (!hadUpdates && before === this.#generation)
      this.#encoded.set(repeated, { generation: before, block, more: undefined, joined: block });
    return more ? this.#append(block, more) : block;
  }

  #join(known: EncodedHeaders, more: HeaderFields): Buffer {
    if (known.more !== more) {
      known.more = more;
      known.joined = this.#append(known.block, more);
    }
    return known.joined;
  }

  #append(block: Buffer, more: HeaderFields): Buffer {
    this.#length = 0;
    for (const name of Object.keys(more)) {
      const isSecret = secretFields.has(name);
      this.#literal(isSecret ? 0x10 : 0, 4, name, more[name] ?? "");
    }
    const joined = Buffer.allocUnsafe(block.length + this.#length);
    joined.set(block);
    this.#buffer.copy(joined, block.length, 0, this.#length);
    return joined;
  }

  #repeated(name: string, value: string): void {
    const key = keyOf(name, value);
    const index = staticFields.get(key) ?? this.#dynamicIndex(key);
    if (index !== undefined) {
      this.#integer(0x80, 7, index);
      return;
    }
    const { bytes } = createField(name, value);
    const isSecret = secretFields.has(name);
    if (isSecret || this.#tableBytes + bytes > this.#limitBytes) {
      this.#literal(isSecret ? 0x10 : 0, 4, name, value);
      return;
    }
    this.#literal(0x40, 6, name, value);
    this.#inserted.set(key, { number: this.#insertions++, bytes });
    this.#tableBytes += bytes;
    this.#generation++;
  }

  #dynamicIndex(key: string): number | undefined {
    const entry = this.#inserted.get(key);
    return entry && firstDynamicIndex + this.#insertions - 1 - entry.number;
  }

  #literal(kind: number, prefixBits: number, name: string, value: string): void {
    const index = staticNames.get(name) ?? 0;
    this.#integer(kind, prefixBits, index);
    if (index === 0) this.#string(name);
    this.#string(value);
  }

  #string(text: string): void {
    this.#integer(0, 7, text.length);
    this.#reserve(text.length);
    this.#length += this.#buffer.write(text, this.#length, "latin1");
  }

  #integer(kind: number, prefixBits: number, value: number): void {
    this.#reserve(8);
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      this.#buffer[this.#length++] = kind | value;
      return;
    }
    this.#buffer[this.#length++] = kind | mask;
    let rest = value - mask;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#buffer[this.#length++] = (rest % 128) | 0x80;
    this.#buffer[this.#length++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#length + bytes));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  #copy(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  /** A Map keeps the order of insertion: the first entries are the oldest. */
  #evictUntil(limitBytes: number): void {
    for (const [key, { bytes }] of this.#inserted) {
      if (this.#tableBytes <= limitBytes) return;
      this.#inserted.delete(key);
      this.#tableBytes -= bytes;
    }
  }
}

function keyOf(name: string, value: string): string {
  return `${name}\0${value}`;
}
