import type { Duplex } from "node:stream";
import { Connection } from "./connection.js";
import { errorCode, Http2Error } from "./errors.js";
import { MemoryLimit } from "./memory-limit.js";
import type { Role } from "./role.js";
import { Stream, type StreamReceiver } from "./stream.js";

/** Callbacks of a server's connection. */
export interface ServerEvents {
  /** Called once, when the client's SETTINGS have arrived: it speaks HTTP/2. */
  onReady(): void;
  /** Called for each request. Returns the receiver of what arrives on it, whose `onHeaders` is called next. */
  onStream(stream: Stream): StreamReceiver;
  /** Called once, when no request can go on, with what was wrong if anything was. */
  onEnd(error: Error | undefined): void;
  /** Called once, after `onEnd`, when the socket is closed. */
  onClose(): void;
}

export interface ServerOptions {
  /**
   * The requests that the client may have open at a time, as SETTINGS_MAX_CONCURRENT_STREAMS. Further ones are refused.
   * @default 1_000
   */
  readonly maxConcurrentStreams?: number | undefined;
  /**
   * The content of a request that may arrive while its receiver is paused.
   * @default 1 MiB
   */
  readonly streamWindowBytes?: number | undefined;
  /**
   * The content of all requests that may arrive while their receivers are paused.
   * @default 16 MiB
   */
  readonly connectionWindowBytes?: number | undefined;
  /**
   * The largest list of headers or trailers.
   * @default 64 KiB
   */
  readonly headerListLimitBytes?: number | undefined;
  /**
   * The content of responses that may wait for flow control; several connections may share it. A response that exceeds it is reset with
   * ENHANCE_YOUR_CALM.
   * @default 256 MiB for this connection
   */
  readonly queueLimit?: MemoryLimit | undefined;
}

/** The server's end of an HTTP/2 connection on any Duplex. */
export class ServerConnection {
  readonly #connection: Connection;
  readonly #events: ServerEvents;
  readonly #maxConcurrentStreams: number;
  #lastStreamId = 0;
  #lastProcessedId = 0;

  constructor(socket: Duplex, events: ServerEvents, options: ServerOptions = {}) {
    this.#events = events;
    this.#maxConcurrentStreams = options.maxConcurrentStreams ?? 1_000;
    this.#connection = new Connection(socket, this.#role(), {
      streamWindowBytes: options.streamWindowBytes ?? 2 ** 20,
      connectionWindowBytes: options.connectionWindowBytes ?? 2 ** 24,
      headerListLimitBytes: options.headerListLimitBytes ?? 2 ** 16,
      maxConcurrentStreams: this.#maxConcurrentStreams,
      unsentLimitBytes: 2 ** 22,
      queueLimit: options.queueLimit ?? new MemoryLimit(2 ** 28),
    });
  }

  /** Whether no request can go on. */
  get isEnded(): boolean {
    return this.#connection.isDestroyed;
  }

  /** The bytes that the socket has not taken yet. */
  get unsentBytes(): number {
    return this.#connection.unsentBytes;
  }

  ping(onAck: () => void): void {
    this.#connection.ping(onAck);
  }

  /** Sends GOAWAY, takes no new requests, and closes the connection after the last one. */
  close(): void {
    this.#connection.close();
  }

  /** Ends every request and the connection at once. */
  destroy(): void {
    this.#connection.destroy();
  }

  #open(streamId: number, problem: boolean): Stream | undefined {
    const connection = this.#connection;
    if (streamId % 2 === 0)
      throw new Http2Error(errorCode.protocolError, `a request on the even stream ${streamId}`);
    this.#lastStreamId = streamId;
    // After GOAWAY the client knows that these are not processed.
    if (connection.isClosing) {
      connection.ignore(streamId);
      return undefined;
    }
    if (connection.streams.size >= this.#maxConcurrentStreams) {
      connection.refuse(streamId, errorCode.refusedStream);
      return undefined;
    }
    this.#lastProcessedId = streamId;
    // A malformed request is reset without being reported.
    const stream = new Stream(connection, malformedReceiver);
    connection.add(stream, streamId);
    if (problem) return stream;
    const receiver = this.#events.onStream(stream);
    stream.receiver = receiver;
    // It may have been reset there, before it had its receiver.
    if (stream.closedWith) receiver.onClose(stream.closedWith);
    return stream;
  }

  #role(): Role {
    const ids = { last: () => this.#lastStreamId, processed: () => this.#lastProcessedId };
    return {
      isClient: false,
      get lastStreamId() {
        return ids.last();
      },
      get lastProcessedId() {
        return ids.processed();
      },
      open: (streamId, { problem, isTooLarge }) => this.#open(streamId, isTooLarge || problem !== undefined),
      onReady: () => this.#events.onReady(),
      onPlace: () => undefined,
      onStreamClosed: () => undefined,
      onGoaway: () => undefined,
      onEnd: (error) => this.#events.onEnd(error),
      onClose: () => this.#events.onClose(),
    };
  }
}

const malformedReceiver: StreamReceiver = {
  onHeaders: () => undefined,
  onData: () => undefined,
  onTrailers: () => undefined,
  onEnd: () => undefined,
  onClose: () => undefined,
};
