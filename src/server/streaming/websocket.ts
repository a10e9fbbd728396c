import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import type { CriError } from "../../core/index.js";
import {
  type ChannelMessage,
  decodeChannel,
  encodeChannel,
  type StreamingProtocol,
} from "../../streaming/index.js";
import { clientDetached, clientGone, sessionIdle } from "../errors.js";
import { ConnectionMonitor } from "./monitor.js";
import { lingerMs, type Upgraded } from "./spdy.js";

/** The size limit of a message; clients send 32 KiB. */
const messageLimitBytes = 16 * 2 ** 20;

/**
 * Accepts a WebSocket with the given subprotocol, or without one for "". Returns undefined for a request that violates the WebSocket
 * protocol, after refusing it.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  { socket, head }: Upgraded,
  protocol: string,
): WebSocket | undefined {
  // `closeTimeout`, the time limit for the client's close frame, is not in the types yet.
  const options: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageLimitBytes,
    closeTimeout: lingerMs,
  };
  const server = new WebSocketServer(options);
  // ws rejects the tunnel's name, which contains a character that is invalid in subprotocols; so ws must not see them.
  const { "sec-websocket-protocol": _, ...headers } = request.headers;
  const plain: IncomingMessage = Object.create(request, { headers: { value: headers } });
  if (protocol !== "")
    server.on("headers", (lines) => {
      lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
    });
  let accepted: WebSocket | undefined;
  server.handleUpgrade(plain, socket, head, (webSocket) => {
    accepted = webSocket;
  });
  return accepted;
}

/** Callbacks for a WebSocket client. */
export interface WebSocketClientListener {
  onMessage(message: ChannelMessage): void;
  /** The connection has ended; called exactly once, last. */
  onGone(reason: CriError): void;
}

/** The bytes that ws may buffer before writers wait. */
const bufferedBytes = 65_536;
/** Larger chunks are sent as several messages. */
const messageBytes = 65_536;
const normalClosure = 1_000;
const protocolError = 1_002;

/** The server's side of a WebSocket with Kubernetes' channels. */
export class WebSocketClient {
  readonly #webSocket: WebSocket;
  readonly #protocol: StreamingProtocol;
  readonly #monitor: ConnectionMonitor;
  /** Channels whose consumers are paused. */
  readonly #paused = new Set<number>();
  #reason: CriError | undefined;

  constructor(
    webSocket: WebSocket,
    { socket }: Upgraded,
    protocol: StreamingProtocol,
    idleTimeoutMs: number,
    listener: WebSocketClientListener,
  ) {
    this.#webSocket = webSocket;
    this.#protocol = protocol;
    this.#monitor = new ConnectionMonitor(socket, idleTimeoutMs, {
      onIdle: () => this.destroy(sessionIdle(idleTimeoutMs)),
      // An unsolicited pong: a ping would need a response.
      probe: () =>
        webSocket.readyState === webSocket.OPEN && webSocket.pong(undefined, undefined, () => undefined),
    });
    webSocket.on("message", (data) => this.#receive(data as Buffer, listener));
    webSocket.on("error", (error) => {
      this.#reason ??= clientGone(error);
    });
    webSocket.once("close", (code) => {
      this.#monitor.stop();
      listener.onGone(this.#reason ?? (code === normalClosure ? clientDetached() : clientGone()));
    });
  }

  /** Sends chunks on a channel; calls `done` when more can be sent, or with an error. */
  write(channel: number, chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const webSocket = this.#webSocket;
    this.#monitor.touch();
    let remaining = chunks.reduce((count, { byteLength }) => count + Math.ceil(byteLength / messageBytes), 0);
    if (remaining === 0 || webSocket.readyState !== webSocket.OPEN) {
      done(remaining === 0 ? null : (this.#reason ?? clientGone()));
      return;
    }
    let isWaiting = true;
    const sent = (error?: Error | null) => {
      if (isWaiting) done(error ?? null);
      isWaiting = false;
    };
    for (const chunk of chunks)
      for (let at = 0; at < chunk.byteLength; at += messageBytes) {
        const message = encodeChannel(this.#protocol, channel, chunk.subarray(at, at + messageBytes));
        if (--remaining > 0) webSocket.send(message, () => undefined);
        else webSocket.send(message, sent);
      }
    if (webSocket.bufferedAmount < bufferedBytes) sent();
  }

  /** Sends one message, which may be empty. */
  send(channel: number, bytes: Uint8Array): void {
    this.#webSocket.send(encodeChannel(this.#protocol, channel, bytes), () => undefined);
  }

  /** Pauses the whole connection until the channel is resumed. */
  pause(channel: number): void {
    this.#paused.add(channel);
    this.#webSocket.pause();
  }

  resume(channel: number): void {
    if (this.#paused.delete(channel) && this.#paused.size === 0) this.#webSocket.resume();
  }

  /** Closes normally, after pending data. The connection ends with the client's close frame, or after {@link lingerMs}. */
  finish(): void {
    this.#webSocket.close(normalClosure);
  }

  /** Destroys the connection. */
  destroy(reason: CriError): void {
    this.#reason ??= reason;
    this.#webSocket.terminate();
  }

  #receive(data: Buffer, listener: WebSocketClientListener): void {
    // Some clients send empty messages to keep a connection alive.
    if (data.byteLength === 0) return;
    let message: ChannelMessage;
    try {
      message = decodeChannel(this.#protocol, data);
    } catch (error) {
      this.#reason ??= clientGone(error);
      this.#webSocket.close(protocolError);
      return;
    }
    listener.onMessage(message);
  }
}

/** A WebSocket as a byte stream in both directions; message boundaries carry no meaning. */
export class WebSocketDuplex extends Duplex {
  readonly #webSocket: WebSocket;

  constructor(webSocket: WebSocket) {
    super();
    this.#webSocket = webSocket;
    webSocket.on("message", (data) => {
      // ws delivers Buffers by default.
      if (!this.push(data as Buffer)) webSocket.pause();
    });
    webSocket.on("error", (error) => this.destroy(error));
    webSocket.once("close", () => {
      if (!this.destroyed) this.push(null);
    });
  }

  override _read(): void {
    if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#send(chunk, done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#webSocket.close(1_000);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#webSocket.terminate();
    done(error);
  }

  #send(bytes: Buffer, done: (error?: Error | null) => void): void {
    this.#webSocket.send(bytes, { binary: true }, (error) => done(error ?? null));
  }
}
