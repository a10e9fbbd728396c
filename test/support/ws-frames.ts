// WebSocket frames as bytes, for frames that the client of ws cannot send.

/** Returns a masked message, as a client sends it. The mask is zero, which is valid. */
export function clientMessage(bytes: Buffer): Buffer {
  const length =
    bytes.byteLength < 126
      ? Buffer.from([0x80 | bytes.byteLength])
      : Buffer.concat([Buffer.from([0x80 | 126]), uint16(bytes.byteLength)]);
  return Buffer.concat([Buffer.from([0x82]), length, Buffer.alloc(4), bytes]);
}

/** A frame from a server. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Splits the data from a server into frames. */
export class ServerFrames {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): ServerFrame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: ServerFrame[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): ServerFrame | undefined {
    const rest = this.#rest;
    if (rest.byteLength < 2) return undefined;
    const short = rest.readUInt8(1) & 0x7f;
    const begin = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0);
    if (rest.byteLength < begin) return undefined;
    const length =
      short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
    if (rest.byteLength < begin + length) return undefined;
    this.#rest = rest.subarray(begin + length);
    return { opcode: rest.readUInt8(0) & 0x0f, payload: rest.subarray(begin, begin + length) };
  }
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
