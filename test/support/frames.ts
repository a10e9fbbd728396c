// HTTP/2 frames as bytes, for servers that send valid and invalid ones.

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rst: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** What a client sends before its first frame. */
export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const endStreamFlag = 1;
const endHeadersFlag = 4;
const maxFrameBytes = 16_384;

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** A header block in HPACK with literal fields only: no index, no Huffman coding. */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const text = (value: string) => {
    const bytes = Buffer.from(value, "latin1");
    parts.push(prefixInteger(bytes.byteLength), bytes);
  };
  for (const [name, value] of Object.entries(fields)) {
    parts.push(Buffer.from([0]));
    text(name);
    text(value);
  }
  return Buffer.concat(parts);
}

/** An HPACK integer with a 7-bit prefix. */
function prefixInteger(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A HEADERS frame, with as many CONTINUATION frames as the block needs. */
export function headers(streamId: number, fields: Readonly<Record<string, string>>, end = false): Buffer {
  const block = headerBlock(fields);
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.byteLength; at += maxFrameBytes) {
    const last = at + maxFrameBytes >= block.byteLength;
    const flags = (last ? endHeadersFlag : 0) | (at === 0 && end ? endStreamFlag : 0);
    const type = at === 0 ? frameType.headers : frameType.continuation;
    frames.push(frame(type, flags, streamId, block.subarray(at, at + maxFrameBytes)));
  }
  return Buffer.concat(frames);
}

export function data(streamId: number, bytes: Uint8Array, end = false): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.byteLength; at += maxFrameBytes) {
    const last = at + maxFrameBytes >= bytes.byteLength;
    frames.push(
      frame(
        frameType.data,
        last && end ? endStreamFlag : 0,
        streamId,
        bytes.subarray(at, at + maxFrameBytes),
      ),
    );
  }
  return Buffer.concat(frames);
}

export function rstStream(streamId: number, code: number): Buffer {
  return frame(frameType.rst, 0, streamId, uint32(code));
}

export function goaway(lastStreamId: number, code: number): Buffer {
  return frame(frameType.goaway, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(code)]));
}

export function settings(values: Readonly<Record<number, number>> = {}): Buffer {
  const entries = Object.entries(values).map(([id, value]) => {
    const entry = Buffer.alloc(6);
    entry.writeUInt16BE(Number(id));
    entry.writeUInt32BE(value, 2);
    return entry;
  });
  return frame(frameType.settings, 0, 0, Buffer.concat(entries));
}

export function settingsAck(): Buffer {
  return frame(frameType.settings, 1, 0, Buffer.alloc(0));
}

export function windowUpdate(streamId: number, bytes: number): Buffer {
  return frame(frameType.windowUpdate, 0, streamId, uint32(bytes));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Parses the frames that a peer sends; those of a client follow its connection preface. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #prefaced: boolean;

  constructor(from: "client" | "server" = "client") {
    this.#prefaced = from === "server";
  }

  push(chunk: Buffer): Frame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    if (!this.#prefaced) {
      if (this.#rest.byteLength < 24) return frames;
      this.#prefaced = true;
      this.#rest = this.#rest.subarray(24);
    }
    while (this.#rest.byteLength >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.byteLength < 9 + length) break;
      frames.push({
        type: this.#rest.readUInt8(3),
        flags: this.#rest.readUInt8(4),
        streamId: this.#rest.readUInt32BE(5) & 0x7fffffff,
        payload: this.#rest.subarray(9, 9 + length),
      });
      this.#rest = this.#rest.subarray(9 + length);
    }
    return frames;
  }
}
