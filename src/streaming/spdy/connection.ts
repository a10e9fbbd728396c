import type { Duplex } from "node:stream";
import {
  type CriError,
  checkArgument,
  hasFunctions,
  isCriError,
  OptionTable,
  option,
} from "../../core/index.js";
import { keepProcess } from "../dial.js";
import { readDirectly } from "../direct-socket.js";
import { streamLost } from "../errors.js";
import {
  type ControlFrame,
  encodeFin,
  encodeGoaway,
  encodePing,
  encodeReset,
  encodeSynReply,
  encodeSynStream,
  FrameDecoder,
  resetStatus,
} from "./frames.js";
import { HeaderPacker, type SpdyHeaders } from "./headers.js";
import { PingIds, type SpdyRole, StreamAcceptor } from "./ids.js";
import { PayloadJoiner } from "./payload-joiner.js";
import { FrameSender } from "./sender.js";
import { HostedStream, type SpdyStream, type StreamHost } from "./stream.js";
import { UnrepliedStreams } from "./unreplied.js";

/** How long the socket of a client stays open for the peer's replies after the end of the connection, in milliseconds. */
const replyWaitMs = 5_000;

/** Options of an {@link SpdyConnection}. */
export interface SpdyOptions {
  /** The side of the HTTP upgrade: the client opens streams with odd ids, the server accepts them. */
  readonly role: SpdyRole;
  /** Bytes that arrived with the HTTP upgrade, after its headers. */
  readonly head?: Buffer | undefined;
  /**
   * Called for a stream that the peer opened: accept it with `reply()`, or refuse it with `reset()`.
   * @default refuses every stream
   */
  readonly onStream?: ((stream: SpdyStream) => void) | undefined;
  /** Called exactly once when the connection has ended; without an error after a GOAWAY or when the peer hung up. */
  readonly onEnd?: ((error: CriError | undefined) => void) | undefined;
  /** Called when the client sends GOAWAY. Only for a server: on a client, a GOAWAY ends the connection. */
  readonly onGoaway?: (() => void) | undefined;
  /**
   * The limit for open streams; more are refused.
   * @default 1_000
   */
  readonly maxStreams?: number | undefined;
}

const duplexCheck = hasFunctions<Duplex>(
  "a duplex stream, such as a socket",
  "on",
  "write",
  "pause",
  "unshift",
);

const spdyTable = new OptionTable<SpdyOptions>({
  role: option.required(option.oneOf("client", "server")),
  head: option.bytes,
  onStream: option.callback,
  onEnd: option.callback,
  onGoaway: option.callback,
  maxStreams: option.wholeNumber(1),
});

