import { errorCode, Http2Error } from "./errors.js";
import { frameType } from "./frames.js";

/** The exact payload sizes of the frames that have one. */
const payloadBytes: Readonly<Record<number, number>> = {
  [frameType.priority]: 5,
  [frameType.rstStream]: 4,
  [frameType.ping]: 8,
  [frameType.windowUpdate]: 4,
};

/** Checks what a frame header alone can violate: the kind of its stream id, and its length. Throws {@link Http2Error}. */
export function checkFrameHeader(type: number, streamId: number, length: number): void {
  if (streamId === 0 ? isOfStream(type) : isOfConnection(type))
    throw new Http2Error(errorCode.protocolError, `a frame of type ${type} on stream ${streamId}`);
  const expected = payloadBytes[type];
  if (expected !== undefined && length !== expected)
    throw new Http2Error(errorCode.frameSizeError, `a frame of type ${type} has ${length} bytes`);
}

function isOfStream(type: number): boolean {
  switch (type) {
    case frameType.data:
    case frameType.headers:
    case frameType.priority:
    case frameType.rstStream:
    case frameType.pushPromise:
    case frameType.continuation:
      return true;
    default:
      return false;
  }
}

function isOfConnection(type: number): boolean {
  return type === frameType.settings || type === frameType.ping || type === frameType.goaway;
}
