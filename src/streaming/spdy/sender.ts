import type { Duplex } from "node:stream";
import { encodeDataHeader } from "./frames.js";

/** What a writer hears: more may be sent, or why not. */
export type Sent = (error?: Error | null) => void;

/** DATA is cut into frames of this size: two to four of the pieces that sockets read and pipes carry. */
const dataFrameBytes = 65_536;

/** How much may be said in reply to a peer that reads none of it. */
const unreadReplyBytes = 65_536;

/** Writes frames to a connection's socket, at the socket's pace. */
export class FrameSender {
  readonly #socket: Duplex;
  /** Writers that wait for the socket to drain. */
  #waiting: Sent[] = [];
  #over = false;
  #unreadBytes = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on("drain", () => this.#drained());
  }

  send(frame: Buffer): void {
    if (!this.#over && this.#socket.writable) this.#socket.write(frame);
  }

  /** The same for what the peer asked for by a frame of a few bytes; false when it has asked for too much unread. */
  reply(frame: Buffer): boolean {
    this.send(frame);
    if (!this.#socket.writableNeedDrain) return true;
    this.#unreadBytes += frame.byteLength;
    return this.#unreadBytes <= unreadReplyBytes;
  }

  /** Sends bytes as DATA; `done` is called once more may be sent. */
  sendData(streamId: number, bytes: Uint8Array, done: Sent): void {
    const socket = this.#socket;
    socket.cork();
    for (let at = 0; at < bytes.byteLength; at += dataFrameBytes) {
      const part = bytes.byteLength <= dataFrameBytes ? bytes : bytes.subarray(at, at + dataFrameBytes);
      socket.write(encodeDataHeader(streamId, part.byteLength, false));
      socket.write(part);
    }
    socket.uncork();
    if (socket.writableNeedDrain) this.#waiting.push(done);
    else done();
  }

  /** Runs `work` with its small writes joined into one. */
  batch(work: () => void): void {
    this.#socket.cork();
    try {
      work();
    } finally {
      this.#socket.uncork();
    }
  }

  /** Sends nothing more; gives those who still wait to be told. */
  end(): readonly Sent[] {
    this.#over = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  #drained(): void {
    this.#unreadBytes = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }
}
