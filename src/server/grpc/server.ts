import type { Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { alpnProblem, MemoryLimit, ServerConnection } from "../../http2/index.js";
import type { Endpoint } from "../../transport/index.js";
import { type CallSettings, ServedCall } from "./call.js";
import type { CallPeer } from "./context.js";
import { keepAlive } from "./keep-alive.js";
import { OpenCalls } from "./open-calls.js";

/** How long connections may take to flush their last data, and clients to disconnect, after the last call. */
const lingerMs = 500;

/** What a server allows its clients in total. */
export interface ServerLimits {
  readonly connectionLimit: number;
  readonly callLimit: number;
  readonly handshakeTimeoutMs: number;
  readonly responseBufferLimitBytes: number;
}

/** The connections and calls of a gRPC server. */
export class GrpcServer {
  /** Resolves when the last connection has closed after {@link GrpcServer.drain}. */
  readonly closed: Promise<void>;
  readonly #settings: CallSettings;
  readonly #limits: ServerLimits;
  readonly #address: Endpoint;
  readonly #responses: MemoryLimit;
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<ServerConnection>();
  readonly #calls = new OpenCalls<ServedCall>();
  #stopPings: (() => void) | undefined;
  #accepted = 0;
  #isDraining = false;
  #isClosingNow = false;
  #lingerTimer: NodeJS.Timeout | undefined;
  #onClosed: () => void = () => undefined;

  constructor(listener: Server, settings: CallSettings, limits: ServerLimits, address: Endpoint) {
    this.#settings = settings;
    this.#limits = limits;
    this.#responses = new MemoryLimit(limits.responseBufferLimitBytes);
    this.#address = address;
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    const overTls = address.kind === "tcp" && address.tls;
    listener.on("connection", (socket: Socket) => this.#accept(socket));
    listener.on(overTls ? "secureConnection" : "connection", (socket: Socket) => this.#open(socket));
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get calls(): number {
    return this.#calls.size;
  }

  /** Sends GOAWAY on every connection; each one closes after its last call. */
  drain(): void {
    this.#isDraining = true;
    for (const connection of this.#connections) connection.close();
    this.#checkClosed();
  }

  /** Ends every call with `server_closed`, then every connection. */
  closeNow(): void {
    this.#isClosingNow = true;
    for (const call of this.#calls.list()) call.stop();
    this.#disconnect();
  }

  #accept(socket: Socket): void {
    socket.on("error", () => undefined);
    if (this.#sockets.size >= this.#limits.connectionLimit) return void socket.destroy();
    this.#sockets.add(socket);
    if (this.#address.kind === "tcp") socket.setNoDelay(true);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#checkClosed();
    });
  }

  #open(socket: Socket): void {
    // Refused above.
    if (socket.destroyed) return;
    if (socket instanceof TLSSocket && alpnProblem(socket)) return void socket.destroy();
    this.#stopPings ??= keepAlive(this.#connections);
    const number = ++this.#accepted;
    const name = socket.remoteAddress
      ? `${socket.remoteAddress}:${socket.remotePort}`
      : `${this.#address.kind}:${number}`;
    const peer: CallPeer = { name, cut: () => socket.destroy() };
    const timer = setTimeout(peer.cut, this.#limits.handshakeTimeoutMs);
    timer.unref();
    const connection: ServerConnection = new ServerConnection(
      socket,
      {
        onReady: () => clearTimeout(timer),
        onStream: (stream) => {
          const call = new ServedCall(stream, peer, this.#settings, this.#onCallOver);
          this.#calls.add(call);
          return call;
        },
        onEnd: () => undefined,
        onClose: () => {
          clearTimeout(timer);
          this.#connections.delete(connection);
        },
      },
      { maxConcurrentStreams: this.#limits.callLimit, queueLimit: this.#responses },
    );
    this.#connections.add(connection);
    if (this.#isDraining) connection.close();
  }

  readonly #onCallOver = (call: ServedCall): void => {
    this.#calls.delete(call);
    this.#checkClosed();
  };

  #checkClosed(): void {
    if (!this.#isDraining) return;
    if (this.#sockets.size === 0) {
      clearTimeout(this.#lingerTimer);
      this.#stopPings?.();
      this.#onClosed();
    } else if (this.#calls.size === 0) this.#disconnect();
  }

  /** Clients disconnect by themselves after GOAWAY; the rest is disconnected after a short wait. */
  #disconnect(): void {
    if (this.#sockets.size === 0) return;
    this.#lingerTimer ??= setTimeout(() => {
      this.#lingerTimer = undefined;
      // A response that is not flushed yet counts as a call in flight.
      for (const connection of this.#connections)
        if (this.#isClosingNow || connection.unsentBytes === 0) connection.destroy();
      if (this.#isClosingNow || this.#connections.size === 0)
        for (const socket of this.#sockets) socket.destroy();
      this.#disconnect();
    }, lingerMs);
  }
}
