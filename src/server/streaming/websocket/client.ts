import type { WebSocket } from "ws";
import type { CriError } from "../../../core/index.js";
import {
  type ChannelMessage,
  type ChannelProtocol,
  decodeChannel,
  encodeChannel,
} from "../../../streaming/index.js";
import { clientGone, sessionIdle } from "../errors.js";
import type { Upgraded } from "../spdy.js";
import { ConnectionWatch } from "../watch.js";

/** Who hears of a WebSocket client. */
export interface WebSocketClientListener {
  onMessage(message: ChannelMessage): void;
  /** The connection is over. Said exactly once. */
  onGone(why: CriError): void;
}

/** What ws may hold back before writers wait, in bytes. */
const bufferedBytes = 65_536;
/** Larger parts are sent as several messages. */
const messageBytes = 65_536;
const normalClosure = 1_000;
const protocolError = 1_002;

/** The server's side of a WebSocket with Kubernetes' channels. */
export class WebSocketClient {
  readonly #webSocket: WebSocket;
  readonly #protocol: ChannelProtocol;
  readonly #watch: ConnectionWatch;
  /** Channels whose takers want no more for now. */
  readonly #stalled = new Set<number>();
  #why: CriError | undefined;

  constructor(
    webSocket: WebSocket,
    { socket }: Upgraded,
    protocol: ChannelProtocol,
    idleTimeoutMs: number,
    listener: WebSocketClientListener,
  ) {
    this.#webSocket = webSocket;
    this.#protocol = protocol;
    this.#watch = new ConnectionWatch(socket, idleTimeoutMs, {
      onSilence: () => this.destroy(sessionIdle(idleTimeoutMs)),
      // One that nobody asked for: kubectl gives a server up whose answers to its pings stay away for a minute.
      probe: () =>
        webSocket.readyState === webSocket.OPEN && webSocket.pong(undefined, undefined, () => undefined),
    });
    webSocket.on("message", (data) => this.#receive(data as Buffer, listener));
    webSocket.on("error", (error) => {
      this.#why ??= clientGone(error);
    });
    webSocket.once("close", () => {
      this.#watch.stop();
      listener.onGone(this.#why ?? clientGone());
    });
  }

  /** Sends parts on a channel; `done` is called once more may be sent, or with why not. */
  write(channel: number, parts: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const webSocket = this.#webSocket;
    this.#watch.touch();
    let last = parts.reduce((count, { byteLength }) => count + Math.ceil(byteLength / messageBytes), 0);
    if (last === 0 || webSocket.readyState !== webSocket.OPEN) {
      done(last === 0 ? null : (this.#why ?? clientGone()));
      return;
    }
    let waits = true;
    const sent = (error?: Error | null) => {
      if (waits) done(error ?? null);
      waits = false;
    };
    for (const part of parts)
      for (let at = 0; at < part.byteLength; at += messageBytes) {
        const message = encodeChannel(this.#protocol, channel, part.subarray(at, at + messageBytes));
        if (--last > 0) webSocket.send(message, () => undefined);
        else webSocket.send(message, sent);
      }
    if (webSocket.bufferedAmount < bufferedBytes) sent();
  }

  /** Sends one message, which may be empty. */
  send(channel: number, bytes: Uint8Array): void {
    this.#webSocket.send(encodeChannel(this.#protocol, channel, bytes), () => undefined);
  }

  /** Stops the reading of the whole connection until the channel is resumed. */
  pause(channel: number): void {
    this.#stalled.add(channel);
    this.#webSocket.pause();
  }

  resume(channel: number): void {
    if (this.#stalled.delete(channel) && this.#stalled.size === 0) this.#webSocket.resume();
  }

  /** Says the normal end, after what was sent. The connection goes when the client answers, or does not for too long. */
  finish(): void {
    this.#webSocket.close(normalClosure);
  }

  /** Ends the connection at once. */
  destroy(why: CriError): void {
    this.#why ??= why;
    this.#webSocket.terminate();
  }

  #receive(data: Buffer, listener: WebSocketClientListener): void {
    // Some clients send empty messages to keep a connection alive.
    if (data.byteLength === 0) return;
    let message: ChannelMessage;
    try {
      message = decodeChannel(this.#protocol, data);
    } catch (error) {
      this.#why ??= clientGone(error);
      this.#webSocket.close(protocolError);
      return;
    }
    listener.onMessage(message);
  }
}
