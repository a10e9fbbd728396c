import { isIP, connect as netConnect, type Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { type CriError, criError, onAbort, type TlsOptions } from "../core/index.js";
import {
  alpnProblem,
  alpnProtocols,
  ClientConnection,
  errorCodeName,
  type Goaway,
  type HeaderFields,
  type RepeatedHeaders,
  type Stream,
  type StreamReceiver,
} from "../http2/index.js";
import { closedInHandshake, dialFailure, handshakeTimeout } from "./dial-failure.js";
import type { Endpoint } from "./endpoint.js";

/** A timer that is later than this, in milliseconds, shows that the event loop was blocked. */
const blockedMs = 50;
/** The timeout of a ping on a suspect connection. */
const pingTimeoutMs = 30_000;

export interface DialOptions {
  readonly endpoint: Endpoint;
  readonly connectTimeoutMs: number;
  readonly tls: TlsOptions;
  readonly signal: AbortSignal;
  /** Called when the connection takes no new calls any more. */
  readonly onUnusable: (connection: Connection) => void;
}

/** One HTTP/2 connection whose peer has sent its SETTINGS. Keeps the process alive only while calls are in flight. */
export class Connection {
  /** Resolves when the peer's SETTINGS have arrived; rejects if the connection ends before, with the reason if it is known. */
  readonly ready: Promise<void>;
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  readonly #http2: ClientConnection;
  readonly #socket: Socket;
  readonly #endpoint: Endpoint;
  readonly #onUnusable: () => void;
  #inFlight = 0;
  /** Whether it accepts no new calls and closes after the last one. */
  #retired = false;
  #goaway: Goaway | undefined;
  #error: Error | undefined;
  #closedHere = false;

  constructor(options: DialOptions) {
    const { endpoint, onUnusable } = options;
    const socket = openSocket(options, (chunk, length) => this.#http2.receive(chunk, length));
    this.#socket = socket;
    this.#endpoint = endpoint;
    this.#onUnusable = () => onUnusable(this);
    let [onReady, onEnd, onClose] = [() => {}, (_: unknown) => {}, () => {}];
    this.ready = new Promise((resolve, reject) => {
      [onReady, onEnd] = [resolve, reject];
    });
    this.closed = new Promise((resolve) => {
      onClose = resolve;
    });
    this.#http2 = new ClientConnection(socket, {
      onReady,
      onGoaway: (goaway) => {
        this.#goaway = goaway;
        this.#onUnusable();
      },
      onEnd: (error) => {
        this.#error = error;
        onEnd(error);
        this.#onUnusable();
      },
      onClose,
    });
  }

  /** Whether a new call may start on it. */
  get usable(): boolean {
    return this.#http2.isUsable && !this.#retired;
  }

  /** The number of bytes received from the peer so far. */
  get bytesReceived(): number {
    return this.#http2.receivedBytes;
  }

  /** Starts a request, as {@link ClientConnection.request}. Throws if the connection takes no new calls; nothing was sent then. */
  request(
    headers: RepeatedHeaders,
    more: HeaderFields,
    body: Uint8Array | undefined,
    receiver: StreamReceiver,
  ): Stream {
    return this.#http2.request(headers, more, body, receiver);
  }

  /**
   * Marks the connection as suspect after a deadline passed, unless bytes arrived since `bytesReceivedBefore`: new calls use a new
   * connection, and this one closes after its last call. A peer that hangs looks like one that is slow, and calls without a deadline would
   * wait for it forever, so a ping checks the peer; without a reply they fail with `connection_lost`.
   */
  markSuspect(bytesReceivedBefore: number): void {
    if (!this.usable || this.bytesReceived > bytesReceivedBefore) return;
    this.#retired = true;
    this.#onUnusable();
    const timer = setTimeout(() => this.#http2.destroy(), pingTimeoutMs);
    timer.unref();
    void this.closed.then(() => clearTimeout(timer));
    this.#http2.ping(() => clearTimeout(timer));
  }

  /** Counts a call that starts, and keeps the process alive for it. */
  hold(): void {
    if (this.#inFlight++ === 0) this.#socket.ref();
    // The last stream id was used.
    if (!this.#http2.isUsable) this.#retired = true;
  }

  /** Counts a call that ended. */
  release(): void {
    if (--this.#inFlight > 0) return;
    if (this.#retired) this.#http2.destroy();
    else this.#socket.unref();
  }

  /** Lets the process end although the connection is open. */
  unref(): void {
    if (this.#inFlight === 0) this.#socket.unref();
  }

  /** Ends the connection and every call on it. Resolves when its socket is closed. */
  close(): Promise<void> {
    this.#closedHere = true;
    this.#http2.destroy();
    return this.closed;
  }

  /** Returns the error of a call that ended without a status because of the connection. */
  failure(unprocessed: boolean): CriError {
    if (this.#closedHere) return clientClosed(this.#endpoint);
    const goaway = this.#goaway;
    return criError(
      goaway && (goaway.code !== 0 || unprocessed) ? "goaway" : "connection_lost",
      goaway
        ? `the runtime closed the connection (HTTP/2 GOAWAY ${errorCodeName(goaway.code)})`
        : "the connection ended before the response: the runtime crashed, stopped or restarted",
      {
        endpoint: this.#endpoint.url,
        hint: unprocessed
          ? "The runtime did not process the call"
          : "Check whether the call took effect before you repeat it",
        cause: this.#error,
      },
    );
  }
}

/** Creates the error of a call on a closed client. */
export function clientClosed(endpoint: Endpoint): CriError {
  return criError("client_closed", "the client was closed", { endpoint: endpoint.url });
}

/**
 * Connects and waits for the peer's HTTP/2 SETTINGS: a dialed peer is known to speak HTTP/2, and a failed dial means that no call was
 * sent.
 */
export async function dial(options: DialOptions): Promise<Connection> {
  const { endpoint, connectTimeoutMs, signal } = options;
  signal.throwIfAborted();
  const connection = new Connection(options);
  let timer: NodeJS.Timeout | undefined;
  let removeCallback = () => {};
  const stopped = new Promise<never>((_, reject) => {
    removeCallback = onAbort(signal, () => reject(signal.reason));
    const startedAt = performance.now();
    timer = setTimeout(() => {
      // If this process blocked its event loop, it could not read the peer's SETTINGS, so the timeout starts once more.
      const wasBlocked = performance.now() - startedAt > connectTimeoutMs + blockedMs;
      timer = setTimeout(
        () => reject(handshakeTimeout(endpoint, connectTimeoutMs)),
        wasBlocked ? connectTimeoutMs : 0,
      );
    }, connectTimeoutMs);
  });
  const ready = connection.ready.catch((error: unknown) => {
    throw error === undefined ? closedInHandshake(endpoint, error) : dialFailure(endpoint, error);
  });
  try {
    await Promise.race([ready, stopped]);
    connection.unref();
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  } finally {
    clearTimeout(timer);
    removeCallback();
  }
}

/** The memory that all sockets without TLS are read into: each read is processed before the next one begins. */
let readBuffer: Buffer | undefined;
const readBytes = 2 ** 16;

/**
 * Opens a socket. What it receives is emitted as `data` or passed to `onRead`: the first `length` bytes of `chunk`, valid until that
 * returns. New memory for each read would cost more than the read.
 */
function openSocket({ endpoint, tls }: DialOptions, onRead: (chunk: Buffer, length: number) => void): Socket {
  readBuffer ??= Buffer.allocUnsafeSlow(readBytes);
  const buffer = readBuffer;
  const onread = {
    buffer,
    // In Bun, the bytes are in a buffer of its own.
    callback(length: number, bytes: Uint8Array) {
      onRead(bytes as Buffer, length);
      return true;
    },
  };
  switch (endpoint.kind) {
    case "unix":
    case "pipe":
      return netConnect({ path: endpoint.path, onread });
    case "abstract":
      return netConnect({ path: `\0${endpoint.name}`, onread });
    case "tcp": {
      const { host, port } = endpoint;
      // A peer across a network may disappear without closing the connection.
      const alive = { keepAlive: true, keepAliveInitialDelay: 30_000 };
      if (!endpoint.tls) return netConnect({ host, port, noDelay: true, onread, ...alive });
      // A TLS server name must not be an IP address: Node prints a warning for one.
      const name = isIP(host) ? {} : { servername: host };
      const socket = tlsConnect({ host, port, ...alive, ...name, ...tls, ALPNProtocols: [...alpnProtocols] });
      socket.once("secureConnect", () => {
        const problem = alpnProblem(socket);
        if (problem) socket.destroy(problem);
      });
      return socket;
    }
  }
}
