/** SPDY/3.1's control frames, by their number. */
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

/** The sender's half of the stream is over. On SYN_STREAM, SYN_REPLY, HEADERS and DATA. */
export const finFlag = 1;
/** The receiver may not send on this stream. On SYN_STREAM. */
export const unidirectionalFlag = 2;

/** Why a stream was reset: the statuses that Kubernetes' peers use. `cancel` is also how they end one normally. */
export const resetStatus = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  unsupportedVersion: 4,
  cancel: 5,
  internalError: 6,
  flowControlError: 7,
  streamInUse: 8,
  streamAlreadyClosed: 9,
  invalidCredentials: 10,
  frameTooLarge: 11,
} as const;

export const frameHeaderBytes = 8;
/** A frame's length has three bytes. */
export const maxFrameBytes = 2 ** 24 - 1;
export const maxStreamId = 2 ** 31 - 1;

const controlBit = 0x8000;
const version = 3;

/** A frame as it was received. DATA is no such frame: its payload is handed on while it arrives. */
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
  /** SETTINGS and WINDOW_UPDATE, which nobody here honours, and types that SPDY does not know and says to ignore. */
  | { readonly type: "ignored"; readonly number: number };

/** Opens a stream. The header block must come from this connection's own compressor. */
export function encodeSynStream(streamId: number, block: Uint8Array, flags = 0): Buffer {
  const frame = control(frameType.synStream, flags, 10 + block.byteLength);
  frame.writeUInt32BE(streamId, frameHeaderBytes);
  // No associated stream, the highest priority, no credential slot.
  frame.fill(0, frameHeaderBytes + 4, frameHeaderBytes + 10);
  frame.set(block, frameHeaderBytes + 10);
  return frame;
}

/** Accepts a stream. */
export function encodeSynReply(streamId: number, block: Uint8Array, flags = 0): Buffer {
  const frame = control(frameType.synReply, flags, 4 + block.byteLength);
  frame.writeUInt32BE(streamId, frameHeaderBytes);
  frame.set(block, frameHeaderBytes + 4);
  return frame;
}

/** Ends a stream in both directions. */
export function encodeReset(streamId: number, status: number): Buffer {
  return words(frameType.reset, streamId, status);
}

/** A ping, or the answer to one: the same id. */
export function encodePing(id: number): Buffer {
  return words(frameType.ping, id);
}

/** No stream after `lastStreamId` will be looked at. Status 0 is a normal end, 1 a protocol error, 2 an internal one. */
export function encodeGoaway(lastStreamId: number, status: number): Buffer {
  return words(frameType.goaway, lastStreamId, status);
}

/** What goes before the payload of a DATA frame. */
export function encodeDataHeader(streamId: number, payloadBytes: number, fin: boolean): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes);
  header.writeUInt32BE(streamId, 0);
  header.writeUInt32BE((fin ? finFlag << 24 : 0) + payloadBytes, 4);
  return header;
}

/** An empty DATA frame that ends the sender's half of a stream. */
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
  frame.writeUInt16BE(controlBit | version, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUInt32BE(((flags << 24) | length) >>> 0, 4);
  return frame;
}
