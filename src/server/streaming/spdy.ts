import type { Duplex } from "node:stream";
import type { CriError } from "../../core/index.js";
import { SpdyConnection, type SpdyStream } from "../../streaming/index.js";
import { clientGone, sessionIdle } from "../errors.js";
import { ConnectionMonitor } from "./monitor.js";

/** A connection after its HTTP upgrade. */
export interface Upgraded {
  readonly socket: Duplex;
  /** Bytes that the client sent after its request. */
  readonly head: Buffer;
}

/** Callbacks for an SPDY client. */
export interface SpdyClientListener {
  onStream(stream: SpdyStream): void;
  /** The client sent GOAWAY; the connection is still open. */
  onGoaway(): void;
  /** The connection has ended; called exactly once, last. */
  onGone(reason: CriError): void;
}

/** The time that a client may take to disconnect after the end of its session, in milliseconds. */
export const lingerMs = 30_000;

/**
 * The server's side of an SPDY connection, with its idle timeout and a close that loses no data. It sends no frame before the
 * client's first one: Go's client drops bytes that arrive with the upgrade response.
 */
export class SpdyClient {
  readonly connection: SpdyConnection;
  readonly #monitor: ConnectionMonitor;
  #reason: CriError | undefined;

  constructor(
    { socket, head }: Upgraded,
    idleTimeoutMs: number,
    maxStreams: number,
    listener: SpdyClientListener,
  ) {
    this.connection = new SpdyConnection(socket, {
      role: "server",
      head,
      maxStreams,
      onStream: (stream) => listener.onStream(stream),
      onGoaway: () => listener.onGoaway(),
      onEnd: (error) => {
        this.#monitor.stop();
        listener.onGone(this.#reason ?? clientGone(error));
      },
    });
    this.#monitor = new ConnectionMonitor(socket, idleTimeoutMs, {
      onIdle: () => this.closeGracefully(sessionIdle(idleTimeoutMs)),
      probe: () => this.connection.ping(),
    });
  }

  /** Restarts the idle timeout, because data was sent. */
  touch(): void {
    this.#monitor.touch();
  }

  /** Sends GOAWAY. The connection closes when the client disconnects, or after {@link lingerMs}. */
  finish(): void {
    this.connection.goaway();
    this.connection.hangUp();
    this.#monitor.closeAfter(lingerMs);
  }

  /** Sends GOAWAY and closes at once. */
  closeGracefully(reason: CriError): void {
    this.connection.goaway();
    this.destroy(reason);
  }

  /** Destroys the connection. */
  destroy(reason: CriError): void {
    this.#reason ??= reason;
    this.connection.destroy();
  }
}
