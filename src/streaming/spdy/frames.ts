import { malformedStream } from "../errors.js";

/** The types of SPDY/3.1's control frames. */
export const frameType = {
  synStream: 1,
  synReply: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

/** Ends the sender's half of the stream. On SYN_STREAM, SYN_REPLY, HEADERS and DATA. */
export const finFlag = 1;
/** Forbids the receiver to send on this stream. On SYN_STREAM. */
export const unidirectionalFlag = 2;

/** The statuses of RST_STREAM. Kubernetes' peers also use `cancel` to end a stream normally. */
export const resetStatus = {
  /** The peer broke a rule of the protocol. */
  protocolError: 1,
  /** The stream is not open. */
  invalidStream: 2,
  /** The stream was refused before it was processed. */
  refusedStream: 3,
  /** The version of SPDY is not supported. */
  unsupportedVersion: 4,
  /** The stream is not needed any more. */
  cancel: 5,
  /** The sender failed, for a reason of its own. */
  internalError: 6,
  /** The peer sent more than the window allowed. */
  flowControlError: 7,
  /** A stream with this id is open already. */
  streamInUse: 8,
  /** The peer sent on a half that had ended. */
  streamAlreadyClosed: 9,
  /** The credentials are not valid for the stream. */
  invalidCredentials: 10,
  /** A frame is too large to be processed. */
  frameTooLarge: 11,
} as const;

export const frameHeaderBytes = 8;
/** The largest frame: its length field has three bytes. */
export const maxFrameBytes = 2 ** 24 - 1;
export const maxStreamId = 2 ** 31 - 1;

const controlBit = 0x8000;
const spdyVersion = 3;

/** A received control frame. DATA is not one: its payload is passed on while it arrives. */
export type ControlFrame =
  | {
      readonly type: "syn_stream";
      readonly streamId: number;
      readonly fin: boolean;
      readonly unidirectional: boolean;
      /** The compressed header block. */
      readonly block: Buffer;
    }
  | {
      readonly type: "syn_reply" | "headers";
      readonly streamId: number;
      readonly fin: boolean;
      readonly block: Buffer;
    }
  | { readonly type: "reset"; readonly streamId: number; readonly status: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goaway"; readonly lastStreamId: number; readonly status: number }
  /** SETTINGS and WINDOW_UPDATE, which have no effect here, and unknown types, which SPDY requires to be ignored. */
  | { readonly type: "ignored"; readonly number: number };

/** Encodes a SYN_STREAM, which opens a stream. The header block must come from the {@link HeaderPacker} of the connection. */
export function encodeSynStream(streamId: number, block: Uint8Array, flags = 0): Buffer {
  const frame = control(frameType.synStream, flags, 10 + block.byteLength);
  frame.writeUInt32BE(streamId, frameHeaderBytes);
  // Associated stream, priority and credential slot: none, the highest, none.
  frame.fill(0, frameHeaderBytes + 4, frameHeaderBytes + 10);
  frame.set(block, frameHeaderBytes + 10);
  return frame;
}

/** Encodes a SYN_REPLY, which accepts a stream. */
export function encodeSynReply(streamId: number, block: Uint8Array, flags = 0): Buffer {
  const frame = control(frameType.synReply, flags, 4 + block.byteLength);
  frame.writeUInt32BE(streamId, frameHeaderBytes);
  frame.set(block, frameHeaderBytes + 4);
  return frame;
}

/** Encodes a RST_STREAM, which ends a stream in both directions. */
export function encodeReset(streamId: number, status: number): Buffer {
  return words(frameType.reset, streamId, status);
}

/** Encodes a PING; the response to a ping has the same id. */
export function encodePing(id: number): Buffer {
  return words(frameType.ping, id);
}

/**
 * Encodes a GOAWAY: streams after `lastStreamId` are not processed. Status 0 is a normal end, 1 a protocol error, 2 an internal
 * error.
 */
export function encodeGoaway(lastStreamId: number, status: number): Buffer {
  return words(frameType.goaway, lastStreamId, status);
}

/** Encodes the header of a DATA frame; the payload follows it. */
export function encodeDataHeader(streamId: number, payloadBytes: number, fin: boolean): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt32BE((fin ? finFlag << 24 : 0) + payloadBytes, 4);
  return header;
}

/** Encodes an empty DATA frame that ends the sender's half of a stream. */
export function encodeFin(streamId: number): Buffer {
  return encodeDataHeader(streamId, 0, true);
}

function words(type: number, ...values: number[]): Buffer {
  const frame = control(type, 0, 4 * values.length);
  for (const [index, value] of values.entries()) frame.writeUInt32BE(value, frameHeaderBytes + 4 * index);
  return frame;
}

function control(type: number, flags: number, length: number): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + length);
  frame.writeUInt16BE(controlBit | spdyVersion, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUInt32BE(((flags << 24) | length) >>> 0, 4);
  return frame;
}

