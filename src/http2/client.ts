import type { Duplex } from "node:stream";
import { Connection } from "./connection.js";
import { errorCode, Http2Error } from "./errors.js";
import { max31Bits } from "./frames.js";
import type { HeaderFields, RepeatedHeaders } from "./hpack/encoder.js";
import type { Goaway, Role } from "./role.js";
import { connectionEnd, Stream, type StreamReceiver } from "./stream.js";

/** Callbacks of a client's connection. */
export interface ClientEvents {
  /** Called once, when the server's SETTINGS have arrived: it speaks HTTP/2. */
  onReady(): void;
  /** Called for each GOAWAY of the server: the connection takes no new requests. */
  onGoaway(goaway: Goaway): void;
  /** Called once, when no request can go on, with what was wrong if anything was. */
  onEnd(error: Error | undefined): void;
  /** Called once, after `onEnd`, when the socket is closed. */
  onClose(): void;
}

export interface ClientOptions {
  /**
   * The content of a response that may arrive while its receiver is paused.
   * @default 17 MiB: the largest message of CRI arrives without waiting
   */
  readonly streamWindowBytes?: number | undefined;
  /**
   * The content of all responses that may arrive while their receivers are paused: a limit of memory. Up to it, paused streams do not delay
   * others. Once they have received that much, the server can send nothing more on this connection until one of them goes on or ends.
   * @default 16 times the window of a stream: 272 MiB
   */
  readonly connectionWindowBytes?: number | undefined;
  /**
   * The largest list of headers or trailers.
   * @default 64 KiB: gRPC's statuses are the largest fields
   */
  readonly headerListLimitBytes?: number | undefined;
}

/** The client's end of an HTTP/2 connection on any Duplex. */
export class ClientConnection {
  readonly #connection: Connection;
  readonly #events: ClientEvents;
  #nextId = 1;
  #isClosing = false;
  /** Requests that wait because the server allows no more streams at a time. */
  readonly #waiting = new Map<Stream, () => void>();

  constructor(socket: Duplex, events: ClientEvents, options: ClientOptions = {}) {
    const { streamWindowBytes = 17 * 2 ** 20 } = options;
    this.#events = events;
    this.#connection = new Connection(socket, this.#role(), {
      streamWindowBytes,
      connectionWindowBytes: options.connectionWindowBytes ?? 16 * streamWindowBytes,
      headerListLimitBytes: options.headerListLimitBytes ?? 2 ** 16,
      maxConcurrentStreams: undefined,
      unsentLimitBytes: 2 ** 24,
      queueLimit: undefined,
    });
  }

  /** Whether a new request may start. */
  get isUsable(): boolean {
    return !this.#isClosing && !this.#connection.isClosing && this.#nextId <= max31Bits;
  }

  /** Whether no request can go on. */
  get isEnded(): boolean {
    return this.#connection.isDestroyed;
  }

  /**
   * Sends a request. With a body, that is the whole request; without one, write to the stream and end it. Waits while the server allows no
   * further stream. Throws {@link Http2Error} if the connection takes no new requests; nothing was sent then.
   */
  request(
    repeated: RepeatedHeaders,
    more: HeaderFields | undefined,
    body: Uint8Array | undefined,
    receiver: StreamReceiver,
  ): Stream {
    if (!this.isUsable) throw new Http2Error(errorCode.refusedStream, "the connection takes no new requests");
    const stream = new Stream(this.#connection, receiver);
    if (this.#hasPlace) this.#start(stream, repeated, more, body);
    else this.#waiting.set(stream, () => this.#start(stream, repeated, more, body));
    return stream;
  }

  /**
   * Takes what was read from the socket without an event `data`, which is listened to as well: the first `length` bytes of `chunk`, which
   * may be overwritten afterwards.
   */
  receive(chunk: Buffer, length: number): void {
    this.#connection.receive(chunk, length);
  }

  /** The number of bytes that have arrived so far. */
  get receivedBytes(): number {
    return this.#connection.receivedBytes;
  }

  ping(onAck: () => void): void {
    this.#connection.ping(onAck);
  }

  /** Takes no new requests, and closes the connection after the last one. */
  close(): void {
    this.#isClosing = true;
    // After GOAWAY, servers accept no further streams.
    if (this.#waiting.size === 0) this.#connection.close();
  }

  /** Ends every request and the connection at once. */
  destroy(error?: Error): void {
    this.#connection.destroy(error);
  }

  get #hasPlace(): boolean {
    return this.#connection.streams.size < this.#connection.peerMaxStreams;
  }

  #start(
    stream: Stream,
    repeated: RepeatedHeaders,
    more: HeaderFields | undefined,
    body: Uint8Array | undefined,
  ): void {
    const connection = this.#connection;
    const { sender } = connection;
    connection.add(stream, this.#nextId);
    this.#nextId += 2;
    if (body) {
      sender.request(stream, repeated, more, body);
      return;
    }
    sender.headers(stream, repeated, more, false);
    sender.resume(stream);
  }

  #startWaiting(): void {
    if (this.#connection.isClosing) return;
    if (this.#nextId > max31Bits) this.#endWaiting(errorCode.refusedStream, undefined);
    for (const [stream, start] of this.#waiting) {
      if (!this.#hasPlace) return;
      this.#waiting.delete(stream);
      start();
    }
    if (this.#isClosing) this.#connection.close();
  }

  #endWaiting(code: number, error: Error | undefined): void {
    for (const stream of [...this.#waiting.keys()])
      this.#connection.remove(stream, connectionEnd(code, error, true));
  }

  #role(): Role {
    const lastStreamId = () => this.#nextId - 2;
    return {
      isClient: true,
      get lastStreamId() {
        return lastStreamId();
      },
      // Servers open no streams: ENABLE_PUSH is 0.
      lastProcessedId: 0,
      open: () => undefined,
      onReady: () => this.#events.onReady(),
      onPlace: () => this.#startWaiting(),
      onStreamClosed: (stream) => {
        this.#waiting.delete(stream);
        this.#startWaiting();
      },
      onGoaway: (goaway) => {
        this.#events.onGoaway(goaway);
        this.#endWaiting(goaway.code, undefined);
      },
      onEnd: (error) => {
        this.#endWaiting(errorCode.cancel, error);
        this.#events.onEnd(error);
      },
      onClose: () => this.#events.onClose(),
    };
  }
}
