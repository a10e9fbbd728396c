import type { Http2Server, Http2Session, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Endpoint } from "../../transport/index.js";
import { type CallHost, type CallPeer, ServedCall } from "./call.js";

/** All streams' window of a connection: several of the largest requests at a time. */
const connectionWindowBytes = 2 ** 26;
/** How long connections may take to pass on the last words, and clients to hang up, when no call is left. */
const lastWordsMs = 500;

/** The connections and calls of a server. */
export class GrpcHost {
  /** Resolves when the last connection is gone, once the server is left. */
  readonly empty: Promise<void>;
  readonly #host: CallHost;
  readonly #address: Endpoint;
  readonly #sockets = new Set<Socket>();
  readonly #peers = new Map<Http2Session, CallPeer>();
  readonly #calls = new Set<ServedCall>();
  #arriving: Socket | undefined;
  #greeted = 0;
  #leaving = false;
  #lastWords: NodeJS.Timeout | undefined;
  #emptied: () => void = () => undefined;

  constructor(http: Http2Server, host: CallHost, address: Endpoint) {
    this.#host = host;
    this.#address = address;
    this.empty = new Promise((resolve) => {
      this.#emptied = resolve;
    });
    const overTls = address.kind === "tcp" && address.tls;
    http.on("connection", (socket: Socket) => this.#accept(socket));
    // Node makes a connection's session within this event, and lends no session its socket: hence the two are paired.
    http.prependListener(overTls ? "secureConnection" : "connection", (socket: Socket) => {
      this.#arriving = socket;
    });
    http.on("session", (session) => this.#greet(session));
    // A client that breaks HTTP/2 loses its connection, and harms nobody else.
    http.on("sessionError", () => undefined);
    http.on("stream", (stream, headers) => this.#begin(stream, headers));
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get calls(): number {
    return this.#calls.size;
  }

  /** Tells every client to make its next call elsewhere; connections end with the last call. */
  leave(): void {
    this.#leaving = true;
    for (const session of this.#peers.keys()) session.close();
    this.#look();
  }

  /** Ends every call with `server_closed`, and then every connection. */
  cut(): void {
    for (const call of this.#calls) call.stop();
    this.#hangUp();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    if (this.#address.kind === "tcp") socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#look();
    });
  }

  #greet(session: ServerHttp2Session): void {
    const socket = this.#arriving;
    const number = ++this.#greeted;
    const name = socket?.remoteAddress
      ? `${socket.remoteAddress}:${socket.remotePort}`
      : `${this.#address.kind}:${number}`;
    this.#peers.set(session, { name, cut: () => socket?.destroy() });
    session.on("error", () => undefined);
    session.once("close", () => this.#peers.delete(session));
    session.setLocalWindowSize(connectionWindowBytes);
    if (this.#leaving) session.close();
  }

  #begin(stream: ServerHttp2Stream, headers: ConstructorParameters<typeof ServedCall>[1]): void {
    const peer = stream.session && this.#peers.get(stream.session);
    // Of a connection that is gone already.
    if (!peer) return void stream.destroy();
    const call = new ServedCall(stream, headers, peer, this.#host);
    this.#calls.add(call);
    stream.once("close", () => {
      this.#calls.delete(call);
      this.#look();
    });
  }

  #look(): void {
    if (!this.#leaving) return;
    if (this.#sockets.size === 0) {
      clearTimeout(this.#lastWords);
      this.#emptied();
    } else if (this.#calls.size === 0) this.#hangUp();
  }

  /** A client that was told goodbye hangs up by itself; one that does not is left soon. */
  #hangUp(): void {
    if (this.#sockets.size === 0) return;
    this.#lastWords ??= setTimeout(() => {
      for (const session of this.#peers.keys()) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, lastWordsMs);
  }
}
