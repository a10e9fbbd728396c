import { malformedStream } from "../errors.js";
import {
  type ControlFrame,
  finFlag,
  frameHeaderBytes,
  frameType,
  maxStreamId,
  unidirectionalFlag,
} from "./frames.js";

/** Who hears of the frames. */
export interface FrameSink {
  /**
   * A part of a DATA frame's payload, a view of the chunk it came in; `fin` is true for the last part of a frame that
   * ends the peer's half of the stream, which may be empty.
   */
  onData(streamId: number, part: Buffer, fin: boolean): void;
  onControl(frame: ControlFrame): void;
}

/** The largest control frame that is taken: far more than the headers of any streaming session need. */
const controlLimitBytes = 65_536;
const spdyVersion = 3;
const none = Buffer.alloc(0);

/**
 * Cuts what a peer sends into SPDY/3.1 frames, whatever the chunks it arrives in. The payload of DATA is never held,
 * a control frame is held until it is complete, up to 64 KiB. Throws `malformed_stream` for bytes that are no SPDY;
 * after that it must not be used.
 */
export class FrameDecoder {
  readonly #sink: FrameSink;
  /** The beginning of a frame that is looked at whole, while less of it has come than `#wanted` bytes. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #wanted = 0;
  #dataStream = 0;
  #dataLeft = 0;
  #dataFin = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether the peer may stop here: true between frames. */
  get atBoundary(): boolean {
    return this.#dataLeft === 0 && this.#heldBytes === 0;
  }

  push(chunk: Buffer): void {
    let rest = this.#takeData(chunk);
    if (this.#heldBytes > 0) {
      this.#hold(rest, this.#wanted);
      if (this.#heldBytes < this.#wanted) return;
      rest = Buffer.concat(this.#held, this.#heldBytes);
      this.#held = [];
      this.#heldBytes = 0;
    }
    while (rest.byteLength > 0) {
      if (rest.byteLength < frameHeaderBytes) {
        this.#hold(rest, frameHeaderBytes);
        return;
      }
      const length = rest.readUIntBE(5, 3);
      if ((rest[0] ?? 0) < 0x80) {
        this.#beginData(rest, length);
        rest = this.#takeData(rest.subarray(frameHeaderBytes));
        continue;
      }
      const end = frameHeaderBytes + length;
      if (length > controlLimitBytes)
        throw malformedStream(`a control frame of ${length} bytes, over the limit of ${controlLimitBytes}`);
      if (rest.byteLength < end) {
        this.#hold(rest, end);
        return;
      }
      this.#sink.onControl(decodeControl(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
  }

  #hold(part: Buffer, wanted: number): void {
    this.#held.push(part);
    this.#heldBytes += part.byteLength;
    this.#wanted = wanted;
  }

  #beginData(frame: Buffer, length: number): void {
    this.#dataStream = frame.readUInt32BE(0);
    if (this.#dataStream === 0) throw malformedStream("a DATA frame on stream 0");
    this.#dataLeft = length;
    this.#dataFin = ((frame[4] ?? 0) & finFlag) !== 0;
    if (length === 0) this.#sink.onData(this.#dataStream, none, this.#dataFin);
  }

  /** Hands on what belongs to the DATA frame under way; gives what comes after it. */
  #takeData(chunk: Buffer): Buffer {
    if (this.#dataLeft === 0) return chunk;
    const taken = Math.min(this.#dataLeft, chunk.byteLength);
    if (taken === 0) return chunk;
    this.#dataLeft -= taken;
    const last = this.#dataLeft === 0;
    this.#sink.onData(
      this.#dataStream,
      taken === chunk.byteLength ? chunk : chunk.subarray(0, taken),
      last && this.#dataFin,
    );
    return chunk.subarray(taken);
  }
}

function decodeControl(frame: Buffer): ControlFrame {
  const version = frame.readUInt16BE(0) & 0x7fff;
  if (version !== spdyVersion) throw malformedStream(`a frame of SPDY version ${version} instead of 3`);
  const number = frame.readUInt16BE(2);
  const flags = frame[4] ?? 0;
  const payload = frame.subarray(frameHeaderBytes);
  const fin = (flags & finFlag) !== 0;
  switch (number) {
    case frameType.synStream:
      return {
        type: "syn_stream",
        streamId: streamIdOf(payload, 10, "SYN_STREAM"),
        fin,
        unidirectional: (flags & unidirectionalFlag) !== 0,
        block: payload.subarray(10),
      };
    case frameType.synReply:
      return {
        type: "syn_reply",
        streamId: streamIdOf(payload, 4, "SYN_REPLY"),
        fin,
        block: payload.subarray(4),
      };
    case frameType.headers:
      return {
        type: "headers",
        streamId: streamIdOf(payload, 4, "HEADERS"),
        fin,
        block: payload.subarray(4),
      };
    case frameType.reset: {
      const streamId = streamIdOf(payload, 8, "RST_STREAM");
      return { type: "reset", streamId, status: payload.readUInt32BE(4) };
    }
    case frameType.ping:
      needs(payload, 4, "PING");
      return { type: "ping", id: payload.readUInt32BE(0) };
    case frameType.goaway:
      needs(payload, 8, "GOAWAY");
      return {
        type: "goaway",
        lastStreamId: payload.readUInt32BE(0) & maxStreamId,
        status: payload.readUInt32BE(4),
      };
    default:
      return { type: "ignored", number };
  }
}

function streamIdOf(payload: Buffer, bytes: number, name: string): number {
  needs(payload, bytes, name);
  const streamId = payload.readUInt32BE(0) & maxStreamId;
  if (streamId === 0) throw malformedStream(`a ${name} frame on stream 0`);
  return streamId;
}

function needs(payload: Buffer, bytes: number, name: string): void {
  if (payload.byteLength < bytes)
    throw malformedStream(`a ${name} frame of ${payload.byteLength} bytes, which needs ${bytes}`);
}
