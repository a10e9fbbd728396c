import { errorCode, Http2Error } from "./errors.js";
import { frameFlag, frameType } from "./frames.js";

/** A block of header fields, encoded. */
export interface HeaderBlock {
  readonly streamId: number;
  /** Contains the block, from `start` to `end`. */
  readonly chunk: Buffer;
  readonly start: number;
  readonly end: number;
  readonly endStream: boolean;
}

/** A block whose frames have not arrived completely. */
interface OpenBlock {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly parts: Buffer[];
  bytes: number;
}

/** Joins the frames of a header block: HEADERS, and CONTINUATION. */
export class HeaderBlocks {
  readonly #limitBytes: number;
  #open: OpenBlock | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Checks that a frame may arrive now: only CONTINUATION within a block, and nowhere else. Throws {@link Http2Error}. */
  checkOrder(type: number, streamId: number): void {
    const open = this.#open;
    if (
      open ? type !== frameType.continuation || streamId !== open.streamId : type === frameType.continuation
    )
      throw new Http2Error(
        errorCode.protocolError,
        "a header block is interrupted, or continues without a beginning",
      );
  }

  /** Returns the block of a HEADERS frame, if it is complete. Throws {@link Http2Error}. */
  begin(
    flags: number,
    streamId: number,
    chunk: Buffer,
    frameStart: number,
    frameEnd: number,
  ): HeaderBlock | undefined {
    const isPadded = (flags & frameFlag.padded) !== 0;
    const start = frameStart + (isPadded ? 1 : 0) + ((flags & frameFlag.priority) !== 0 ? 5 : 0);
    if (frameEnd < start) throw new Http2Error(errorCode.frameSizeError, "a HEADERS frame is too short");
    const end = frameEnd - (isPadded ? (chunk[frameStart] ?? 0) : 0);
    if (start > end)
      throw new Http2Error(errorCode.protocolError, "the padding of HEADERS is longer than the frame");
    const endStream = (flags & frameFlag.endStream) !== 0;
    if ((flags & frameFlag.endHeaders) !== 0) return { streamId, chunk, start, end, endStream };
    const part = Buffer.from(chunk.subarray(start, end));
    this.#open = { streamId, endStream, parts: [part], bytes: part.length };
    return undefined;
  }

  /** Adds a CONTINUATION frame. Returns the block if it is complete now. Throws {@link Http2Error} if it is too large. */
  add(flags: number, part: Buffer): HeaderBlock | undefined {
    const open = this.#open;
    if (!open) return undefined;
    open.parts.push(Buffer.from(part));
    open.bytes += part.length;
    if (open.bytes > this.#limitBytes)
      throw new Http2Error(errorCode.enhanceYourCalm, "a header block is too large");
    if ((flags & frameFlag.endHeaders) === 0) return undefined;
    this.#open = undefined;
    const { streamId, endStream } = open;
    return { streamId, chunk: Buffer.concat(open.parts, open.bytes), start: 0, end: open.bytes, endStream };
  }
}
