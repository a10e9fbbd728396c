import type { Duplex } from "node:stream";
import type { CriError } from "../../core/index.js";
import { streamLost } from "../errors.js";
import { keepProcess } from "../keep-process.js";
import { StreamAcceptor } from "./acceptor.js";
import { FrameDecoder } from "./decoder.js";
import {
  type ControlFrame,
  encodeFin,
  encodeGoaway,
  encodePing,
  encodeReset,
  encodeSynReply,
  encodeSynStream,
  resetStatus,
} from "./frames.js";
import { HeaderPacker, type SpdyHeaders } from "./headers.js";
import type { SpdyOptions } from "./options.js";
import { PingIds } from "./ping-ids.js";
import { FrameSender, type Sent } from "./sender.js";
import { SpdyStream } from "./stream.js";

/**
 * SPDY/3.1 as Kubernetes speaks it, on any duplex that an HTTP upgrade left. SPDY has no flow control here: a stream
 * that nobody reads stops the reading of the whole connection, and all streams with it. Nothing is held but what the
 * socket itself holds, and the beginning of a control frame.
 */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #options: SpdyOptions;
  readonly #sender: FrameSender;
  readonly #decoder = new FrameDecoder(this);
  readonly #packer = new HeaderPacker();
  readonly #acceptor: StreamAcceptor;
  readonly #pings: PingIds;
  readonly #streams = new Map<number, SpdyStream>();
  /** Streams whose sinks want no more for now. */
  readonly #stalled = new Set<number>();
  #nextStreamId = 1;
  #goawaySent = false;
  #goawayReceived = false;
  #over = false;
  #failure: CriError | undefined;

  constructor(socket: Duplex, options: SpdyOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#sender = new FrameSender(socket);
    this.#acceptor = new StreamAcceptor(options.role === "server");
    this.#pings = new PingIds(options.role);
    if (options.head && options.head.byteLength > 0) socket.unshift(options.head);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
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
    if (!this.#over) this.#send(encodePing(this.#pings.next()));
  }

  /** Tells the peer that this side is done. A runtime then stops sending at once. */
  goaway(): void {
    if (this.#over || this.#goawaySent) return;
    this.#goawaySent = true;
    this.#send(encodeGoaway(this.#acceptor.lastStreamId, 0));
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
    this.#sender.batch(work);
  }

  /** @internal */
  sendData(streamId: number, bytes: Uint8Array, done: Sent): void {
    if (this.#over) done(this.#failure ?? streamLost("the streaming connection ended"));
    else this.#sender.sendData(streamId, bytes, done);
  }

  /** @internal */
  sendFin(streamId: number): void {
    this.#send(encodeFin(streamId));
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
        this.#acceptor.pass(frame.block);
        if (frame.fin) this.#streams.get(frame.streamId)?.receiveEnd("fin");
        break;
      case "reset":
        this.#streams.get(frame.streamId)?.lose("reset");
        break;
      case "ping":
        if (!this.#pings.isOwn(frame.id)) this.#reply(encodePing(frame.id));
        break;
      case "goaway":
        this.#leave();
        break;
      case "ignored":
        break;
    }
  }

  #accept(streamId: number, fin: boolean, block: Buffer): void {
    const { onStream, maxStreams = 1_000 } = this.#options;
    const headers = this.#acceptor.look(streamId, block);
    if (typeof headers === "number") this.#reply(encodeReset(streamId, headers));
    else if (!onStream || this.#goawaySent || this.#streams.size >= maxStreams)
      this.#reply(encodeReset(streamId, resetStatus.refusedStream));
    else {
      const stream = new SpdyStream(this, streamId, headers);
      this.#streams.set(streamId, stream);
      onStream(stream);
      if (fin) stream.receiveEnd("fin");
    }
  }

  #leave(): void {
    this.#goawayReceived = true;
    // A server says it last of all; it may not hang up, for a stream that it does not know of.
    if (this.#options.role === "client") this.#end(undefined);
    else this.#options.onGoaway?.();
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      this.#send(encodeGoaway(this.#acceptor.lastStreamId, 1));
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

  /** A peer that floods us and reads nothing would fill our memory with what it is answered. */
  #reply(frame: Buffer): void {
    if (!this.#over && !this.#sender.reply(frame)) this.destroy(streamLost("the peer reads no answers"));
  }

  #send(frame: Buffer): void {
    if (!this.#over) this.#sender.send(frame);
  }

  #end(error: CriError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = error;
    const waiting = this.#sender.end();
    // A socket that fails once more has nobody left to tell.
    this.#socket.on("error", () => undefined);
    this.#socket.destroy();
    for (const stream of [...this.#streams.values()]) stream.lose("connection");
    for (const done of waiting) done(error ?? streamLost("the streaming connection ended"));
    this.#options.onEnd?.(error);
  }
}