/** Callbacks for decoded frames. */
export interface FrameSink {
  /**
   * A part of a DATA frame's payload, as a view of the received chunk. `fin` is true for the last part of a frame that ends the
   * peer's half of the stream; that part may be empty.
   */
  onData(streamId: number, part: Buffer, fin: boolean): void;
  onControl(frame: ControlFrame): void;
}

/** The largest accepted control frame in bytes: far more than the headers of any streaming session. */
const controlLimitBytes = 65_536;
const emptyPart = Buffer.alloc(0);

/**
 * Decodes SPDY/3.1 frames from chunks of any size. Passes the payload of DATA on without buffering it; buffers a control frame
 * until it is complete, up to 64 KiB. Throws `malformed_stream` for invalid frames, after which it must not be used.
 */
export class FrameDecoder {
  readonly #sink: FrameSink;
  /** The beginning of an incomplete frame, until `#wanted` bytes have arrived. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #wanted = 0;
  #dataStream = 0;
  #dataLeft = 0;
  #dataFin = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Whether the decoder is between two frames, where the connection may end. */
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
        throw malformedStream(`SPDY control frame: ${length} bytes exceed the limit of ${controlLimitBytes}`);
      if (rest.byteLength < end) {
        this.#hold(rest, end);
        return;
      }
      this.#sink.onControl(decodeControl(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
  }

  #hold(part: Buffer, wanted: number): void {
    // The chunk may be memory that the next read overwrites.
    this.#held.push(Buffer.from(part));
    this.#heldBytes += part.byteLength;
    this.#wanted = wanted;
  }

  #beginData(frame: Buffer, length: number): void {
    this.#dataStream = frame.readUInt32BE(0);
    if (this.#dataStream === 0) throw malformedStream("SPDY DATA frame: is on stream 0");
    this.#dataLeft = length;
    this.#dataFin = ((frame[4] ?? 0) & finFlag) !== 0;
    if (length === 0) this.#sink.onData(this.#dataStream, emptyPart, this.#dataFin);
  }

  /** Passes on the part of the chunk that belongs to the current DATA frame; returns the rest. */
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
  if (version !== spdyVersion)
    throw malformedStream(`SPDY frame: version ${version}, must be ${spdyVersion}`);
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
      checkLength(payload, 4, "PING");
      return { type: "ping", id: payload.readUInt32BE(0) };
    case frameType.goaway:
      checkLength(payload, 8, "GOAWAY");
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
  checkLength(payload, bytes, name);
  const streamId = payload.readUInt32BE(0) & maxStreamId;
  if (streamId === 0) throw malformedStream(`SPDY ${name} frame: is on stream 0`);
  return streamId;
}

function checkLength(payload: Buffer, bytes: number, name: string): void {
  if (payload.byteLength < bytes)
    throw malformedStream(`SPDY ${name} frame: has ${payload.byteLength} bytes, must have at least ${bytes}`);
}
