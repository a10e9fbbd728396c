import type { Socket } from "node:net";
import type { Answer } from "./answer.js";
import {
  ackFlag,
  endStreamFlag,
  frame,
  frameHeaderBytes,
  frameType,
  maxFrameBytes,
  windowUpdateFrame,
} from "./frames.js";

const prefaceBytes = 24;
const initialWindowSizeSetting = 4;
const defaultWindowBytes = 65_535;
/** Below this, one copy is cheaper than a write of many pieces. */
const copiedBytes = 65_536;
const largestWindowBytes = 2 ** 31 - 1;

interface Waiting {
  sent: number;
  windowBytes: number;
}

/**
 * One client's connection. A request is answered as soon as it has ended, whatever it says. What the client's
 * windows do not admit waits for its WINDOW_UPDATE. No window of ours ever runs out in a benchmark.
 */
export class ServerConnection {
  readonly #socket: Socket;
  readonly #answer: Answer;
  readonly #waiting = new Map<number, Waiting>();
  #rest: Buffer | undefined;
  #prefaceLeft = prefaceBytes;
  #windowBytes = defaultWindowBytes;
  #streamWindowBytes = defaultWindowBytes;
  #out: Buffer[] = [
    frame(frameType.settings, 0, Buffer.alloc(0)),
    windowUpdateFrame(largestWindowBytes - defaultWindowBytes),
  ];

  constructor(socket: Socket, answer: Answer) {
    this.#socket = socket;
    this.#answer = answer;
    this.#flush();
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", () => socket.destroy());
  }

  #take(chunk: Buffer): void {
    let data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    const skipped = Math.min(this.#prefaceLeft, data.byteLength);
    this.#prefaceLeft -= skipped;
    data = data.subarray(skipped);
    let at = 0;
    while (at + frameHeaderBytes <= data.byteLength) {
      const end = at + frameHeaderBytes + data.readUIntBE(at, 3);
      if (end > data.byteLength) break;
      this.#onFrame(data, at, end);
      at = end;
    }
    this.#rest = at < data.byteLength ? data.subarray(at) : undefined;
    this.#flush();
  }

  #onFrame(data: Buffer, at: number, end: number): void {
    const flags = data[at + 4] ?? 0;
    const streamId = data.readUInt32BE(at + 5) & 0x7fff_ffff;
    const payload = at + frameHeaderBytes;
    switch (data[at + 3]) {
      case frameType.headers:
      case frameType.data:
        if (flags & endStreamFlag) this.#reply(streamId);
        break;
      case frameType.settings:
        if (!(flags & ackFlag)) this.#onSettings(data.subarray(payload, end));
        break;
      case frameType.ping:
        if (!(flags & ackFlag)) this.#out.push(frame(frameType.ping, ackFlag, data.subarray(payload, end)));
        break;
      case frameType.reset:
        this.#waiting.delete(streamId);
        break;
      case frameType.windowUpdate:
        this.#onCredit(streamId, data.readUInt32BE(payload));
        break;
    }
  }

  #reply(streamId: number): void {
    const bytes = this.#answer.body.byteLength;
    if (bytes <= this.#windowBytes && bytes <= this.#streamWindowBytes) {
      this.#windowBytes -= bytes;
      this.#out.push(...this.#answer.whole(streamId));
      return;
    }
    this.#out.push(this.#answer.head(streamId));
    this.#waiting.set(streamId, { sent: 0, windowBytes: this.#streamWindowBytes });
    this.#goOn();
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.byteLength; at += 6) {
      if (payload.readUInt16BE(at) !== initialWindowSizeSetting) continue;
      const size = payload.readUInt32BE(at + 2);
      for (const stream of this.#waiting.values()) stream.windowBytes += size - this.#streamWindowBytes;
      this.#streamWindowBytes = size;
    }
    this.#out.push(frame(frameType.settings, ackFlag, Buffer.alloc(0)));
    this.#goOn();
  }

  /** Credit for a stream that has been answered is of no use any more. */
  #onCredit(streamId: number, bytes: number): void {
    const stream = this.#waiting.get(streamId);
    if (streamId === 0) this.#windowBytes += bytes;
    else if (stream) stream.windowBytes += bytes;
    this.#goOn();
  }

  /** Sends of all waiting answers what the windows admit. */
  #goOn(): void {
    const total = this.#answer.body.byteLength;
    for (const [streamId, stream] of this.#waiting) {
      for (;;) {
        const bytes = Math.min(maxFrameBytes, total - stream.sent, stream.windowBytes, this.#windowBytes);
        if (bytes <= 0) break;
        this.#out.push(...this.#answer.part(streamId, stream.sent, stream.sent + bytes));
        stream.sent += bytes;
        stream.windowBytes -= bytes;
        this.#windowBytes -= bytes;
      }
      if (stream.sent < total) continue;
      this.#out.push(this.#answer.trailers(streamId));
      this.#waiting.delete(streamId);
    }
  }

  #flush(): void {
    const bytes = this.#out.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (bytes === 0) return;
    const [first] = this.#out;
    if (this.#out.length === 1 && first) this.#socket.write(first);
    else if (bytes < copiedBytes) this.#socket.write(Buffer.concat(this.#out, bytes));
    else {
      this.#socket.cork();
      for (const piece of this.#out) this.#socket.write(piece);
      this.#socket.uncork();
    }
    this.#out = [];
  }
}
