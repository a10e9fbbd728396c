import type { Duplex } from "node:stream";
import type { CriError } from "../../core/index.js";
import { SpdyConnection, type SpdyStream } from "../../streaming/index.js";
import { clientGone, sessionIdle } from "./errors.js";
import { ConnectionWatch } from "./watch.js";

/** A connection whose HTTP upgrade was agreed to. */
export interface Upgraded {
  readonly socket: Duplex;
  /** What the client sent after its request. */
  readonly head: Buffer;
}

/** Who hears of an SPDY client. */
export interface SpdyClientListener {
  onStream(stream: SpdyStream): void;
  /** The client said that it is done; the connection is still there. */
  onGoaway(): void;
  /** The connection is over. Said exactly once. */
  onGone(why: CriError): void;
}

/** How long a client that was told everything may keep silent before it is hung up on, in milliseconds. */
export const lingerMs = 30_000;

/**
 * The server's side of an SPDY connection: it keeps the idle timeout, and ends in the way that loses nothing. No frame
 * goes out before the client's first one: Go's client reads the answer to its upgrade with a buffer that it then drops.
 */
export class SpdyClient {
  readonly connection: SpdyConnection;
  readonly #watch: ConnectionWatch;
  #why: CriError | undefined;

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
        this.#watch.stop();
        listener.onGone(this.#why ?? clientGone(error));
      },
    });
    this.#watch = new ConnectionWatch(socket, idleTimeoutMs, {
      onSilence: () => this.leave(sessionIdle(idleTimeoutMs)),
      probe: () => this.connection.ping(),
    });
  }

  /** Something was sent. */
  touch(): void {
    this.#watch.touch();
  }

  /** Says that this side is done. The connection goes when the client hangs up, or keeps silent for too long. */
  finish(): void {
    this.connection.goaway();
    this.connection.hangUp();
    this.#watch.expect(lingerMs);
  }

  /** Says that this side is done, and goes at once. */
  leave(why: CriError): void {
    this.connection.goaway();
    this.destroy(why);
  }

  /** Ends the connection at once. */
  destroy(why: CriError): void {
    this.#why ??= why;
    this.connection.destroy();
  }
}
