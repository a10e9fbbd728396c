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

/** Who takes the messages of a body, one after the other. */
export interface MessageReceiver {
  onMessage(message: Uint8Array): void;
}

/**
 * Cuts a gRPC body into messages, whatever the chunks it arrives in. A message over the limit is refused as soon
 * as its prefix is known, so nothing over the limit is ever held; a compressed one is held to it unpacked, too.
 */
export class EnvelopeReader {
  readonly #limitBytes: number;
  /** A prefix that a chunk ended in the middle of. */
  #prefix: Uint8Array | undefined;
  /** A message that takes several chunks, with room for all of it, so that each is copied while the next is on its way. */
  #message: Uint8Array | undefined;
  #filled = 0;
  #flag = 0;

  /** How many messages were handed over. */
  messages = 0;

  /** The answer's `grpc-encoding`. */
  encoding: string | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Whether the body may end here: true between messages. */
  get atBoundary(): boolean {
    return this.#prefix === undefined && this.#message === undefined;
  }

  /** Takes the next chunk and hands over every message it completes, in order. */
  push(chunk: Uint8Array, receiver: MessageReceiver): void {
    let rest = chunk;
    if (this.#message) {
      const taken = this.#fill(this.#message, rest);
      if (this.#filled < this.#message.byteLength) return;
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
        this.#message = new Uint8Array(Buffer.allocUnsafeSlow(end - prefixBytes).buffer);
        this.#fill(this.#message, rest.subarray(prefixBytes));
        return;
      }
      // As a plain array: the decoder cuts it into its fields, which a Buffer does at several times the cost.
      this.#deliver(new Uint8Array(rest.buffer, rest.byteOffset + prefixBytes, end - prefixBytes), receiver);
      rest = rest.subarray(end);
    }
  }

  /** Notes the flag, and gives the message's length. */
  #readPrefix(data: Uint8Array): number {
    const [flag = 0, a = 0, b = 0, c = 0, d = 0] = data;
    const length = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    if (length > this.#limitBytes) throw tooLarge("receive_limit", length, this.#limitBytes);
    this.#flag = flag;
    return length;
  }

  /** Copies as much as the message still takes; how much that was. */
  #fill(message: Uint8Array, chunk: Uint8Array): number {
    const taken = Math.min(chunk.byteLength, message.byteLength - this.#filled);
    message.set(taken < chunk.byteLength ? chunk.subarray(0, taken) : chunk, this.#filled);
    this.#filled += taken;
    return taken;
  }

  #deliver(message: Uint8Array, receiver: MessageReceiver): void {
    this.messages++;
    receiver.onMessage(this.#flag === 0 ? message : this.#unpack(this.#flag, message));
  }

  #unpack(flag: number, message: Uint8Array): Uint8Array {
    const { encoding } = this;
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
