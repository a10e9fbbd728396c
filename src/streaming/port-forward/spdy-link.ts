import type { CriError } from "../../core/index.js";
import { streamLost } from "../errors.js";
import { SpdyConnection } from "../spdy/connection.js";
import type { SpdyStream } from "../spdy/stream.js";
import type { Upgraded } from "../upgrade.js";
import type { Link, LinkListener } from "./link.js";

/** The stream protocol of port-forwarding over SPDY. */
export const forwardProtocol = "portforward.k8s.io";

/** How long the end of a connection waits for the end of its error stream, which comes at about the same time. */
const reasonWaitMs = 1_000;

/** How long a server may take to hang up after a connection has ended on both sides. */
const hangUpMs = 1_000;

/** How a link ends: both sides had ended, or it was cut off here. */
export type LinkEnd = "ended" | "cut";

/** An SPDY session that carries forwarded connections: one of them, or many. */
export class ForwardSession {
  readonly #connection: SpdyConnection;
  readonly #links = new Set<SpdyLink>();
  readonly #keepAlive: NodeJS.Timeout | undefined;
  #nextRequest = 0;

  constructor({ socket, head }: Upgraded, keepAliveMs: number) {
    this.#connection = new SpdyConnection(socket, {
      role: "client",
      head,
      onEnd: (error) => this.#ended(error),
    });
    if (keepAliveMs > 0) this.#keepAlive = setInterval(() => this.#connection.ping(), keepAliveMs).unref();
  }

  /** Whether a connection can be added. */
  get usable(): boolean {
    return !this.#connection.leaving;
  }

  /** How many connections it carries. */
  get size(): number {
    return this.#links.size;
  }

  /** Opens the two streams of one connection. */
  open(port: number, halfClose: boolean, onOver: (end: LinkEnd) => void): SpdyLink {
    const pair = { port: String(port), requestid: String(this.#nextRequest++) };
    const link: SpdyLink = new SpdyLink(this, this.#connection, pair, halfClose, (end) => {
      this.#links.delete(link);
      onOver(end);
    });
    this.#links.add(link);
    return link;
  }

  keepProcess(keep: boolean): void {
    this.#connection.keepProcess(keep);
  }

  /** Ends the session once what was written is on its way. */
  finish(): void {
    this.#connection.goaway();
    this.#connection.hangUp();
    setTimeout(() => this.#connection.destroy(), hangUpMs).unref();
  }

  destroy(): void {
    this.#connection.goaway();
    this.#connection.destroy();
  }

  #ended(error: CriError | undefined): void {
    clearInterval(this.#keepAlive);
    for (const link of [...this.#links]) link.lose(error);
  }
}

class SpdyLink implements Link {
  readonly canEnd = true;
  readonly #session: ForwardSession;
  readonly #data: SpdyStream;
  readonly #error: SpdyStream;
  readonly #halfClose: boolean;
  readonly #onOver: (end: LinkEnd) => void;
  #listener: LinkListener | undefined;
  #refuse: (error: CriError) => void = () => undefined;
  #over = false;
  #dataOver = false;
  #reasonOver = false;
  /** How the data ended other than by its end. */
  #cutOff: CriError | undefined;
  #reasonTimer: NodeJS.Timeout | undefined;

  constructor(
    session: ForwardSession,
    connection: SpdyConnection,
    pair: { readonly port: string; readonly requestid: string },
    halfClose: boolean,
    onOver: (end: LinkEnd) => void,
  ) {
    this.#session = session;
    this.#halfClose = halfClose;
    this.#onOver = onOver;
    const opened = { error: undefined as SpdyStream | undefined, data: undefined as SpdyStream | undefined };
    connection.batch(() => {
      opened.error = connection.open({ streamtype: "error", ...pair });
      // Nothing is ever said on it from this side.
      opened.error.end();
      opened.data = connection.open({ streamtype: "data", ...pair });
    });
    if (!opened.error || !opened.data) throw streamLost("the streams were not opened");
    this.#error = opened.error;
    this.#data = opened.data;
  }

  start(listener: LinkListener): Promise<void> {
    this.#listener = listener;
    return new Promise((resolve, reject) => {
      this.#refuse = reject;
      // The reply to the error stream is not waited for: it may come after so much data that nobody reads on.
      let begun = false;
      const begin = () => {
        begun = true;
        resolve();
      };
      this.#error.setSink({
        onData: (part) => {
          listener.onRefused(part.toString("utf8"));
          return true;
        },
        onEnd: (end) => {
          if (end === "reset" && !begun) reject(refusedStream());
          this.#reasonOver = true;
          if (this.#dataOver) this.#end(listener);
        },
      });
      this.#data.setSink({
        onReply: begin,
        onData(part) {
          if (!begun) begin();
          return listener.onData(part);
        },
        onEnd: (end) => {
          if (end === "reset" && !begun) reject(refusedStream());
          if (end === "connection") return;
          this.#dataOver = true;
          // Every runtime ends what a port has sent with a FIN: without one, there may have been more to come.
          if (end === "reset") this.#cutOff = streamLost("the streaming server cut the connection off");
          // Nothing that is sent from now on arrives, so that there is nothing to wait for on the other side, either.
          if (!this.#halfClose) this.#data.end();
          // The two streams end in no order: the end of the data may come before the reason for it.
          if (this.#reasonOver || (this.#halfClose && !this.#cutOff)) this.#end(listener);
          else this.#reasonTimer = setTimeout(() => this.#end(listener), reasonWaitMs);
        },
      });
    });
  }

  #end(listener: LinkListener): void {
    clearTimeout(this.#reasonTimer);
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
    this.#leave("ended");
  }

  destroy(): void {
    this.#data.reset();
    this.#error.reset();
    this.#leave("cut");
  }

  #leave(end: LinkEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#reasonTimer);
    this.#listener = undefined;
    this.#onOver(end);
  }

  keepProcess(keep: boolean): void {
    this.#session.keepProcess(keep);
  }

  /** The session is over. */
  lose(error: CriError | undefined): void {
    const lost = error ?? streamLost("the streaming server ended the session");
    this.#refuse(lost);
    // However orderly the session ends: before the end of the data, it cuts the connection off.
    this.#listener?.onClosed(this.#dataOver ? (error ?? this.#cutOff) : lost);
  }
}

function refusedStream(): CriError {
  return streamLost("the streaming server refused the forwarded connection");
}
