import type { Http2Server, Http2Session, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Endpoint } from "../../transport/index.js";
import { type CallHost, ServedCall } from "./call.js";

/** All streams' window of a connection: several of the largest requests at a time. */
const connectionWindowBytes = 2 ** 26;

/** The connections and calls of a server. */
export class GrpcHost {
  /** Resolves when the last connection is gone, once the server is left. */
  readonly empty: Promise<void>;
  readonly #host: CallHost;
  readonly #address: Endpoint;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Map<Http2Session, string>();
  readonly #calls = new Set<ServedCall>();
  #accepted = 0;
  #leaving = false;
  #emptied: () => void = () => undefined;

  constructor(http: Http2Server, host: CallHost, address: Endpoint) {
    this.#host = host;
    this.#address = address;
    this.empty = new Promise((resolve) => {
      this.#emptied = resolve;
    });
    http.on("connection", (socket: Socket) => this.#accept(socket));
    http.on("session", (session) => this.#greet(session));
    // A client that breaks HTTP/2 loses its connection, and harms nobody else.
    http.on("sessionError", () => undefined);
    http.on("stream", (stream, headers) => {
      const peer = (stream.session && this.#sessions.get(stream.session)) ?? "unknown";
      const call = new ServedCall(stream, headers, peer, this.#host);
      this.#calls.add(call);
      stream.once("close", () => this.#calls.delete(call));
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get calls(): number {
    return this.#calls.size;
  }

  /** Tells every client to make its next call elsewhere; connections end with their last call. */
  leave(): void {
    this.#leaving = true;
    for (const session of this.#sessions.keys()) session.close();
    // One that never greeted has no call to wait for.
    if (this.#sessions.size === 0) for (const socket of this.#sockets) socket.destroy();
    this.#look();
  }

  /** Ends every call with `server_closed`, and then every connection. */
  cut(): void {
    for (const call of this.#calls) call.stop();
    // The last words are written in this turn of the event loop; only then may the connections go.
    setImmediate(() => {
      for (const session of this.#sessions.keys()) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#look();
    });
  }

  #greet(session: ServerHttp2Session): void {
    const { remoteAddress, remotePort } = session.socket;
    const number = ++this.#accepted;
    const peer = remoteAddress ? `${remoteAddress}:${remotePort}` : `${this.#address.kind}:${number}`;
    this.#sessions.set(session, peer);
    session.on("error", () => undefined);
    session.once("close", () => this.#sessions.delete(session));
    session.setLocalWindowSize(connectionWindowBytes);
    if (this.#leaving) session.close();
  }

  #look(): void {
    if (this.#leaving && this.#sockets.size === 0) this.#emptied();
  }
}
