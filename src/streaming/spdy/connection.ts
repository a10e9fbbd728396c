import type { Duplex } from "node:stream";
import type { CriError } from "../../core/index.js";
import { streamLost } from "../errors.js";
import { keepProcess } from "../keep-process.js";
import { FrameDecoder } from "./decoder.js";
import {
  type ControlFrame,
  encodeDataHeader,
  encodeGoaway,
  encodePing,
  encodeReset,
  encodeSynReply,
  encodeSynStream,
  maxStreamId,
  resetStatus,
} from "./frames.js";
import { HeaderPacker, HeaderUnpacker, type SpdyHeaders } from "./headers.js";
import { SpdyStream } from "./stream.js";

/** How a connection behaves. */
export interface SpdyOptions {
  /** Who opened the HTTP upgrade: a client opens streams with odd ids, a server takes them. */
  readonly role: "client" | "server";
  /** Bytes that came with the answer to the upgrade, after its headers. */
  readonly head?: Buffer | undefined;
  /** The peer opened a stream: accept it with `reply()`, or refuse it with `reset()`. Without it, all are refused. */
  readonly onStream?: ((stream: SpdyStream) => void) | undefined;
  /** The connection is over: without an error after a GOAWAY, or when the peer hung up. Said exactly once. */
  readonly onEnd?: ((error: CriError | undefined) => void) | undefined;
  /** The peer takes no more streams (GOAWAY). */
  readonly onGoaway?: (() => void) | undefined;
  /** Streams that may be open at a time; more are refused. Default: 1,000 */
  readonly maxStreams?: number | undefined;
}

/** DATA is cut into frames of this size: two to four of the pieces that sockets read and pipes carry. */
const dataFrameBytes = 65_536;

