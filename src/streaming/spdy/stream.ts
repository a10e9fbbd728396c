import type { SpdyConnection } from "./connection.js";
import { resetStatus } from "./frames.js";
import type { SpdyHeaders } from "./headers.js";

/** How the peer's half of a stream ended: by a FIN, by a reset of the whole stream, or with the connection. */
export type StreamEnd = "fin" | "reset" | "connection";

/** Who takes what a stream's peer sends. */
export interface StreamSink {
  /**
   * Bytes that came. Answering false stops the reading of the whole connection until {@link SpdyStream.resume}; parts
   * of what was read already may still follow.
   */
  onData(part: Buffer): boolean;
  /** Nothing more comes. Said exactly once. */
  onEnd(end: StreamEnd): void;
  /** The peer accepted the stream. */
  onReply?(): void;
}

const deaf: StreamSink = Object.freeze({ onData: () => true, onEnd() {} });

/** One stream of a {@link SpdyConnection}. What the peer sends before a sink is set is dropped. */
export class SpdyStream {
  readonly id: number;
  /** What the stream was opened with. */
  readonly headers: SpdyHeaders;
  readonly #connection: SpdyConnection;
  #sink: StreamSink = deaf;
  #sendOver = false;
  #receiveOver = false;

  /** @internal Made by a connection. */
  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
  }

  /** Sets who takes what the peer sends. */
  setSink(sink: StreamSink): void {
    this.#sink = sink;
  }

  /** Whether both halves are over. */
  get closed(): boolean {
    return this.#sendOver && this.#receiveOver;
  }

  /** Whether this side may still send. */
  get writable(): boolean {
    return !this.#sendOver;
  }

  /** Sends bytes; `done` is called once more may be sent, or with the error that the connection ended with. */
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    if (this.#sendOver) done(this.#connection.failure ?? null);
    else this.#connection.sendData(this.id, bytes, done);
  }

  /** Ends this side's half: a FIN. Does nothing when it is over. */
  end(): void {
    if (this.#sendOver) return;
    this.#sendOver = true;
    this.#connection.sendFin(this.id);
    this.#forgetIfClosed();
  }

  /** Accepts a stream that the peer opened. */
  reply(): void {
    this.#connection.sendReply(this.id);
  }

  /** Ends both halves at once. The sink hears of it. */
  reset(status: number = resetStatus.cancel): void {
    if (this.closed) return;
    this.#connection.sendReset(this.id, status);
    this.lose("reset");
  }

  /** Lets the connection read on after `onData` answered false. */
  resume(): void {
    this.#connection.resume(this.id);
  }

  /** @internal */
  receive(part: Buffer, fin: boolean): void {
    if (this.#receiveOver) return;
    if (part.byteLength > 0 && !this.#sink.onData(part)) this.#connection.pause(this.id);
    if (fin) this.receiveEnd("fin");
  }

  /** @internal */
  receiveReply(fin: boolean): void {
    this.#sink.onReply?.();
    if (fin) this.receiveEnd("fin");
  }

  /** @internal */
  receiveEnd(end: StreamEnd): void {
    if (this.#receiveOver) return;
    this.#receiveOver = true;
    this.#connection.resume(this.id);
    this.#sink.onEnd(end);
    this.#forgetIfClosed();
  }

  /** @internal Both halves are over, and the peer knows. */
  lose(end: "reset" | "connection"): void {
    this.#sendOver = true;
    this.receiveEnd(end);
    this.#forgetIfClosed();
  }

  #forgetIfClosed(): void {
    if (this.closed) this.#connection.forget(this.id);
  }
}
