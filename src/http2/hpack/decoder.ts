import { errorCode, Http2Error } from "../errors.js";
import { createField, type Field } from "./fields.js";
import { decodeHuffman } from "./huffman.js";
import { firstDynamicIndex, staticTable } from "./static-table.js";

/** The header fields of a block. */
export interface DecodedBlock {
  readonly fields: readonly Field[];
  /** Whether the list is larger than the limit; its later fields are missing then. */
  readonly isTooLarge: boolean;
}

/** Decodes the header blocks of one direction of a connection (RFC 7541), in the order of their arrival. */
export class HpackDecoder {
  readonly #maxTableBytes: number;
  readonly #maxListBytes: number;
  /** The dynamic table, oldest entry first, after `#evicted` places that are no longer in use. */
  #entries: (Field | undefined)[] = [];
  #evicted = 0;
  #tableBytes = 0;
  #limitBytes: number;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Changes with the dynamic table: until then, equal blocks of indexed fields have equal meanings. */
  generation = 0;

  constructor(maxTableBytes: number, maxListBytes: number) {
    this.#maxTableBytes = maxTableBytes;
    this.#maxListBytes = maxListBytes;
    this.#limitBytes = maxTableBytes;
  }

  /** Decodes a complete block. Throws {@link Http2Error} COMPRESSION_ERROR, after which the connection cannot be used. */
  decode(block: Buffer): DecodedBlock {
    this.#block = block;
    this.#at = 0;
    const fields: Field[] = [];
    let bytes = 0;
    while (this.#at < block.length) {
      const byte = block[this.#at] ?? 0;
      let field: Field;
      if (byte >= 0x80) field = this.#indexed(this.#integer(7));
      else if (byte >= 0x40) {
        field = this.#literal(6);
        this.#insert(field);
      } else if (byte >= 0x20) {
        if (fields.length > 0) throw invalid("a table size update is not at the beginning of a block");
        this.#resize(this.#integer(5));
        continue;
      } else field = this.#literal(4);
      bytes += field.bytes;
      if (bytes <= this.#maxListBytes) fields.push(field);
    }
    return { fields, isTooLarge: bytes > this.#maxListBytes };
  }

  #indexed(index: number): Field {
    const field = index < firstDynamicIndex ? staticTable[index] : this.#dynamic(index);
    if (!field) throw invalid(`the index ${index} is not in the tables`);
    return field;
  }

  #dynamic(index: number): Field | undefined {
    const at = this.#entries.length - 1 - (index - firstDynamicIndex);
    return at < this.#evicted ? undefined : this.#entries[at];
  }

  #literal(prefixBits: number): Field {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#indexed(index).name;
    return createField(name, this.#string());
  }

  #string(): string {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#block.length) throw invalid("a string is longer than its block");
    this.#at = end;
    if (!isHuffman) return this.#block.toString("latin1", start, end);
    const text = decodeHuffman(this.#block.subarray(start, end));
    if (text === undefined) throw invalid("a string is not in the Huffman code");
    return text;
  }

  /** Reads an integer whose first byte has `prefixBits` bits of it. */
  #integer(prefixBits: number): number {
    if (this.#at >= this.#block.length) throw invalid("a block ends within a field");
    const mask = (1 << prefixBits) - 1;
    let value = (this.#block[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    for (let factor = 1; ; factor *= 128) {
      // Longer integers are larger than any block or table.
      if (factor > 128 ** 4) throw invalid("an integer is too long");
      if (this.#at >= this.#block.length) throw invalid("a block ends within an integer");
      const byte = this.#block[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  #insert(field: Field): void {
    this.generation++;
    this.#evictUntil(this.#limitBytes - field.bytes);
    // A field larger than the table empties it.
    if (field.bytes > this.#limitBytes) return;
    this.#entries.push(field);
    this.#tableBytes += field.bytes;
  }

  #resize(limitBytes: number): void {
    if (limitBytes > this.#maxTableBytes) throw invalid(`a table of ${limitBytes} bytes is not allowed`);
    this.generation++;
    this.#limitBytes = limitBytes;
    this.#evictUntil(limitBytes);
  }

  #evictUntil(limitBytes: number): void {
    while (this.#tableBytes > limitBytes && this.#evicted < this.#entries.length) {
      this.#tableBytes -= this.#entries[this.#evicted]?.bytes ?? 0;
      this.#entries[this.#evicted++] = undefined;
    }
    if (this.#evicted < 256) return;
    this.#entries = this.#entries.slice(this.#evicted);
    this.#evicted = 0;
  }
}

function invalid(text: string): Http2Error {
  return new Http2Error(errorCode.compressionError, text);
}
