import { gunzipSync } from "node:zlib";
import { CriError } from "../core/index.js";

/** gRPC's message prefix: one flag byte, then the length in four bytes, big-endian. */
const prefixBytes = 5;
const compressedFlag = 1;

/** A message with gRPC's prefix. Throws `send_limit` when it is larger than `limitBytes`. */
export function encodeEnvelope(message: Uint8Array, limitBytes: number): Buffer {
  const length = message.byteLength;
  if (length > limitBytes) throw tooLarge("send_limit", length, limitBytes);
  const frame = Buffer.allocUnsafe(prefixBytes + length);
  frame[0] = 0;
  frame.writeUInt32BE(length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/**
 * Cuts a gRPC body into messages, whatever the chunks it arrives in. A message over the limit is refused as soon
 * as its prefix is known, so nothing over the limit is ever held; a compressed one is held to it unpacked, too.
 */
export class EnvelopeReader {
  readonly #limitBytes: number;
  readonly #encoding: () => string | undefined;
  #chunks: Uint8Array[] = [];
  #held = 0;
  /** The whole size, prefix included, of the message that is arriving; 0 while its prefix is not complete. */
  #wanted = 0;

  /** How many messages were handed over. */
  messages = 0;

  constructor(limitBytes: number, encoding: () => string | undefined) {
    this.#limitBytes = limitBytes;
    this.#encoding = encoding;
  }

  /** Whether the body may end here: true between messages. */
  get atBoundary(): boolean {
    return this.#held === 0;
  }

  /** Takes the next chunk and hands over every message it completes, in order. */
  push(chunk: Uint8Array, deliver: (message: Uint8Array) => void): void {
    this.#chunks.push(chunk);
    this.#held += chunk.byteLength;
    while (this.#held >= (this.#wanted || prefixBytes)) {
      const data = this.#join();
      if (this.#wanted === 0) {
        const length =
          ((data[1] ?? 0) * 2 ** 24 + ((data[2] ?? 0) << 16) + ((data[3] ?? 0) << 8) + (data[4] ?? 0)) >>> 0;
        if (length > this.#limitBytes) throw tooLarge("receive_limit", length, this.#limitBytes);
        this.#wanted = prefixBytes + length;
        if (this.#held < this.#wanted) return;
      }
      const end = this.#wanted;
      const message = data.subarray(prefixBytes, end);
      this.#chunks = end < data.byteLength ? [data.subarray(end)] : [];
      this.#held -= end;
      this.#wanted = 0;
      this.messages++;
      deliver(this.#unpack(data[0] ?? 0, message));
    }
  }

  #join(): Uint8Array {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first) return first;
    const joined = Buffer.concat(this.#chunks, this.#held);
    this.#chunks = [joined];
    return joined;
  }

  #unpack(flag: number, message: Uint8Array): Uint8Array {
    // As a plain array: the decoder cuts it into its fields, which a Buffer does at several times the cost.
    if (flag === 0) return new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
    const encoding = this.#encoding();
    if (flag !== compressedFlag) throw malformed(`the message prefix has the unknown flag ${flag}`);
    if (encoding !== "gzip")
      throw malformed(`a compressed message, with grpc-encoding ${encoding ?? "missing"}`);
    try {
      return gunzipSync(message, { maxOutputLength: this.#limitBytes });
    } catch (error) {
      if (error instanceof RangeError) throw tooLarge("receive_limit", undefined, this.#limitBytes);
      throw malformed("a message that does not unpack as gzip", error);
    }
  }
}

/** The error for an answer that breaks the wire format. */
export function malformed(text: string, cause?: unknown): CriError {
  return new CriError({ code: "internal", reason: "malformed_response", text, cause });
}

function tooLarge(
  reason: "receive_limit" | "send_limit",
  bytes: number | undefined,
  limit: number,
): CriError {
  const size = bytes === undefined ? "unpacks to more than" : `has ${bytes} bytes, over`;
  return new CriError({
    code: "resource_exhausted",
    reason,
    text:
      reason === "send_limit"
        ? `the request ${size} writeLimitBytes (${limit}); it was not sent`
        : `the response ${size} readLimitBytes (${limit})`,
    hint:
      reason === "send_limit"
        ? "Runtimes refuse more than 16 MiB; make the request smaller"
        : "Raise readLimitBytes, narrow the filter, or use the streaming lists (cri.lists, or the Stream* RPC)",
  });
}
