import { type CriError, checkArgument, hasFunctions, option } from "../../core/index.js";
import { resetStatus } from "./frames.js";
import type { SpdyHeaders } from "./headers.js";

/** How the peer's half of a stream ended: with a FIN, a reset of the whole stream, or the end of the connection. */
export type StreamEnd = "fin" | "reset" | "connection";

/** Callbacks for the events of a stream. */
export interface StreamSink {
  /**
   * Bytes arrived. Returning false pauses the whole connection until {@link SpdyStream.resume}; bytes that were read before may
   * still follow.
   */
  onData(part: Buffer): boolean;
  /** The peer's half ended. Called exactly once. */
  onEnd(end: StreamEnd): void;
  /** The peer accepted the stream. */
  onReply?(): void;
}

/** One stream of an SPDY connection. Bytes that arrive before a sink is set are dropped. */
export interface SpdyStream {
  /** Odd if the client opened the stream. */
  readonly id: number;
  /** The headers that the stream was opened with. */
  readonly headers: SpdyHeaders;
  /** Whether both halves have ended. */
  readonly closed: boolean;
  /** Whether this side may still send. */
  readonly writable: boolean;
  /** Sets the callbacks for the stream's events. */
  setSink(sink: StreamSink): void;
  /** Sends bytes. Calls `done` when the next bytes may be sent, or with the error of the connection. */
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void;
  /** Sends chunks as {@link write} would send them together. */
  writeAll(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void;
  /** Ends this side's half with a FIN. Idempotent. */
  end(): void;
  /** Accepts a stream that the peer opened. */
  reply(): void;
  /** Ends both halves immediately; the sink's `onEnd` is called. */
  reset(status?: number): void;
  /** Continues reading after `onData` returned false. */
  resume(): void;
}

/** The functions of a connection that its streams use. */
export interface StreamHost {
  /** Returns the error that the connection ended with. */
  failure(): CriError | undefined;
  sendData(streamId: number, chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void;
  sendFin(streamId: number): void;
  sendReply(streamId: number): void;
  sendReset(streamId: number, status: number): void;
  /** Pauses the connection until the stream is resumed. */
  pause(streamId: number): void;
  resume(streamId: number): void;
  /** Removes a closed stream from the connection. */
  remove(streamId: number): void;
}

const sinkCheck = hasFunctions<StreamSink>(
  "an object with the functions onData and onEnd",
  "onData",
  "onEnd",
);

const dropAll: StreamSink = Object.freeze({ onData: () => true, onEnd() {} });

/** An {@link SpdyStream} with the functions that its connection calls for received frames. */
export class HostedStream implements SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #host: StreamHost;
  #sink: StreamSink = dropAll;
  #sendEnded = false;
  #receiveEnded = false;

  constructor(host: StreamHost, id: number, headers: SpdyHeaders) {
    this.#host = host;
    this.id = id;
    this.headers = headers;
  }

  get closed(): boolean {
    return this.#sendEnded && this.#receiveEnded;
  }

  get writable(): boolean {
    return !this.#sendEnded;
  }

  setSink(sink: StreamSink): void {
    checkArgument("SpdyStream.setSink", "sink", sink, sinkCheck);
    this.#sink = sink;
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    checkArgument("SpdyStream.write", "bytes", bytes, option.byteArray);
    checkArgument("SpdyStream.write", "done", done, option.callback);
    this.#send([bytes], done);
  }

  writeAll(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    checkArgument("SpdyStream.writeAll", "chunks", chunks, option.listOf(option.byteArray));
    checkArgument("SpdyStream.writeAll", "done", done, option.callback);
    this.#send(chunks, done);
  }

  #send(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    if (this.#sendEnded) done(this.#host.failure() ?? null);
    else this.#host.sendData(this.id, chunks, done);
  }

  end(): void {
    if (this.#sendEnded) return;
    this.#sendEnded = true;
    this.#host.sendFin(this.id);
    this.#removeIfClosed();
  }

  reply(): void {
    this.#host.sendReply(this.id);
  }

  reset(status: number = resetStatus.cancel): void {
    checkArgument("SpdyStream.reset", "status", status, option.wholeNumber(0, 2 ** 32 - 1));
    if (this.closed) return;
    this.#host.sendReset(this.id, status);
    this.abort("reset");
  }

  resume(): void {
    this.#host.resume(this.id);
  }

  /** Takes the payload of a DATA frame. */
  receive(part: Buffer, fin: boolean): void {
    if (this.#receiveEnded) return;
    if (part.byteLength > 0 && !this.#sink.onData(part)) this.#host.pause(this.id);
    if (fin) this.receiveEnd("fin");
  }

  /** Takes a SYN_REPLY. */
  receiveReply(fin: boolean): void {
    this.#sink.onReply?.();
    if (fin) this.receiveEnd("fin");
  }

  /** Ends the peer's half. */
  receiveEnd(end: StreamEnd): void {
    if (this.#receiveEnded) return;
    this.#receiveEnded = true;
    this.#host.resume(this.id);
    this.#sink.onEnd(end);
    this.#removeIfClosed();
  }

  /** Ends both halves without sending a frame. */
  abort(end: "reset" | "connection"): void {
    this.#sendEnded = true;
    this.receiveEnd(end);
    this.#removeIfClosed();
  }

  #removeIfClosed(): void {
    if (this.closed) this.#host.remove(this.id);
  }
}
