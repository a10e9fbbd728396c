/** The frame types of RFC 9113, section 6. */
export const frameType = Object.freeze({
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
});

export const frameFlag = Object.freeze({
  /** Of DATA and HEADERS. */
  endStream: 1,
  /** Of SETTINGS and PING. */
  ack: 1,
  endHeaders: 4,
  padded: 8,
  priority: 0x20,
});

export const setting = Object.freeze({
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
});

export const frameHeaderBytes = 9;
/** The largest payload that every peer accepts, and the largest one that is accepted here: the default of SETTINGS_MAX_FRAME_SIZE. */
export const minMaxFrameBytes = 16_384;
/** The largest value of SETTINGS_MAX_FRAME_SIZE. */
export const maxMaxFrameBytes = 2 ** 24 - 1;
/** The largest stream id and the largest flow-control window. */
export const max31Bits = 2 ** 31 - 1;
/** The flow-control window of a connection, and of a stream without SETTINGS. */
export const defaultWindowBytes = 65_535;

/** What a client sends before its first frame. */
export const connectionPreface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Writes the nine bytes of a frame header. */
export function writeFrameHeader(
  target: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  target[at] = length >> 16;
  target[at + 1] = length >> 8;
  target[at + 2] = length;
  target[at + 3] = type;
  target[at + 4] = flags;
  target[at + 5] = streamId >>> 24;
  target[at + 6] = streamId >>> 16;
  target[at + 7] = streamId >>> 8;
  target[at + 8] = streamId;
}

/** A frame whose payload is given, or filled in by the caller. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  writeFrameHeader(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

function uint32Frame(type: number, streamId: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + 4);
  writeFrameHeader(bytes, 0, 4, type, 0, streamId);
  bytes.writeUInt32BE(value, frameHeaderBytes);
  return bytes;
}

export function rstStreamFrame(streamId: number, code: number): Buffer {
  return uint32Frame(frameType.rstStream, streamId, code);
}

export function windowUpdateFrame(streamId: number, bytes: number): Buffer {
  return uint32Frame(frameType.windowUpdate, streamId, bytes);
}

export function settingsFrame(values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(6 * values.length);
  for (const [at, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, 6 * at);
    payload.writeUInt32BE(value, 6 * at + 2);
  }
  return frame(frameType.settings, 0, 0, payload);
}

export const settingsAckFrame = frame(frameType.settings, frameFlag.ack, 0, Buffer.alloc(0));

export function goawayFrame(lastStreamId: number, code: number, debugText: string): Buffer {
  const text = Buffer.from(debugText);
  const payload = Buffer.allocUnsafe(8 + text.length);
  payload.writeUInt32BE(lastStreamId, 0);
  payload.writeUInt32BE(code, 4);
  payload.set(text, 8);
  return frame(frameType.goaway, 0, 0, payload);
}
