import type { CriError } from "../../core/index.js";
import { streamLost } from "../errors.js";
import { SpdyConnection } from "../spdy/connection.js";
import type { SpdyStream } from "../spdy/stream.js";
import type { Upgraded } from "../spdy/upgrade.js";
import type { Link, LinkListener } from "./connection.js";

/** The time that the end of a connection waits for the end of its error stream, in milliseconds. */
const errorWaitMs = 1_000;

/** The time that a server has to hang up after both sides of a connection have ended, in milliseconds. */
const hangUpMs = 1_000;

/** How a link ended: both sides had ended, or this side cut it off. */
export type LinkEnd = "ended" | "cut";

/** An SPDY session that carries one or more forwarded connections. */
export class ForwardSession {
  readonly #connection: SpdyConnection;
  readonly #links = new Set<SpdyLink>();
  readonly #keepAlive: NodeJS.Timeout | undefined;
  #nextRequest = 0;

  constructor({ socket, head }: Upgraded, keepAliveMs: number) {
    this.#connection = new SpdyConnection(socket, {
      role: "client",
      head,
      onEnd: (error) => this.#onEnd(error),
    });
    if (keepAliveMs > 0) this.#keepAlive = setInterval(() => this.#connection.ping(), keepAliveMs).unref();
  }

  /** Whether the session accepts another connection. */
  get usable(): boolean {
    return !this.#connection.leaving;
  }

  /** The number of connections on the session. */
  get size(): number {
    return this.#links.size;
  }

  /** Opens the two streams of one connection. */
  open(port: number, halfClose: boolean, onClosed: (end: LinkEnd) => void): SpdyLink {
    const pair = { port: String(port), requestid: String(this.#nextRequest++) };
    const link: SpdyLink = new SpdyLink(this, this.#connection, pair, halfClose, (end) => {
      this.#links.delete(link);
      onClosed(end);
    });
    this.#links.add(link);
    return link;
  }

  keepProcess(keep: boolean): void {
    this.#connection.keepProcess(keep);
  }

  /** Ends the session after the pending writes. */
  finish(): void {
    this.#connection.goaway();
    this.#connection.hangUp();
    setTimeout(() => this.#connection.destroy(), hangUpMs).unref();
  }

  destroy(): void {
    this.#connection.goaway();
    this.#connection.destroy();
  }

  #onEnd(error: CriError | undefined): void {
    clearInterval(this.#keepAlive);
    for (const link of [...this.#links]) link.onSessionEnd(error);
  }
}

/** A forwarded connection as two streams: one for its data, one for an error of the port. */
class SpdyLink implements Link {
  readonly canEnd = true;
  readonly #session: ForwardSession;
  readonly #data: SpdyStream;
  readonly #error: SpdyStream;
  readonly #halfClose: boolean;
  readonly #onClosed: (end: LinkEnd) => void;
  #listener: LinkListener | undefined;
  #rejectStart: (error: CriError) => void = () => undefined;
  #isClosed = false;
  #hasReceived = false;
  #dataEnded = false;
  #errorEnded = false;
  /** The error for data that was reset instead of ended. */
  #cutOff: CriError | undefined;
  #errorTimer: NodeJS.Timeout | undefined;

  constructor(
    session: ForwardSession,
    connection: SpdyConnection,
    pair: { readonly port: string; readonly requestid: string },
    halfClose: boolean,
    onClosed: (end: LinkEnd) => void,
  ) {
    this.#session = session;
    this.#halfClose = halfClose;
    this.#onClosed = onClosed;
    const opened = { error: undefined as SpdyStream | undefined, data: undefined as SpdyStream | undefined };
    connection.batch(() => {
      opened.error = connection.open({ streamtype: "error", ...pair });
      // This side never sends on it.
      opened.error.end();
      opened.data = connection.open({ streamtype: "data", ...pair });
    });
    if (!opened.error || !opened.data) throw streamLost("the streams of the connection were not opened");
    this.#error = opened.error;
    this.#data = opened.data;
  }

  start(listener: LinkListener): Promise<void> {
    this.#listener = listener;
    return new Promise((resolve, reject) => {
      this.#rejectStart = reject;
      // Does not wait for the reply to the error stream: it may arrive behind so much data that the connection is paused.
      let isStarted = false;
      const onStarted = () => {
        isStarted = true;
        resolve();
      };
      this.#error.setSink({
        onData: (part) => {
          listener.onRefused(part.toString("utf8"));
          return true;
        },
        onEnd: (end) => {
          if (end === "reset" && !isStarted) reject(refusedConnection());
          this.#errorEnded = true;
          if (this.#dataEnded) this.#end(listener);
        },
      });
      this.#data.setSink({
        onReply: onStarted,
        onData: (part) => {
          if (!isStarted) onStarted();
          this.#hasReceived = true;
          return listener.onData(part);
        },
        onEnd: (end) => {
          if (end === "reset" && !isStarted) reject(refusedConnection());
          if (end === "connection") return;
          this.#dataEnded = true;
          // Every runtime ends the data of a port with a FIN. After a reset, data may be missing.
          if (end === "reset") this.#cutOff = streamLost("the streaming server cut off the connection");
          // Bytes sent from here on do not reach the port, so this side ends as well.
          if (!this.#halfClose) this.#data.end();
          // The two streams end in any order: the data may end before the error arrives. With halfClose, a port that has sent
          // something may still be reading, so that the error stream stays open.
          const isHalfClosed = this.#halfClose && this.#hasReceived && !this.#cutOff;
          if (this.#errorEnded || isHalfClosed) this.#end(listener);
          else this.#errorTimer = setTimeout(() => this.#end(listener), errorWaitMs);
        },
      });
    });
  }

  #end(listener: LinkListener): void {
    clearTimeout(this.#errorTimer);
    if (this.#cutOff) listener.onClosed(this.#cutOff);
    else listener.onEnd();
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this.#data.write(bytes, done);
  }

  end(): void {
    this.#data.end();
  }

  resume(): void {
    this.#data.resume();
  }

  finish(): void {
    this.#data.end();
    this.#close("ended");
  }

  destroy(): void {
    this.#data.reset();
    this.#error.reset();
    this.#close("cut");
  }

  #close(end: LinkEnd): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#errorTimer);
    this.#listener = undefined;
    this.#onClosed(end);
  }

  keepProcess(keep: boolean): void {
    this.#session.keepProcess(keep);
  }

  /** Called when the session has ended. */
  onSessionEnd(error: CriError | undefined): void {
    const lost = error ?? streamLost("the streaming server ended the session");
    this.#rejectStart(lost);
    // Even a normal end of the session cuts off a connection whose data has not ended.
    this.#listener?.onClosed(this.#dataEnded ? (error ?? this.#cutOff) : lost);
  }
}

function refusedConnection(): CriError {
  return streamLost("the streaming server refused the forwarded connection");
}
