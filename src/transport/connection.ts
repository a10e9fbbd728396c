import { type ClientHttp2Session, connect as http2Connect } from "node:http2";
import { isIP, connect as netConnect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { CriError, type TlsOptions } from "../core/index.js";
import { closedInHandshake, dialFailure, handshakeTimeout } from "./dial-failure.js";
import type { Endpoint } from "./endpoint.js";
import { http2CodeName } from "./status.js";

/** A stream's flow-control window: one answer of 16 MiB arrives without waiting for us. */
const streamWindowBytes = 17 * 2 ** 20;
/** All streams' window: several such answers at a time. */
const connectionWindowBytes = 4 * streamWindowBytes;
/**
 * Node's limit for what a session may hold, in megabytes. Its default of 10 stalls every call of a session while
 * one large request is queued; what a request may hold is limited by writeLimitBytes instead.
 */
const sessionMemoryMb = 2 ** 20;
/** How many calls a connection is used for: HTTP/2 numbers streams by every second number below 2^31, and no number twice. */
const maxCalls = 2 ** 30 - 2 ** 20;
/** By how much a timer is late when something blocks the loop. */
const blockedMs = 50;
/** How long a connection with calls on it, from which nothing is heard, may take to answer a ping. */
const pongMs = 30_000;

export interface DialOptions {
  readonly endpoint: Endpoint;
  readonly connectTimeoutMs: number;
  readonly tls: TlsOptions;
  readonly signal: AbortSignal;
}

/** A connection as it was dialed. Node forgets the socket of a session that was destroyed, so it is kept beside. */
export interface Dialed {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
}

/** One HTTP/2 connection that has been greeted by the peer. Keeps the process alive only while calls hold it. */
export class Connection {
  readonly session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #endpoint: Endpoint;
  readonly #onUnusable: () => void;
  #holders = 0;
  #calls = 0;
  /** Whether it takes no new calls, and ends with its last one. */
  #retired = false;
  #goaway: { readonly code: number; readonly lastStreamId: number } | undefined;
  #error: unknown;
  #closedHere = false;

  constructor({ session, socket }: Dialed, endpoint: Endpoint, onUnusable: () => void) {
    this.session = session;
    this.#socket = socket;
    this.#endpoint = endpoint;
    this.#onUnusable = onUnusable;
    session.on("goaway", (code, lastStreamId) => {
      this.#goaway = { code, lastStreamId };
      onUnusable();
    });
    session.on("error", (error) => {
      this.#error = error;
    });
    session.once("close", onUnusable);
    session.unref();
  }

  /** Whether a new call may begin on it. */
  get usable(): boolean {
    return !this.#ended && !this.#retired;
  }

  get #ended(): boolean {
    return this.session.closed || this.session.destroyed || this.#goaway !== undefined;
  }

  /** How many bytes have come from the peer so far. */
  get heardBytes(): number {
    return this.#socket.bytesRead;
  }

  /**
   * A deadline passed, and before it nothing was heard since `heardBefore`: new calls go to a new connection, and
   * this one ends with its last call. Node's http2 falls silent for ever, without an event, once a peer has broken
   * the protocol or sent too large a header; a peer that hangs looks the same from here. Calls without a deadline would
   * wait for ever then: a ping tells whether anybody is there, and they end with `connection_lost` where nobody is.
   */
  doubt(heardBefore: number): void {
    if (this.#ended || this.#retired || this.heardBytes > heardBefore) return;
    this.#retire();
    const silent = setTimeout(() => void this.#destroy(), pongMs);
    silent.unref();
    this.session.once("close", () => clearTimeout(silent));
    this.session.ping(() => clearTimeout(silent));
  }

  #retire(): void {
    this.#retired = true;
    this.#onUnusable();
  }

  /** A call begins: the process must stay for it. */
  hold(): void {
    if (++this.#calls === maxCalls) this.#retire();
    if (this.#holders++ === 0 && !this.session.destroyed) this.session.ref();
  }

  /** A call is over. */
  release(): void {
    if (--this.#holders > 0) return;
    if (this.#retired) void this.#destroy();
    else if (!this.session.destroyed) this.session.unref();
  }

  /** Ends the connection and every call on it; resolves when its socket is gone. */
  close(): Promise<void> {
    this.#closedHere = true;
    return this.#destroy();
  }

  #destroy(): Promise<void> {
    return new Promise((gone) => {
      this.session.once("close", gone);
      // A session that ends after a GOAWAY waits for the peer to hang up; a peer that stalls never does.
      this.session.destroy();
      this.#socket.destroy();
    });
  }

  /**
   * Why a stream ended without a status, where the connection is the reason: undefined when the connection is fine.
   * A stream numbered past the last one that a GOAWAY admits was never looked at by the peer.
   */
  failure(
    streamId: number | undefined,
  ): { readonly error: CriError; readonly untouched: boolean } | undefined {
    if (this.#closedHere) return { error: clientClosed(this.#endpoint), untouched: false };
    if (!this.#ended) return undefined;
    const goaway = this.#goaway;
    const untouched = streamId === undefined || (goaway !== undefined && streamId > goaway.lastStreamId);
    const error = new CriError({
      code: "unavailable",
      reason: goaway && (goaway.code !== 0 || untouched) ? "goaway" : "connection_lost",
      endpoint: this.#endpoint.url,
      text: goaway
        ? `the runtime closed the connection (HTTP/2 GOAWAY ${http2CodeName(goaway.code)})`
        : "the connection ended before the answer: the runtime crashed, was stopped or restarted",
      hint: untouched
        ? "The call was not looked at"
        : "Whether the call took effect is unknown; look before repeating it",
      cause: this.#error,
    });
    return { error, untouched };
  }
}

/** The error of a call on a client that was closed. */
export function clientClosed(endpoint: Endpoint): CriError {
  return new CriError({
    code: "canceled",
    reason: "client_closed",
    endpoint: endpoint.url,
    text: "the client was closed",
  });
}

/**
 * Connects, and waits for the peer's HTTP/2 SETTINGS: what is given back has been proven to speak HTTP/2, and a
 * failure here means that nothing was sent on anybody's behalf.
 */
export function dial(options: DialOptions): Promise<Dialed> {
  const { endpoint, connectTimeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = openSocket(options);
    let failure: unknown;
    const session = http2Connect("http://localhost", {
      createConnection: () => socket,
      maxSessionMemory: sessionMemoryMb,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    });
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      session.removeListener("close", closed);
      act();
    };
    const give = (error: unknown) =>
      settle(() => {
        session.destroy();
        socket.destroy();
        reject(error);
      });
    const abort = () => give(signal.reason);
    // Stays for the session's life: a session without an error listener takes the process down.
    const note = (error: unknown) => {
      failure = error;
    };
    const closed = () =>
      give(failure === undefined ? closedInHandshake(endpoint, failure) : dialFailure(endpoint, failure));
    const begunAt = performance.now();
    const late = () => {
      // Whoever blocks the loop here has not let the peer's greeting in: it gets its time once more.
      const isOurs = performance.now() - begunAt > connectTimeoutMs + blockedMs;
      timer = setTimeout(
        () => give(handshakeTimeout(endpoint, connectTimeoutMs)),
        isOurs ? connectTimeoutMs : 0,
      );
    };
    let timer = setTimeout(late, connectTimeoutMs);
    signal.addEventListener("abort", abort, { once: true });
    session.on("error", note);
    session.once("close", closed);
    session.once("connect", () => session.setLocalWindowSize(connectionWindowBytes));
    session.once("remoteSettings", () => settle(() => resolve({ session, socket })));
  });
}

function openSocket({ endpoint, tls }: DialOptions): Socket {
  switch (endpoint.kind) {
    case "unix":
    case "pipe":
      return netConnect({ path: endpoint.path });
    case "abstract":
      return netConnect({ path: `\0${endpoint.name}` });
    case "tcp": {
      const { host, port } = endpoint;
      // Over a network a peer may vanish without a word.
      const alive = { keepAlive: true, keepAliveInitialDelay: 30_000 };
      if (!endpoint.tls) return netConnect({ host, port, noDelay: true, ...alive });
      // TLS knows no server name that is an address, and Node warns of one.
      const name = isIP(host) ? {} : { servername: host };
      return tlsConnect({ host, port, ...alive, ...name, ...tls, ALPNProtocols: ["h2"] });
    }
  }
}
