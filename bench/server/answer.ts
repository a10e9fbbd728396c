import {
  endStreamFlag,
  frame,
  frameHeader,
  frameType,
  headersFrame,
  maxFrameBytes,
  setStream,
} from "./frames.js";

/** One answer to all requests, encoded once: only the stream's number changes. */
export class Answer {
  /** The message with gRPC's prefix. */
  readonly body: Buffer;
  readonly #head = headersFrame({ ":status": "200", "content-type": "application/grpc" });
  readonly #trailers = headersFrame({ "grpc-status": "0", "grpc-message": "" }, endStreamFlag);
  readonly #whole: Buffer;
  readonly #frameOffsets: readonly number[];

  constructor(message: Uint8Array) {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.byteLength, 1);
    this.body = Buffer.concat([prefix, message]);
    const frames = [this.#head];
    for (let at = 0; at < this.body.byteLength; at += maxFrameBytes)
      frames.push(frame(frameType.data, 0, this.body.subarray(at, at + maxFrameBytes)));
    frames.push(this.#trailers);
    let offset = 0;
    this.#frameOffsets = frames.map(({ byteLength }) => {
      offset += byteLength;
      return offset - byteLength;
    });
    this.#whole = Buffer.concat(frames);
  }

  /** The complete answer on a stream: a small one in one piece, a large one without copying its body. */
  whole(streamId: number): Buffer[] {
    if (this.#frameOffsets.length <= 3) {
      const bytes = Buffer.from(this.#whole);
      for (const offset of this.#frameOffsets) setStream(bytes, offset, streamId);
      return [bytes];
    }
    const pieces = [this.head(streamId)];
    for (let at = 0; at < this.body.byteLength; at += maxFrameBytes)
      pieces.push(...this.part(streamId, at, Math.min(at + maxFrameBytes, this.body.byteLength)));
    pieces.push(this.trailers(streamId));
    return pieces;
  }

  /** Its headers on a stream. */
  head(streamId: number): Buffer {
    return onStream(this.#head, streamId);
  }

  /** One DATA frame with a part of the body: its header, and the part itself. */
  part(streamId: number, from: number, to: number): Buffer[] {
    const header = frameHeader(frameType.data, 0, to - from);
    setStream(header, 0, streamId);
    return [header, this.body.subarray(from, to)];
  }

  /** Its end on a stream. */
  trailers(streamId: number): Buffer {
    return onStream(this.#trailers, streamId);
  }
}

function onStream(bytes: Buffer, streamId: number): Buffer {
  const copy = Buffer.from(bytes);
  setStream(copy, 0, streamId);
  return copy;
}