/**
 * An SPDY/3.1 connection as Kubernetes uses it, on any duplex stream after an HTTP upgrade. It has no flow control: a stream that is
 * not read pauses the whole connection with all its streams. Apart from the socket's own buffers, only the beginning of a control
 * frame is buffered.
 */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #options: SpdyOptions;
  readonly #sender: FrameSender;
  readonly #decoder = new FrameDecoder({
    onData: (streamId, part, fin) => {
      this.#unreplied.remove(streamId);
      if (this.#isReadDirectly) this.#joiner.add(streamId, part, fin);
      else this.#deliver(streamId, part, fin);
    },
    onControl: (frame) => {
      this.#joiner.flush();
      this.#receive(frame);
    },
  });
  readonly #joiner = new PayloadJoiner((...payload) => this.#deliver(...payload));
  /** Whether the current chunk is valid only until it has been processed. */
  #isReadDirectly = false;
  readonly #packer = new HeaderPacker();
  readonly #acceptor: StreamAcceptor;
  readonly #pings: PingIds;
  readonly #streams = new Map<number, HostedStream>();
  readonly #unreplied = new UnrepliedStreams();
  readonly #host: StreamHost;
  /** Streams whose sinks have paused the connection. */
  readonly #paused = new Set<number>();
  #nextStreamId = 1;
  #goawaySent = false;
  #goawayReceived = false;
  #isOver = false;
  /** Whether the connection has ended, but its socket waits for the peer's replies. */
  #isLingering = false;
  #failure: CriError | undefined;

  /** Takes over the socket, which it destroys at the end. Throws `invalid_option`. */
  constructor(socket: Duplex, options: SpdyOptions) {
    checkArgument("SpdyConnection", "socket", socket, duplexCheck);
    spdyTable.check("SpdyConnection", options);
    this.#socket = socket;
    this.#options = options;
    this.#sender = new FrameSender(socket);
    this.#acceptor = new StreamAcceptor(options.role);
    this.#pings = new PingIds(options.role);
    this.#host = this.#createHost();
    if (options.head && options.head.byteLength > 0) socket.unshift(options.head);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    readDirectly(socket, (bytes) => this.#readDirectly(bytes));
    socket.on("error", (cause) =>
      this.#end(streamLost(`the streaming connection broke: ${cause.message}`, { cause })),
    );
    socket.on("end", () => this.#onHangUp());
    socket.on("close", () => this.#onHangUp());
  }

  /** The error that ended the connection; undefined before the end and after a normal end. */
  get failure(): CriError | undefined {
    return this.#failure;
  }

  /** Whether the connection has ended. */
  get ended(): boolean {
    return this.#isOver;
  }

  /** Whether the peer accepts no more streams. */
  get leaving(): boolean {
    return this.#goawayReceived || this.#isOver;
  }

  /** Opens a stream. Data can be sent on it at once, before the peer's reply. Throws `invalid_option` for invalid headers. */
  open(headers: SpdyHeaders): SpdyStream {
    checkArgument("SpdyConnection.open", "headers", headers, option.recordOf(option.string));
    if (this.leaving) throw this.#failure ?? streamLost("the streaming connection accepts no more streams");
    const stream = new HostedStream(this.#host, this.#nextStreamId, headers);
    this.#nextStreamId += 2;
    this.#streams.set(stream.id, stream);
    this.#unreplied.add(stream.id);
    this.#send(encodeSynStream(stream.id, this.#packer.pack(headers)));
    return stream;
  }

  /** Sends a ping, which resets the peer's idle timeout. Does not wait for the response. */
  ping(): void {
    if (!this.#isOver) this.#send(encodePing(this.#pings.next()));
  }

  /**
   * Announces that this side is done, once the peer has replied to every stream. A runtime then stops sending at once.
   */
  goaway(): void {
    if (this.#isOver || this.#goawaySent) return;
    this.#goawaySent = true;
    this.#unreplied.whenEmpty(() => this.#writeGoaway());
  }

  /** Ends the sending side of the socket after the pending writes, once the peer has replied to every stream. */
  hangUp(): void {
    this.#unreplied.whenEmpty(() => {
      if (!this.#isOver && !this.#socket.writableEnded) this.#socket.end();
    });
  }

  /**
   * Ends the connection and all its streams immediately. Idempotent. The socket remains open, and keeps the process alive, until
   * the peer has replied to every stream that this side has opened, for up to five seconds.
   */
  destroy(error?: CriError): void {
    if (error !== undefined)
      checkArgument("SpdyConnection.destroy", "error", error, (value) =>
        isCriError(value) ? undefined : "must be a CriError",
      );
    if (this.#unreplied.size > 0 && !this.#isOver && !this.#socket.destroyed) this.#linger();
    this.#end(error);
  }

  /** Sets whether the connection keeps the process alive; it does by default. */
  keepProcess(keep: boolean): void {
    checkArgument("SpdyConnection.keepProcess", "keep", keep, option.boolean);
    keepProcess(this.#socket, keep);
  }

  /** Runs `work` and combines its small writes into one. */
  batch(work: () => void): void {
    checkArgument("SpdyConnection.batch", "work", work, option.callback);
    this.#sender.batch(work);
  }

  #createHost(): StreamHost {
    return {
      failure: () => this.#failure,
      sendData: (streamId, chunks, done) => {
        if (this.#isOver) done(this.#failure ?? streamLost("the streaming connection ended"));
        else this.#sender.sendData(streamId, chunks, done);
      },
      sendFin: (streamId) => this.#send(encodeFin(streamId)),
      sendReply: (streamId) => this.#send(encodeSynReply(streamId, this.#packer.pack({}))),
      sendReset: (streamId, status) => this.#send(encodeReset(streamId, status)),
      pause: (streamId) => {
        if (this.#isOver) return;
        this.#paused.add(streamId);
        this.#socket.pause();
      },
      resume: (streamId) => {
        if (this.#paused.delete(streamId) && this.#paused.size === 0 && !this.#isOver) this.#socket.resume();
      },
      remove: (streamId) => void this.#streams.delete(streamId),
    };
  }

  #receive(frame: ControlFrame): void {
    if (frame.type === "syn_reply" || frame.type === "reset") this.#unreplied.remove(frame.streamId);
    if (this.#isOver) return;
    switch (frame.type) {
      case "syn_stream":
        this.#accept(frame.streamId, frame.fin, frame.block);
        break;
      case "syn_reply":
        this.#streams.get(frame.streamId)?.receiveReply(frame.fin);
        break;
      case "headers":
        this.#acceptor.skipHeaders(frame.block);
        if (frame.fin) this.#streams.get(frame.streamId)?.receiveEnd("fin");
        break;
      case "reset":
        this.#streams.get(frame.streamId)?.abort("reset");
        break;
      case "ping":
        if (!this.#pings.isOwn(frame.id)) this.#reply(encodePing(frame.id));
        break;
      case "goaway":
        this.#onGoaway();
        break;
      case "ignored":
        break;
    }
  }

  #accept(streamId: number, fin: boolean, block: Buffer): void {
    const { onStream, maxStreams = 1_000 } = this.#options;
    const headers = this.#acceptor.accept(streamId, block);
    if (typeof headers === "number") this.#reply(encodeReset(streamId, headers));
    else if (!onStream || this.#goawaySent || this.#streams.size >= maxStreams)
      this.#reply(encodeReset(streamId, resetStatus.refusedStream));
    else {
      const stream = new HostedStream(this.#host, streamId, headers);
      this.#streams.set(streamId, stream);
      onStream(stream);
      if (fin) stream.receiveEnd("fin");
    }
  }

  #onGoaway(): void {
    this.#goawayReceived = true;
    // A server sends GOAWAY last, but may not hang up while it has a stream that this side has forgotten.
    if (this.#options.role === "client") this.#end(undefined);
    else this.#options.onGoaway?.();
  }

  #deliver(streamId: number, payload: Buffer, fin: boolean): void {
    // Data for an unknown stream crossed the reset of that stream.
    this.#streams.get(streamId)?.receive(payload, fin);
  }

  #readDirectly(bytes: Buffer): void {
    this.#isReadDirectly = true;
    this.#read(bytes);
    this.#isReadDirectly = false;
  }

  #read(chunk: Buffer): void {
    if (this.#isOver && !this.#isLingering) return;
    try {
      this.#decoder.push(chunk);
      this.#joiner.flush();
    } catch (error) {
      this.#joiner.flush();
      this.#send(encodeGoaway(this.#acceptor.lastStreamId, 1));
      this.#end(error as CriError);
      this.#socket.destroy();
    }
  }

  #onHangUp(): void {
    if (this.#isOver) {
      this.#socket.destroy();
      return;
    }
    const isEarly = this.#streams.size > 0 && !this.#goawayReceived && !this.#goawaySent;
    if (!this.#decoder.atBoundary)
      this.#end(streamLost("the streaming connection ended in the middle of a frame"));
    else this.#end(isEarly ? streamLost("the peer hung up during the session") : undefined);
  }

  /** Sends a reply, or ends the connection: the replies to a peer that sends without reading would fill the memory. */
  #reply(frame: Buffer): void {
    if (!this.#isOver && !this.#sender.reply(frame))
      this.destroy(streamLost("the peer does not read the replies to its frames"));
  }

  #send(frame: Buffer): void {
    if (!this.#isOver) this.#sender.send(frame);
  }

  #writeGoaway(): void {
    const frame = encodeGoaway(this.#acceptor.lastStreamId, 0);
    if (this.#isLingering) this.#socket.end(frame);
    else this.#send(frame);
  }

  /** Keeps the socket open until the peer has replied to every stream. Everything else that arrives is dropped. */
  #linger(): void {
    const socket = this.#socket;
    this.#isLingering = true;
    const timer = setTimeout(() => socket.destroy(), replyWaitMs);
    socket.once("close", () => clearTimeout(timer));
    // After a GOAWAY, the peer hangs up.
    this.#unreplied.whenEmpty(() => this.#goawaySent || socket.destroy());
    // Without the socket, the process might exit, which would close it.
    keepProcess(socket, true);
    socket.resume();
  }

  #end(error: CriError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = error;
    const waiting = this.#sender.end();
    // A later error of the socket is of no interest, but must not end the process.
    this.#socket.on("error", () => undefined);
    if (!this.#isLingering) this.#socket.destroy();
    for (const stream of [...this.#streams.values()]) stream.abort("connection");
    for (const done of waiting) done(error ?? streamLost("the streaming connection ended"));
    this.#options.onEnd?.(error);
  }
}
