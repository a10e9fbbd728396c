import { gunzipSync } from "node:zlib";
import { type CriError, codeOf, criError } from "../core/index.js";

/** The length of gRPC's message prefix: one flag byte, then the message's length in four bytes, big-endian. */
const prefixBytes = 5;
const compressedFlag = 1;
/** The first size of the buffer of a message that spans several chunks. */
const firstBytes = 2 ** 12;

/** Returns a message with gRPC's prefix. Throws `send_limit` if it is larger than `limitBytes`. */
export function encodeEnvelope(message: Uint8Array, limitBytes: number): Buffer {
  const length = message.byteLength;
  if (length > limitBytes) throw tooLarge("send_limit", length, limitBytes);
  const frame = Buffer.allocUnsafe(prefixBytes + length);
  frame[0] = 0;
  frame.writeUInt32BE(length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/** The receiver of the messages of a body, in order. */
export interface MessageReceiver {
  onMessage(message: Uint8Array): void;
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

  /** The memory that an incomplete message takes. */
  get bufferedBytes(): number {
    return this.#message?.byteLength ?? 0;
  }

  /** Reads the next chunk, and delivers every message that it completes. */
  push(chunk: Uint8Array, receiver: MessageReceiver): void {
    let rest = chunk;
    if (this.#message) {
      const taken = this.#fill(rest);
      if (this.#filled < this.#length) return;
      const message = this.#message;
      this.#message = undefined;
      this.#deliver(message, receiver);
      rest = rest.subarray(taken);
    }
    while (rest.byteLength > 0) {
      if (this.#prefix) rest = Buffer.concat([this.#prefix, rest]);
      this.#prefix = rest.byteLength < prefixBytes ? rest : undefined;
      if (this.#prefix) return;
      const end = prefixBytes + this.#readPrefix(rest);
      if (end > rest.byteLength) {
        this.#filled = 0;
        this.#length = end - prefixBytes;
        this.#message = allocate(Math.min(this.#length, Math.max(firstBytes, 2 * rest.byteLength)));
        this.#fill(rest.subarray(prefixBytes));
        return;
      }
      // A plain Uint8Array: the decoder slices it into fields, which costs several times as much with a Buffer.
      this.#deliver(new Uint8Array(rest.buffer, rest.byteOffset + prefixBytes, end - prefixBytes), receiver);
      rest = rest.subarray(end);
    }
  }

  /** Stores the flag, and returns the message's length. */
  #readPrefix(data: Uint8Array): number {
    const [flag = 0, a = 0, b = 0, c = 0, d = 0] = data;
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (length > this.#limitBytes) throw tooLarge("receive_limit", length, this.#limitBytes);
    this.#flag = flag;
    return length;
  }

  /** Copies the part of a chunk that belongs to the message. Returns its length. */
  #fill(chunk: Uint8Array): number {
    const taken = Math.min(chunk.byteLength, this.#length - this.#filled);
    const message = this.#withSpace(this.#filled + taken);
    message.set(taken < chunk.byteLength ? chunk.subarray(0, taken) : chunk, this.#filled);
    this.#filled += taken;
    return taken;
  }

  /** Returns the message's buffer, with space for `needed` bytes. It grows at least twofold, so that a message is copied once on average. */
  #withSpace(needed: number): Uint8Array {
    const old = this.#message;
    if (old && needed <= old.byteLength) return old;
    const grown = allocate(Math.min(this.#length, Math.max(needed, 2 * (old?.byteLength ?? 0))));
    if (old) grown.set(old.subarray(0, this.#filled));
    this.#message = grown;
    return grown;
  }

  #deliver(message: Uint8Array, receiver: MessageReceiver): void {
    this.messages++;
    receiver.onMessage(this.#flag === 0 ? message : this.#decompress(this.#flag, message));
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
