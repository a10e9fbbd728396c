import type { WebSocket } from "ws";
import type { CriError } from "../../core/index.js";
import { streamLost } from "../errors.js";
import type { Channel, InputChannel, OutputChannel, Wire, WireListener } from "../wire.js";
import {
  type ChannelProtocol,
  channelNumber,
  channelProtocols,
  decodeChannel,
  encodeChannelEnd,
} from "./channels.js";
import { JsonEnd } from "./json-end.js";
import { sendOnChannel } from "./send.js";

/** The subprotocols of remote commands, the best first. */
export const commandSubprotocols = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
] as const;

const outputByNumber: Readonly<Record<number, OutputChannel>> = {
  [channelNumber.stdout]: "stdout",
  [channelNumber.stderr]: "stderr",
  [channelNumber.error]: "error",
};

/** A remote command's channels as the messages of one WebSocket. */
export class WebSocketWire implements Wire {
  readonly transport = "websocket";
  readonly protocol: string;
  readonly jsonStatus: boolean;
  readonly canEndInput: boolean;
  readonly canResize = true;
  readonly #socket: WebSocket;
  readonly #protocol: ChannelProtocol;
  readonly #stalled = new Set<OutputChannel>();
  readonly #statusEnd = new JsonEnd();
  #listener: WireListener | undefined;
  #failure: CriError | undefined;

  constructor(socket: WebSocket) {
    const protocol = channelProtocols[socket.protocol];
    if (!protocol) throw new TypeError(`${socket.protocol} was not offered`);
    this.#socket = socket;
    this.#protocol = protocol;
    this.protocol = protocol.name;
    this.jsonStatus = protocol.jsonStatus;
    this.canEndInput = protocol.halfClose;
  }

  start(_channels: readonly Channel[], listener: WireListener): void {
    this.#listener = listener;
    const socket = this.#socket;
    socket.on("message", (data) => this.#receive(data as Buffer));
    socket.on("error", (cause) => {
      this.#failure = streamLost(`the WebSocket broke: ${cause.message}`, { cause });
    });
    socket.on("close", (code, reason) => this.#closed(code, reason.toString("utf8")));
    // There are no channels to open: with the upgrade the server has all it waits for.
    listener.onStarted();
    socket.resume();
    if (socket.readyState === socket.CLOSED) this.#closed(1006, "");
  }

  write(channel: InputChannel, bytes: Uint8Array, done: (error?: Error | null) => void): void {
    sendOnChannel(this.#socket, this.#protocol, channelNumber[channel], bytes, done);
  }

  endInput(): void {
    if (this.#socket.readyState === this.#socket.OPEN)
      this.#socket.send(encodeChannelEnd(this.#protocol, channelNumber.stdin), () => undefined);
  }

  resume(channel: OutputChannel): void {
    if (this.#stalled.delete(channel) && this.#stalled.size === 0) this.#socket.resume();
  }

  keepAlive(): void {
    if (this.#socket.readyState === this.#socket.OPEN)
      this.#socket.ping(undefined, undefined, () => undefined);
  }

  leave(): void {
    this.#socket.close(1000);
  }

  destroy(): void {
    this.#socket.terminate();
  }

  #receive(data: Buffer): void {
    const listener = this.#listener;
    if (!listener) return;
    try {
      const message = decodeChannel(this.#protocol, data);
      const channel = outputByNumber[message.channel];
      if (channel === undefined) return;
      if (message.end) listener.onEnd(channel, false);
      else if (message.bytes.byteLength > 0) {
        if (!listener.onData(channel, message.bytes)) this.#stall(channel);
        // Nothing follows the status on its channel. Runtimes send it as one message, but none has promised to.
        if (channel === "error" && (!this.jsonStatus || this.#statusEnd.push(message.bytes)))
          listener.onEnd("error", false);
      }
    } catch (error) {
      this.#failure = error as CriError;
      this.#socket.terminate();
    }
  }

  #stall(channel: OutputChannel): void {
    this.#stalled.add(channel);
    this.#socket.pause();
  }

  #closed(code: number, reason: string): void {
    const listener = this.#listener;
    this.#listener = undefined;
    const text = `the server closed the WebSocket with code ${code}${reason ? `: ${reason}` : ""}`;
    listener?.onClosed(this.#failure ?? (code === 1000 ? undefined : streamLost(text)));
  }
}
