import { errorCode, Http2Error } from "./errors.js";
import {
  defaultWindowBytes,
  frame,
  frameFlag,
  frameHeaderBytes,
  frameType,
  max31Bits,
  minMaxFrameBytes,
  writeFrameHeader,
} from "./frames.js";
import { type HeaderFields, HpackEncoder, type RepeatedHeaders } from "./hpack/encoder.js";
import type { MemoryLimit } from "./memory-limit.js";
import type { Output } from "./output.js";
import { partOverheadBytes } from "./send-queue.js";
import type { Stream } from "./stream.js";

/** Smaller contents are copied behind their frame header: one buffer is cheaper than two. */
const copyBytes = 2 ** 12;
/** What one stream may send before the next one has its turn. */
const turnBytes = 2 ** 16;
const noBytes = Buffer.alloc(0);

/** Sends HEADERS and DATA of all streams of a connection, as flow control and the socket allow. */
export class Sender {
  readonly encoder = new HpackEncoder();
  readonly #output: Output;
  readonly #queueLimit: MemoryLimit | undefined;
  /** The streams that have something queued, and whose own windows are open, in the order of their turns. */
  readonly #ready = new Set<Stream>();
  #window = defaultWindowBytes;
  maxFrameBytes = minMaxFrameBytes;

  constructor(output: Output, queueLimit: MemoryLimit | undefined) {
    this.#output = output;
    this.#queueLimit = queueLimit;
  }

  /** Sends a header block, in several frames if it is large. */
  headers(
    stream: Stream,
    repeated: RepeatedHeaders,
    more: HeaderFields | undefined,
    endStream: boolean,
  ): void {
    const block = this.encoder.encode(repeated, more);
    const frames = Buffer.allocUnsafe(this.#headerFramesBytes(block));
    this.#writeHeaderFrames(frames, 0, stream.id, block, endStream);
    this.#output.push(frames);
  }

  /** Sends the headers of a request together with its complete body, in one buffer if flow control allows it. */
  request(stream: Stream, repeated: RepeatedHeaders, more: HeaderFields | undefined, body: Uint8Array): void {
    const { length } = body;
    if (!this.#canSendWhole(stream, length)) {
      this.headers(stream, repeated, more, false);
      this.write(stream, body);
      stream.end();
      return;
    }
    const block = this.encoder.encode(repeated, more);
    const frames = Buffer.allocUnsafe(this.#headerFramesBytes(block) + frameHeaderBytes + length);
    const at = this.#writeHeaderFrames(frames, 0, stream.id, block, false);
    this.#writeWhole(frames, at, stream, body, frameFlag.endStream);
    this.#output.push(frames);
    stream.final = "data";
    stream.connection.endHere(stream);
  }

  /** Sends a complete response, in one buffer if flow control allows it. */
  response(stream: Stream, headers: RepeatedHeaders, body: Uint8Array, trailers: RepeatedHeaders): void {
    const { length } = body;
    if (!this.#canSendWhole(stream, length)) {
      this.headers(stream, headers, undefined, false);
      stream.write(body);
      stream.end(trailers);
      return;
    }
    const block = this.encoder.encode(headers);
    const lastBlock = this.encoder.encode(trailers);
    const bytes =
      this.#headerFramesBytes(block) + frameHeaderBytes + length + this.#headerFramesBytes(lastBlock);
    const frames = Buffer.allocUnsafe(bytes);
    let at = this.#writeHeaderFrames(frames, 0, stream.id, block, false);
    at = this.#writeWhole(frames, at, stream, body, 0);
    this.#writeHeaderFrames(frames, at, stream.id, lastBlock, true);
    this.#output.push(frames);
    stream.final = "data";
    stream.connection.endHere(stream);
  }

  /** Whether content can be sent at once, as one small frame. */
  #canSendWhole(stream: Stream, length: number): boolean {
    return (
      length <= copyBytes &&
      length <= this.#window &&
      length <= stream.sendWindow &&
      this.#ready.size === 0 &&
      !this.#output.isCongested
    );
  }

  /** Writes a DATA frame into a buffer, and subtracts it from the windows. Returns its end. */
  #writeWhole(target: Buffer, at: number, stream: Stream, content: Uint8Array, flags: number): number {
    const { length } = content;
    writeFrameHeader(target, at, length, frameType.data, flags, stream.id);
    target.set(content, at + frameHeaderBytes);
    this.#window -= length;
    stream.sendWindow -= length;
    return at + frameHeaderBytes + length;
  }

