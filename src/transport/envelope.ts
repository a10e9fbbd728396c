import { gunzipSync } from "node:zlib";
import { type CriError, codeOf, criError } from "../core/index.js";

/** The length of gRPC's message prefix: one flag byte, then the message's length in four bytes, big-endian. */
export const prefixBytes = 5;
const compressedFlag = 1;
/** The first size of the buffer of a message that spans several chunks. */
const firstBytes = 2 ** 12;

/** Returns a message with gRPC's prefix. Throws `send_limit` if it is larger than `limitBytes`. */
export function encodeEnvelope(message: Uint8Array, limitBytes: number): Buffer {
  const length = message.byteLength;
  checkRequestBytes(length, limitBytes);
  const frame = Buffer.allocUnsafe(prefixBytes + length);
  frame[0] = 0;
  frame.writeUInt32BE(length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/** Throws `send_limit` for a message that is larger than `limitBytes`. */
export function checkRequestBytes(bytes: number, limitBytes: number): void {
  if (bytes > limitBytes) throw tooLarge("send_limit", bytes, limitBytes);
}

/** The receiver of the messages of a body, in order: each is in `bytes` from `start` to `end`, and stays valid until `onMessage` returns. */
export interface MessageReceiver {
  onMessage(bytes: Uint8Array, start: number, end: number): void;
}

/** The buffer of an earlier message, for the next one that spans several chunks: the system clears new memory, which costs more than a copy. */
let spare: Uint8Array | undefined;
const maxSpareBytes = 2 * 2 ** 20;
const stepBytes = 2 ** 16;
/** How many times as large as what has arrived a buffer becomes when it is full. */
const growth = 8;

/** Keeps a buffer for the next message, if it is the largest one that is not too large. */
function keep(buffer: Uint8Array): void {
  if (buffer.byteLength <= maxSpareBytes && buffer.byteLength > (spare?.byteLength ?? 0)) spare = buffer;
}

/**
 * Splits a gRPC body into messages, independently of its chunks. A message over the limit is refused as soon as its prefix has
 * arrived, so it is never buffered; for a compressed message, the limit also applies to the decompressed size.
 */
export class EnvelopeReader {
  readonly #limitBytes: number;
  /** An incomplete prefix at the end of the previous chunk. */
  #prefix: Uint8Array | undefined;
  /**
   * The buffer of a message that spans several chunks: each chunk is copied when it arrives, while the next one is in flight. It
   * grows with what has arrived: the length in the prefix is only an announcement.
   */
  #message: Uint8Array | undefined;
  #length = 0;
  #filled = 0;
  #flag = 0;

  /** The number of messages delivered. */
  messages = 0;

  /** The response's `grpc-encoding`. */
  encoding: string | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Whether the body may end here, which is between two messages. */
  get atBoundary(): boolean {
    return this.#prefix === undefined && this.#message === undefined;
  }

  /** The memory that an incomplete message takes. The system gives none for the part of its buffer that was not written. */
  get bufferedBytes(): number {
    const message = this.#message;
    return message === undefined ? 0 : Math.max(this.#filled, Math.min(message.byteLength, firstBytes));
  }

  /** Reads the next bytes, those of `chunk` from `start` to `end`, and delivers every message that they complete. */
  push(chunk: Uint8Array, start: number, end: number, receiver: MessageReceiver): void {
    let at = start;
    if (this.#message) {
      at = this.#fill(chunk, at, end);
      if (this.#filled < this.#length) return;
      const message = this.#message;
      this.#message = undefined;
      this.#deliver(message, 0, this.#length, receiver);
      keep(message);
    }
    if (this.#prefix && at < end) {
      const joined = Buffer.concat([this.#prefix, chunk.subarray(at, end)]);
      this.#prefix = undefined;
      this.#readMessages(joined, 0, joined.byteLength, receiver);
    } else this.#readMessages(chunk, at, end, receiver);
  }

  #readMessages(chunk: Uint8Array, start: number, end: number, receiver: MessageReceiver): void {
    for (let at = start; at < end; ) {
      const content = at + prefixBytes;
      if (content > end) {
        this.#prefix = copyOf(chunk, at, end);
        return;
      }
      const length = this.#readPrefix(chunk, at);
      at = content + length;
      if (at > end) {
        this.#filled = 0;
        this.#length = length;
        this.#message = spare ?? allocate(Math.min(length, Math.max(firstBytes, 2 * (end - content))));
        spare = undefined;
        this.#fill(chunk, content, end);
        return;
      }
      this.#deliver(chunk, content, at, receiver);
    }
  }

  /** Stores the flag, and returns the message's length. */
  #readPrefix(chunk: Uint8Array, at: number): number {
    this.#flag = chunk[at] as number;
    const [a, b, c, d] = [chunk[at + 1], chunk[at + 2], chunk[at + 3], chunk[at + 4]] as [
      number,
      number,
      number,
      number,
    ];
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (length > this.#limitBytes) throw tooLarge("receive_limit", length, this.#limitBytes);
    return length;
  }

  /** Copies the part of a chunk that belongs to the message. Returns its end. */
  #fill(chunk: Uint8Array, start: number, end: number): number {
    const taken = Math.min(end - start, this.#length - this.#filled);
    const message = this.#withSpace(this.#filled + taken);
    message.set(chunk.subarray(start, start + taken), this.#filled);
    this.#filled += taken;
    return start + taken;
  }

  /** Returns the message's buffer, with space for `needed` bytes. */
  #withSpace(needed: number): Uint8Array {
    const old = this.#message;
    if (old && needed <= old.byteLength) return old;
    const grown = allocate(Math.min(roundedUp(this.#length), growth * needed));
    if (old) {
      grown.set(old.subarray(0, this.#filled));
      keep(old);
    }
    this.#message = grown;
    return grown;
  }

  #deliver(bytes: Uint8Array, start: number, end: number, receiver: MessageReceiver): void {
    this.messages++;
    if (this.#flag === 0) {
      receiver.onMessage(bytes, start, end);
      return;
    }
    const message = this.#decompress(this.#flag, bytes.subarray(start, end));
    receiver.onMessage(message, 0, message.byteLength);
  }

  #decompress(flag: number, message: Uint8Array): Uint8Array {
    const { encoding } = this;
    if (flag !== compressedFlag) throw malformed(`a message prefix has the unknown flag ${flag}`);
    if (encoding !== "gzip")
      throw malformed(`a message is compressed, but grpc-encoding is ${encoding ?? "missing"}`);
    try {
      return gunzipSync(message, { maxOutputLength: this.#limitBytes });
    } catch (error) {
      if (codeOf(error) === "ERR_BUFFER_TOO_LARGE")
        throw tooLarge("receive_limit", undefined, this.#limitBytes);
      throw malformed("a message cannot be decompressed with gzip", error);
    }
  }
}

/** Copies the bytes from `start` to `end`, which do not stay valid. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}

/** Rounds the size of a large message up: the next one, which may be a little larger, then needs no new memory. */
function roundedUp(bytes: number): number {
  return Math.ceil(bytes / stepBytes) * stepBytes;
}

/** A plain Uint8Array that is not cleared. */
function allocate(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

/** Creates the error of a response that violates the wire format. */
export function malformed(text: string, cause?: unknown): CriError {
  return criError("malformed_response", text, { cause });
}

function tooLarge(
  reason: "receive_limit" | "send_limit",
  bytes: number | undefined,
  limit: number,
): CriError {
  const size = bytes === undefined ? "is, decompressed, larger than" : `has ${bytes} bytes, more than`;
  return criError(
    reason,
    reason === "send_limit"
      ? `the request ${size} writeLimitBytes (${limit}); it was not sent`
      : `the response ${size} readLimitBytes (${limit})`,
    {
      hint:
        reason === "send_limit"
          ? "Make the request smaller: runtimes refuse more than 16 MiB"
          : "Raise `readLimitBytes`, narrow the filter, or use `cri.lists`",
    },
  );
}
