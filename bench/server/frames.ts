/** HTTP/2 as far as a server needs it that says the same thing to everybody. */
export const frameHeaderBytes = 9;
/** What every HTTP/2 peer takes without having said so. */
export const maxFrameBytes = 16_384;

export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
} as const;

export const endStreamFlag = 0x1;
export const ackFlag = 0x1;
const endHeadersFlag = 0x4;

/** A frame; its stream can be set later with {@link setStream}. */
export function frame(type: number, flags: number, payload: Uint8Array): Buffer {
  return Buffer.concat([frameHeader(type, flags, payload.byteLength), payload]);
}

/** What goes before a frame's payload. */
export function frameHeader(type: number, flags: number, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes);
  bytes.writeUIntBE(payloadBytes, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  return bytes;
}

/** Sets the stream of the frame that begins at `offset`. */
export function setStream(bytes: Buffer, offset: number, streamId: number): void {
  bytes.writeUInt32BE(streamId, offset + 5);
}

/** A HEADERS frame with HPACK literals only: the same bytes are right at any time on any connection. */
export function headersFrame(fields: Record<string, string>, flags = 0): Buffer {
  const literal = ([name, value]: [string, string]) =>
    Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
  return frame(frameType.headers, endHeadersFlag | flags, Buffer.concat(Object.entries(fields).map(literal)));
}

/** A WINDOW_UPDATE frame for the whole connection. */
export function windowUpdateFrame(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(frameType.windowUpdate, 0, payload);
}