  /** The size of the frames of a header block. */
  #headerFramesBytes({ length }: Buffer): number {
    return length + frameHeaderBytes * Math.max(1, Math.ceil(length / this.maxFrameBytes));
  }

  /** Writes HEADERS and CONTINUATION frames into a buffer. Returns their end. */
  #writeHeaderFrames(
    target: Buffer,
    start: number,
    streamId: number,
    block: Buffer,
    endStream: boolean,
  ): number {
    const { maxFrameBytes } = this;
    let at = start;
    let type: number = frameType.headers;
    let flags = endStream ? frameFlag.endStream : 0;
    for (let from = 0; ; from += maxFrameBytes) {
      const bytes = Math.min(maxFrameBytes, block.length - from);
      const isLast = from + bytes === block.length;
      writeFrameHeader(target, at, bytes, type, isLast ? flags | frameFlag.endHeaders : flags, streamId);
      at += frameHeaderBytes;
      target.set(isLast && from === 0 ? block : block.subarray(from, from + bytes), at);
      at += bytes;
      if (isLast) return at;
      type = frameType.continuation;
      flags = 0;
    }
  }

  /** Sends or queues content. */
  write(stream: Stream, bytes: Uint8Array): void {
    const { length } = bytes;
    if (length === 0) return;
    if (stream.queue.bytes === 0 && stream.id !== 0 && this.#canSendWhole(stream, length)) {
      const whole = Buffer.allocUnsafe(frameHeaderBytes + length);
      this.#writeWhole(whole, 0, stream, bytes, 0);
      this.#output.push(whole);
      return;
    }
    if (this.#queueLimit && !this.#queueLimit.add(length + partOverheadBytes)) {
      this.#queueLimit.add(-length - partOverheadBytes);
      stream.connection.reset(stream, errorCode.enhanceYourCalm, "violation", tooMuchQueued());
      return;
    }
    stream.queue.push(Buffer.from(bytes.buffer, bytes.byteOffset, length));
    this.resume(stream);
  }

  /** Ends this side of a stream behind its queue. */
  finish(stream: Stream): void {
    if (stream.final === undefined || stream.endedHere || stream.isClosed) return;
    if (stream.queue.bytes === 0 && stream.id !== 0) this.#sendFinal(stream);
  }

  /** Forgets what a stream has queued. */
  drop(stream: Stream): void {
    if (stream.queue.bytes === 0) return;
    this.#ready.delete(stream);
    this.#queueLimit?.add(-stream.queue.memoryBytes);
    stream.queue.clear();
  }

  /** Enlarges the window of the connection. */
  enlargeWindow(bytes: number): void {
    this.#window += bytes;
    if (this.#window > max31Bits)
      throw new Http2Error(errorCode.flowControlError, "the connection's window is too large");
    this.pump();
  }

  /** Sends what waits on one stream, after something was queued, or its window was changed, or its request was sent. */
  resume(stream: Stream): void {
    if (stream.queue.bytes === 0) {
      this.finish(stream);
      return;
    }
    if (stream.sendWindow <= 0 || stream.id === 0) return;
    this.#ready.add(stream);
    this.pump();
  }

  /** Sends what flow control and the socket allow now, in turns of all streams that are ready. */
  pump(): void {
    while (this.#window > 0 && !this.#output.isCongested) {
      const [stream] = this.#ready;
      if (!stream) return;
      this.#ready.delete(stream);
      this.#turn(stream);
    }
  }

  /** Sends the next part of a stream's queue. The stream waits for another turn while its queue has more. */
  #turn(stream: Stream): void {
    const { queue } = stream;
    for (let left = turnBytes; left > 0 && queue.bytes > 0; ) {
      const bytes = Math.min(left, this.#window, stream.sendWindow, this.maxFrameBytes, queue.bytes);
      if (bytes <= 0) break;
      left -= bytes;
      this.#sendData(stream, bytes);
    }
    if (queue.bytes > 0) {
      if (stream.sendWindow > 0) this.#ready.add(stream);
    } else this.finish(stream);
    stream.drained();
  }

  /** Sends one DATA frame with the first bytes of the queue. */
  #sendData(stream: Stream, bytes: number): void {
    const { queue } = stream;
    stream.sendWindow -= bytes;
    this.#window -= bytes;
    const isLast = queue.bytes === bytes && stream.final === "data";
    const flags = isLast ? frameFlag.endStream : 0;
    const isCopied = bytes <= copyBytes || queue.isFragmented(bytes, copyBytes);
    const head = Buffer.allocUnsafe(frameHeaderBytes + (isCopied ? bytes : 0));
    writeFrameHeader(head, 0, bytes, frameType.data, flags, stream.id);
    this.#output.push(head);
    const memoryBefore = queue.memoryBytes;
    let at = frameHeaderBytes;
    queue.take(bytes, (part) => {
      if (isCopied) head.set(part, at);
      else this.#output.push(part);
      at += part.length;
    });
    this.#queueLimit?.add(queue.memoryBytes - memoryBefore);
    if (isLast) stream.connection.endHere(stream);
  }

  #sendFinal(stream: Stream): void {
    const { final } = stream;
    if (final === undefined) return;
    if (final === "data") {
      this.#output.push(frame(frameType.data, frameFlag.endStream, stream.id, noBytes));
    } else this.headers(stream, final.repeated, final.more, true);
    stream.connection.endHere(stream);
  }
}

function tooMuchQueued(): Http2Error {
  return new Http2Error(
    errorCode.enhanceYourCalm,
    "the responses that wait for clients take too much memory",
  );
}
