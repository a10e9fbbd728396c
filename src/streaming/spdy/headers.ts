import { constants, inflateRawSync } from "node:zlib";
import { malformedStream } from "../errors.js";
import { headerDictionary, headerDictionaryId } from "./dictionary.js";

/** A stream's headers: names in lower case. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** What a deflate stream's next block may refer back to. */
const windowBytes = 32_768;
/** The largest header block that is taken, unpacked. */
const blockLimitBytes = 65_536;
const countLimit = 1_000;

/** CMF and FLG of a zlib stream without a dictionary. */
const zlibHeader = Buffer.from([0x78, 0x01]);
/** An empty stored block: zlib's sync flush, without which a peer waits for more. */
const syncFlush = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);
const storedLimitBytes = 65_535;

/**
 * Packs header blocks for one direction of a connection as zlib blocks that are stored, not compressed: every peer
 * inflates them, no dictionary is needed, and equal headers give equal bytes.
 */
export class HeaderPacker {
  #first = true;

  pack(headers: SpdyHeaders): Buffer {
    const plain = encodeHeaders(headers);
    if (plain.byteLength > storedLimitBytes)
      throw new RangeError(
        `the headers of a stream have ${plain.byteLength} bytes, over ${storedLimitBytes}`,
      );
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(plain.byteLength, 1);
    stored.writeUInt16LE(plain.byteLength ^ 0xffff, 3);
    const begin = this.#first ? [zlibHeader] : [];
    this.#first = false;
    return Buffer.concat([...begin, stored, plain, syncFlush]);
  }
}

/**
 * Unpacks the header blocks of one direction of a connection. They share one zlib stream, so each block must be
 * unpacked, in order, whether it is wanted or not. Node has no synchronous inflate that goes on; but a block ends at
 * a byte, so each one is inflated by itself, with what came before as its dictionary.
 */
export class HeaderUnpacker {
  #history: Buffer | undefined;

  /** Throws `malformed_stream` for what is no header block, or one over 64 KiB. */
  unpack(block: Buffer): SpdyHeaders {
    let deflated = block;
    if (this.#history === undefined) {
      const { dictionary, headerBytes } = readZlibHeader(block);
      this.#history = dictionary;
      deflated = block.subarray(headerBytes);
    }
    const plain = inflate(deflated, this.#history);
    this.#history = Buffer.concat([this.#history, plain]).subarray(-windowBytes);
    return decodeHeaders(plain);
  }
}

function readZlibHeader(block: Buffer): { readonly dictionary: Buffer; readonly headerBytes: number } {
  const [method = 0, flags = 0] = block;
  if (block.byteLength < 2 || (method & 0x0f) !== 8 || ((method << 8) | flags) % 31 !== 0)
    throw malformedStream("the first header block is no zlib stream");
  if ((flags & 0x20) === 0) return { dictionary: Buffer.alloc(0), headerBytes: 2 };
  if (block.byteLength < 6 || block.readUInt32BE(2) !== headerDictionaryId)
    throw malformedStream("the header blocks use another dictionary than SPDY/3's");
  return { dictionary: headerDictionary, headerBytes: 6 };
}

function inflate(deflated: Buffer, dictionary: Buffer): Buffer {
  try {
    return inflateRawSync(deflated, {
      // An empty dictionary is none to zlib.
      ...(dictionary.byteLength > 0 ? { dictionary } : {}),
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: blockLimitBytes,
    });
  } catch (error) {
    throw malformedStream(
      `a header block that does not unpack, or to more than ${blockLimitBytes} bytes`,
      error,
    );
  }
}

/** The plain form of a header block: a count, then each name and value with its length. */
export function encodeHeaders(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  const parts = [uint32(entries.length)];
  for (const [name, value] of entries) {
    // A name in mixed case makes Go's peers give up the session without a word.
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text, "utf8");
      parts.push(uint32(bytes.byteLength), bytes);
    }
  }
  return Buffer.concat(parts);
}

/** Reads the plain form. Of several values of one name, joined by NUL, all stay in the value. */
export function decodeHeaders(plain: Buffer): SpdyHeaders {
  let at = 0;
  const number = (): number => {
    if (at + 4 > plain.byteLength) throw malformedStream("a header block that ends too early");
    at += 4;
    return plain.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (length > plain.byteLength - at) throw malformedStream("a header block that ends too early");
    at += length;
    return plain.toString("utf8", at - length, at);
  };
  const count = number();
  if (count > countLimit) throw malformedStream(`a header block of ${count} headers`);
  const entries: [string, string][] = [];
  for (let left = count; left > 0; left--) entries.push([text().toLowerCase(), text()]);
  if (at !== plain.byteLength) throw malformedStream("a header block with bytes after its last header");
  return Object.freeze(Object.fromEntries(entries));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
