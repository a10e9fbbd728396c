import type { Http2Server, Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Server, Socket } from "node:net";
import type { Endpoint } from "../../transport/index.js";
import { type CallHost, type CallPeer, ServedCall } from "./call.js";
import { watchPeers } from "./heartbeat.js";
import { createSessions } from "./http2.js";
import { neverBlocking } from "./pipe.js";

/** How long connections may take to pass on the last words, and clients to hang up, when no call is left. */
const lastWordsMs = 500;

/** The connections and calls of a server. */
export class GrpcHost {
  /** Resolves when the last connection is gone, once the server is left. */
  readonly empty: Promise<void>;
  readonly #host: CallHost;
  readonly #address: Endpoint;
  readonly #http: Http2Server = createSessions();
  readonly #sockets = new Set<Socket>();
  readonly #peers = new Map<Http2Session, CallPeer>();
  readonly #calls = new Set<ServedCall>();
  #arriving: CallPeer | undefined;
  #endWatch: (() => void) | undefined;
  #greeted = 0;
  #leaving = false;
  #isCut = false;
  #lastWords: NodeJS.Timeout | undefined;
  #emptied: () => void = () => undefined;

  constructor(listener: Server, host: CallHost, address: Endpoint) {
    this.#host = host;
    this.#address = address;
    this.empty = new Promise((resolve) => {
      this.#emptied = resolve;
    });
    const overTls = address.kind === "tcp" && address.tls;
    listener.on("connection", (socket: Socket) => this.#accept(socket));
    listener.on(overTls ? "secureConnection" : "connection", (socket: Socket) => this.#greet(socket));
    this.#http.on("session", (session) => this.#open(session));
    // A client that breaks HTTP/2 loses its connection, and harms nobody else.
    this.#http.on("sessionError", () => undefined);
    this.#http.on("stream", (stream, headers) => this.#begin(stream, headers));
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
    this.#isCut = true;
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

  #greet(socket: Socket): void {
    const number = ++this.#greeted;
    const name = socket.remoteAddress
      ? `${socket.remoteAddress}:${socket.remotePort}`
      : `${this.#address.kind}:${number}`;
    // Its session is made within this event.
    this.#arriving = { name, cut: () => socket.destroy() };
    this.#http.emit("connection", neverBlocking(socket));
  }

  #open(session: Http2Session): void {
    this.#endWatch ??= watchPeers(this.#peers);
    if (this.#arriving) this.#peers.set(session, this.#arriving);
    session.on("error", () => undefined);
    session.once("close", () => this.#peers.delete(session));
    if (this.#leaving) session.close();
  }

  #begin(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
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
      this.#endWatch?.();
      this.#emptied();
    } else if (this.#calls.size === 0) this.#hangUp();
  }

  /** A client that was told goodbye hangs up by itself; one that does not is left soon. */
  #hangUp(): void {
    if (this.#sockets.size === 0) return;
    this.#lastWords ??= setTimeout(() => {
      this.#lastWords = undefined;
      // An answer that is still on its way counts as a call that is under way.
      const isDone = (socket: Socket) => this.#isCut || socket.writableLength === 0;
      if (this.#isCut) for (const session of this.#peers.keys()) session.destroy();
      for (const socket of this.#sockets) if (isDone(socket)) socket.destroy();
      this.#hangUp();
    }, lastWordsMs);
  }
}