/**
 * SPDY/3.1 as Kubernetes speaks it, on any duplex that an HTTP upgrade left. SPDY has no flow control here: a stream
 * that nobody reads stops the reading of the whole connection, and all streams with it. Nothing is held but what the
 * socket itself holds, and the beginning of a control frame.
 */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #options: SpdyOptions;
  readonly #decoder = new FrameDecoder(this);
  readonly #packer = new HeaderPacker();
  readonly #unpacker = new HeaderUnpacker();
  readonly #streams = new Map<number, SpdyStream>();
  /** Streams whose sinks want no more for now. */
  readonly #stalled = new Set<number>();
  /** Writers that wait for the socket to drain. */
  #waiting: ((error?: Error | null) => void)[] = [];
  #nextStreamId = 1;
  #nextPingId = 1;
  #lastPeerStream = 0;
  #goawaySent = false;
  #goawayReceived = false;
  #over = false;
  #failure: CriError | undefined;

  constructor(socket: Duplex, options: SpdyOptions) {
    this.#socket = socket;
    this.#options = options;
    if (options.head && options.head.byteLength > 0) socket.unshift(options.head);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#drained());
    socket.on("error", (cause) =>
      this.#end(streamLost(`the streaming connection broke: ${cause.message}`, { cause })),
    );
    socket.on("end", () => this.#hungUp());
    socket.on("close", () => this.#hungUp());
  }

  /** Why the connection ended; undefined while it has not, and after a normal end. */
  get failure(): CriError | undefined {
    return this.#failure;
  }

  /** Whether the connection is over. */
  get ended(): boolean {
    return this.#over;
  }

  /** Whether the peer said that it takes no more streams. */
  get leaving(): boolean {
    return this.#goawayReceived || this.#over;
  }

  /** How many streams are open. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Opens a stream. What is sent on it goes out at once, before the peer's reply. */
  open(headers: SpdyHeaders): SpdyStream {
    if (this.leaving) throw this.#failure ?? streamLost("the streaming connection takes no more streams");
    const stream = new SpdyStream(this, this.#nextStreamId, headers);
    this.#nextStreamId += 2;
    this.#streams.set(stream.id, stream);
    this.#send(encodeSynStream(stream.id, this.#packer.pack(headers)));
    return stream;
  }

  /** Sends a ping, which keeps an idle session from being ended. The answer is not waited for. */
  ping(): void {
    if (this.#over) return;
    this.#send(encodePing(this.#nextPingId));
    this.#nextPingId = this.#nextPingId + 2 > maxStreamId ? 1 : this.#nextPingId + 2;
  }

  /** Tells the peer that this side is done. A runtime then stops sending at once. */
  goaway(): void {
    if (this.#over || this.#goawaySent) return;
    this.#goawaySent = true;
    this.#send(encodeGoaway(this.#lastPeerStream, 0));
  }

  /** Ends the sending side of the socket after what was written. */
  hangUp(): void {
    if (!this.#over && !this.#socket.writableEnded) this.#socket.end();
  }

  /** Ends the connection at once, with every stream on it. Idempotent. */
  destroy(error?: CriError): void {
    this.#end(error);
  }

  /** Whether the connection keeps the process alive; it does unless told not to. */
  keepProcess(keep: boolean): void {
    keepProcess(this.#socket, keep);
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

  /** @internal */
  sendData(streamId: number, bytes: Uint8Array, done: (error?: Error | null) => void): void {
    if (this.#over) {
      done(this.#failure ?? streamLost("the streaming connection ended"));
      return;
    }
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

  /** @internal */
  sendFin(streamId: number): void {
    this.#send(encodeDataHeader(streamId, 0, true));
  }

  /** @internal */
  sendReply(streamId: number): void {
    this.#send(encodeSynReply(streamId, this.#packer.pack({})));
  }

  /** @internal */
  sendReset(streamId: number, status: number): void {
    this.#send(encodeReset(streamId, status));
  }

  /** @internal */
  pause(streamId: number): void {
    if (this.#over) return;
    this.#stalled.add(streamId);
    this.#socket.pause();
  }

  /** @internal */
  resume(streamId: number): void {
    if (this.#stalled.delete(streamId) && this.#stalled.size === 0 && !this.#over) this.#socket.resume();
  }

  /** @internal */
  forget(streamId: number): void {
    this.#streams.delete(streamId);
  }

  /** @internal Called by the decoder. */
  onData(streamId: number, part: Buffer, fin: boolean): void {
    // What a peer sends on a stream that was reset here crossed the reset.
    this.#streams.get(streamId)?.receive(part, fin);
  }

  /** @internal Called by the decoder. */
  onControl(frame: ControlFrame): void {
    switch (frame.type) {
      case "syn_stream":
        this.#accept(frame.streamId, frame.fin, frame.block);
        break;
      case "syn_reply":
        this.#streams.get(frame.streamId)?.receiveReply(frame.fin);
        break;
      case "headers":
        // Nothing of Kubernetes sends headers later; but the zlib stream of a client goes on with them.
        if (this.#options.role === "server") this.#unpacker.unpack(frame.block);
        if (frame.fin) this.#streams.get(frame.streamId)?.receiveEnd("fin");
        break;
      case "reset":
        this.#streams.get(frame.streamId)?.lose("reset");
        break;
      case "ping":
        this.#answer(frame.id);
        break;
      case "goaway":
        this.#leave();
        break;
      case "ignored":
        break;
    }
  }

  #accept(streamId: number, fin: boolean, block: Buffer): void {
    const { role, onStream, maxStreams = 1_000 } = this.#options;
    const refuse = (status: number) => this.sendReset(streamId, status);
    if (role === "client" || streamId % 2 === 0) {
      refuse(resetStatus.protocolError);
      return;
    }
    const headers = this.#unpacker.unpack(block);
    if (streamId <= this.#lastPeerStream) {
      refuse(resetStatus.protocolError);
      return;
    }
    this.#lastPeerStream = streamId;
    if (!onStream || this.#goawaySent || this.#streams.size >= maxStreams) {
      refuse(resetStatus.refusedStream);
      return;
    }
    const stream = new SpdyStream(this, streamId, headers);
    this.#streams.set(streamId, stream);
    onStream(stream);
    if (fin) stream.receiveEnd("fin");
  }

  /** Answers a ping of the peer's; one of this side's own parity is the answer to one of ours. */
  #answer(id: number): void {
    const own = this.#options.role === "client" ? 1 : 0;
    if (id % 2 !== own) this.#send(encodePing(id));
  }

  #leave(): void {
    this.#goawayReceived = true;
    // A runtime hangs up right after this; with streams that it does not know of, it may never do.
    if (this.#options.role === "client")
      for (const stream of [...this.#streams.values()]) stream.lose("connection");
    this.#options.onGoaway?.();
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      this.#send(encodeGoaway(this.#lastPeerStream, 1));
      this.#end(error as CriError);
    }
  }

  #hungUp(): void {
    if (this.#over) return;
    const early = this.#streams.size > 0 && !this.#goawayReceived && !this.#goawaySent;
    if (!this.#decoder.atBoundary)
      this.#end(streamLost("the streaming connection ended in the middle of a frame"));
    else this.#end(early ? streamLost("the peer hung up in the middle of a session") : undefined);
  }

  #send(frame: Buffer): void {
    if (!this.#over && this.#socket.writable) this.#socket.write(frame);
  }

  #drained(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }

  #end(error: CriError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = error;
    const waiting = this.#waiting;
    this.#waiting = [];
    // A socket that fails once more has nobody left to tell.
    this.#socket.on("error", () => undefined);
    this.#socket.destroy();
    for (const stream of [...this.#streams.values()]) stream.lose("connection");
    for (const done of waiting) done(error ?? streamLost("the streaming connection ended"));
    this.#options.onEnd?.(error);
  }
}
