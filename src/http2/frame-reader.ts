import { errorCode, Http2Error } from "./errors.js";
import { connectionPreface, frameFlag, frameHeaderBytes, frameType, minMaxFrameBytes } from "./frames.js";

/** The receiver of the frames of a connection. Its methods throw to end the connection. */
export interface FrameReceiver {
  /** Called for each frame when its header has arrived. */
  onFrameHeader(type: number, flags: number, streamId: number, length: number): void;
  /** Called for each frame that is not DATA, when its payload has arrived: the bytes of `chunk` from `start` to `end`. */
  onFrame(type: number, flags: number, streamId: number, chunk: Buffer, start: number, end: number): void;
  /** Called for the content of a DATA frame, in parts, as it arrives: the bytes of `chunk` from `start` to `end`. */
  onData(chunk: Buffer, start: number, end: number): void;
  /** Called after the last part of a DATA frame, which may have no content. */
  onDataEnd(): void;
}

/**
 * Splits what a socket receives into frames, independently of its chunks. The content of DATA frames is passed on without being copied;
 * other payloads are copied only if they span several chunks. Nothing refers to a chunk after it was read.
 */
export class FrameReader {
  readonly #receiver: FrameReceiver;
  /** The part of the client's preface that has not arrived yet. */
  #preface: Buffer | undefined;
  #isStopped = false;
  /** A frame header that spans several chunks. */
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #headerBytes = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** A payload that spans several chunks. */
  #payload: Buffer | undefined;
  #payloadBytes = 0;
  /** Of the current DATA frame: what has not arrived yet, padding included, and the padding. */
  #dataLeft = 0;
  #needsPadLength = false;
  #padding = 0;

  constructor(receiver: FrameReceiver, options: { readonly expectsPreface: boolean }) {
    this.#receiver = receiver;
    this.#preface = options.expectsPreface ? connectionPreface : undefined;
  }

  /** Whether the next byte begins a frame. */
  get atBoundary(): boolean {
    return this.#headerBytes === 0 && this.#payload === undefined && this.#dataLeft === 0;
  }

  /** Ignores everything that arrives from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#payload = undefined;
  }

  /** Reads the next bytes, the first `length` ones of `chunk`. Throws {@link Http2Error}, also what the receiver throws. */
  push(chunk: Buffer, length: number): void {
    if (this.#isStopped) return;
    let at = this.#preface ? this.#readPreface(chunk, length) : 0;
    while (at < length && !this.#isStopped) {
      if (this.#dataLeft > 0) at = this.#readData(chunk, at, length);
      else if (this.#payload) at = this.#fillPayload(this.#payload, chunk, at, length);
      else at = this.#readFrame(chunk, at, length);
    }
  }

  #readPreface(chunk: Buffer, chunkLength: number): number {
    const { length } = connectionPreface;
    const preface = this.#preface ?? connectionPreface;
    const taken = Math.min(preface.length, chunkLength);
    if (chunk.compare(preface, 0, taken, 0, taken) !== 0)
      throw new Http2Error(errorCode.protocolError, "the client does not begin with HTTP/2's preface");
    this.#preface =
      taken < preface.length ? connectionPreface.subarray(length - preface.length + taken) : undefined;
    return taken;
  }

  /** Reads a frame header, and the payload if it has arrived as well. */
  #readFrame(chunk: Buffer, start: number, chunkEnd: number): number {
    let at = start;
    let header = chunk;
    let from = at;
    if (this.#headerBytes > 0 || chunkEnd - at < frameHeaderBytes) {
      const copied = chunk.copy(this.#header, this.#headerBytes, at, chunkEnd);
      this.#headerBytes += copied;
      at += copied;
      if (this.#headerBytes < frameHeaderBytes) return at;
      this.#headerBytes = 0;
      header = this.#header;
      from = 0;
    } else at += frameHeaderBytes;
    const length = header.readUIntBE(from, 3);
    const type = header[from + 3] ?? 0;
    const flags = header[from + 4] ?? 0;
    const streamId = header.readUInt32BE(from + 5) & 0x7fffffff;
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    if (length > minMaxFrameBytes) throw tooLarge(length, header.toString("latin1", from, from + 8));
    this.#receiver.onFrameHeader(type, flags, streamId, length);
    if (type === frameType.data) {
      this.#padding = 0;
      this.#needsPadLength = (flags & frameFlag.padded) !== 0;
      if (this.#needsPadLength && length === 0)
        throw new Http2Error(errorCode.frameSizeError, "a padded frame has no pad length");
      this.#dataLeft = length;
      if (length === 0) this.#receiver.onDataEnd();
      return at;
    }
    const end = at + length;
    if (end <= chunkEnd) {
      if (!this.#isStopped) this.#receiver.onFrame(type, flags, streamId, chunk, at, end);
      return end;
    }
    this.#payload = Buffer.allocUnsafe(length);
    this.#payloadBytes = 0;
    return at;
  }

  #fillPayload(payload: Buffer, chunk: Buffer, at: number, chunkEnd: number): number {
    const copied = chunk.copy(payload, this.#payloadBytes, at, chunkEnd);
    this.#payloadBytes += copied;
    if (this.#payloadBytes === payload.length) {
      this.#payload = undefined;
      this.#receiver.onFrame(this.#type, this.#flags, this.#streamId, payload, 0, payload.length);
    }
    return at + copied;
  }

  #readData(chunk: Buffer, start: number, chunkEnd: number): number {
    let at = start;
    if (this.#needsPadLength) {
      this.#needsPadLength = false;
      this.#padding = chunk[at++] ?? 0;
      this.#dataLeft--;
      if (this.#padding > this.#dataLeft)
        throw new Http2Error(errorCode.protocolError, "the padding is longer than its frame");
    }
    const content = Math.min(this.#dataLeft - this.#padding, chunkEnd - at);
    if (content > 0) {
      this.#dataLeft -= content;
      const end = at + content;
      this.#receiver.onData(chunk, at, end);
      at = end;
    }
    if (this.#dataLeft === this.#padding) {
      const padding = Math.min(this.#padding, chunkEnd - at);
      this.#padding -= padding;
      this.#dataLeft -= padding;
      at += padding;
      if (this.#dataLeft === 0 && !this.#isStopped) this.#receiver.onDataEnd();
    }
    return at;
  }
}

function tooLarge(length: number, text: string): Http2Error {
  return text.startsWith("HTTP/")
    ? new Http2Error(
        errorCode.protocolError,
        `the peer does not speak HTTP/2: it sent ${JSON.stringify(text)}`,
      )
    : new Http2Error(errorCode.frameSizeError, `a frame of ${length} bytes is too large`);
}
