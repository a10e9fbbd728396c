import type { Duplex } from "node:stream";
import { encodeDataHeader } from "./frames.js";

/** Called when the next bytes may be sent, or with an error. */
export type Sent = (error?: Error | null) => void;

/** The size of DATA frames in bytes: two to four reads of a socket or a pipe. */
const dataFrameBytes = 65_536;

/** The limit for unread replies to a peer, in bytes. */
const unreadReplyBytes = 65_536;

/** Writes frames to the socket of a connection, with the socket's backpressure. */
export class FrameSender {
  readonly #socket: Duplex;
  /** Callbacks of writers that wait for the socket to drain. */
  #waiting: Sent[] = [];
  #isOver = false;
  #unreadBytes = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on("drain", () => this.#drained());
  }

  send(frame: Buffer): void {
    if (!this.#isOver && this.#socket.writable) this.#socket.write(frame);
  }

  /** Sends a reply to a frame of the peer. Returns false when the peer leaves too many replies unread. */
  reply(frame: Buffer): boolean {
    this.send(frame);
    if (!this.#socket.writableNeedDrain) return true;
    this.#unreadBytes += frame.byteLength;
    return this.#unreadBytes <= unreadReplyBytes;
  }

  /** Sends chunks as DATA frames in one write. Calls `done` when the next bytes may be sent. */
  sendData(streamId: number, chunks: readonly Uint8Array[], done: Sent): void {
    const socket = this.#socket;
    socket.cork();
    for (const bytes of chunks)
      for (let offset = 0; offset < bytes.byteLength; offset += dataFrameBytes) {
        const part =
          bytes.byteLength <= dataFrameBytes ? bytes : bytes.subarray(offset, offset + dataFrameBytes);
        socket.write(encodeDataHeader(streamId, part.byteLength, false));
        socket.write(part);
      }
    socket.uncork();
    if (socket.writableNeedDrain) this.#waiting.push(done);
    else done();
  }

  /** Runs `work` and combines its small writes into one. */
  batch(work: () => void): void {
    this.#socket.cork();
    try {
      work();
    } finally {
      this.#socket.uncork();
    }
  }

  /** Stops sending. Returns the callbacks of the writers that still wait. */
  end(): readonly Sent[] {
    this.#isOver = true;
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
