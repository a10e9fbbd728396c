import { constants, inflateRawSync } from "node:zlib";
import { malformedStream } from "../errors.js";

/** The headers of a stream; names are in lower case. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** The window of a deflate stream: how far back a block may refer, in bytes. */
const windowBytes = 32_768;
/** The largest accepted header block after unpacking, in bytes. */
const blockLimitBytes = 65_536;
const countLimit = 1_000;

/** The header (CMF, FLG) of a zlib stream without a dictionary. */
const zlibHeader = Buffer.from([0x78, 0x01]);
/** An empty stored block, which is zlib's sync flush: without it, a peer waits for more bytes. */
const syncFlush = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);
const storedLimitBytes = 65_535;

/**
 * Packs header blocks for one direction of a connection. The zlib blocks are stored, not compressed: every peer can inflate them,
 * they need no dictionary, and equal headers result in equal bytes.
 */
export class HeaderPacker {
  #first = true;

  pack(headers: SpdyHeaders): Buffer {
    const plain = encodeHeaders(headers);
    if (plain.byteLength > storedLimitBytes)
      throw new RangeError(
        `headers of a stream: ${plain.byteLength} bytes exceed the limit of ${storedLimitBytes}`,
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
 * Unpacks the header blocks of one direction of a connection. The blocks share one zlib stream, so every block must be unpacked, in
 * order, even if its headers are not needed. Node has no synchronous inflate with state; but each block ends at a byte boundary, so
 * it is inflated on its own, with the preceding output as its dictionary.
 */
export class HeaderUnpacker {
  #history: Buffer | undefined;

  /** Throws `malformed_stream` for an invalid header block and for one over 64 KiB. */
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
    throw malformedStream("SPDY headers: the first block is not a zlib stream");
  if ((flags & 0x20) === 0) return { dictionary: Buffer.alloc(0), headerBytes: 2 };
  if (block.byteLength < 6 || block.readUInt32BE(2) !== headerDictionaryId)
    throw malformedStream("SPDY headers: the zlib dictionary is not that of SPDY/3");
  return { dictionary: headerDictionary, headerBytes: 6 };
}

function inflate(deflated: Buffer, dictionary: Buffer): Buffer {
  try {
    return inflateRawSync(deflated, {
      // zlib rejects an empty dictionary.
      ...(dictionary.byteLength > 0 ? { dictionary } : {}),
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: blockLimitBytes,
    });
  } catch (error) {
    throw malformedStream(
      `SPDY headers: a block cannot be unpacked, or exceeds ${blockLimitBytes} bytes`,
      error,
    );
  }
}

/** Encodes the plain form of a header block: a count, then each name and value with its length. */
export function encodeHeaders(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  const parts = [uint32(entries.length)];
  for (const [name, value] of entries) {
    // Go's peers silently drop a session whose header names are not in lower case.
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text, "utf8");
      parts.push(uint32(bytes.byteLength), bytes);
    }
  }
  return Buffer.concat(parts);
}

/** Decodes the plain form. Several values of one name, joined by NUL, stay joined. */
export function decodeHeaders(plain: Buffer): SpdyHeaders {
  let offset = 0;
  const number = (): number => {
    if (offset + 4 > plain.byteLength) throw malformedStream("SPDY headers: a block ends too early");
    offset += 4;
    return plain.readUInt32BE(offset - 4);
  };
  const text = (): string => {
    const length = number();
    if (length > plain.byteLength - offset) throw malformedStream("SPDY headers: a block ends too early");
    offset += length;
    return plain.toString("utf8", offset - length, offset);
  };
  const count = number();
  if (count > countLimit)
    throw malformedStream(`SPDY headers: ${count} headers exceed the limit of ${countLimit}`);
  const entries: [string, string][] = [];
  for (let remaining = count; remaining > 0; remaining--) entries.push([text().toLowerCase(), text()]);
  if (offset !== plain.byteLength)
    throw malformedStream("SPDY headers: a block has bytes after its last header");
  return Object.freeze(Object.fromEntries(entries));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Words that are in the dictionary with their length, as the names and values of headers are. */
const words =
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow " +
  "authorization cache-control connection content-base content-encoding content-language content-length " +
  "content-location content-md5 content-range content-type date etag expect expires from host if-match " +
  "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma " +
  "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade " +
  "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie " +
  "keep-alive origin";

const statuses = [
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505",
  "203 Non-Authoritative Information",
  "204 No Content",
  "301 Moved Permanently",
  "400 Bad Request",
  "401 Unauthorized",
  "403 Forbidden",
  "404 Not Found",
  "500 Internal Server Error",
  "501 Not Implemented",
  "503 Service Unavailable",
];

const dates =
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT";

const values =
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript," +
  "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/** SPDY/3's zlib dictionary: bytes that both peers treat as sent before the first header block. */
export const headerDictionary: Buffer = Buffer.concat([
  ...words.split(" ").map((word) => withLength(word.replace("_", " "))),
  Buffer.from(statuses.join("") + dates + values, "latin1"),
]);

/** The dictionary's Adler-32, which identifies it in a zlib stream. */
const headerDictionaryId = 0xe3c6a7c2;

function withLength(word: string): Buffer {
  const bytes = Buffer.alloc(4 + word.length);
  bytes.writeUInt32BE(word.length);
  bytes.write(word, 4, "latin1");
  return bytes;
}
