import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { isCriError } from "../../core/index.js";
import { malformedStream, streamLost } from "../errors.js";
import { keepProcess } from "../keep-process.js";
import { type ChannelProtocol, channelProtocols, decodeChannel } from "../websocket/channels.js";
import { sendOnChannel } from "../websocket/send.js";
import type { Link, LinkListener } from "./link.js";

/** The subprotocols of port-forwarding, the best first. */
export const forwardSubprotocols = ["v4.channel.k8s.io", "v4.base64.channel.k8s.io"] as const;

/** The URL was asked for one port, whose channels are the first two. */
const dataChannel = 0;
const errorChannel = 1;
const portBytes = 2;

/** A forwarded connection as the messages of one WebSocket. */
export class WebSocketLink implements Link {
  readonly canEnd = false;
  readonly #socket: WebSocket;
  readonly #below: Duplex;
  readonly #protocol: ChannelProtocol;
  readonly #portsLeft = new Map([
    [dataChannel, portBytes],
    [errorChannel, portBytes],
  ]);
  #failure: Error | undefined;

  /** `below` is the connection that carries the WebSocket. */
  constructor(socket: WebSocket, below: Duplex) {
    const protocol = channelProtocols[socket.protocol];
    if (!protocol) throw new TypeError(`${socket.protocol} was not offered`);
    this.#socket = socket;
    this.#below = below;
    this.#protocol = protocol;
  }

  start(listener: LinkListener): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      socket.on("message", (data) => {
        try {
          // The server names the port on both channels before it connects to it.
          this.#receive(data as Buffer, listener);
          if (this.#portsLeft.size === 0) resolve();
        } catch (error) {
          this.#failure = isCriError(error) ? error : malformedStream("a message that cannot be read", error);
          socket.terminate();
        }
      });
      socket.on("error", (cause) => {
        this.#failure ??= streamLost(`the WebSocket broke: ${cause.message}`, { cause });
      });
      socket.once("close", (code) => {
        const error =
          code === 1000 ? undefined : streamLost(`the server closed the WebSocket with code ${code}`);
        const failure = isCriError(this.#failure) ? this.#failure : error;
        reject(failure ?? streamLost("the server closed the WebSocket before the connection began"));
        listener.onClosed(failure);
      });
      socket.resume();
    });
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    // What cannot be sent is dropped: that the port has closed, or the WebSocket broke, is told by the latter's close,
    // after what came before it. An error here would take the part of the reply that is not read yet.
    sendOnChannel(this.#socket, this.#protocol, dataChannel, bytes, () => done());
  }

  /** The channel protocol cannot say it. */
  end(): void {}

  resume(): void {
    this.#socket.resume();
  }

  finish(): void {
    this.#socket.close(1000);
  }

  destroy(): void {
    this.#socket.terminate();
  }

  keepProcess(keep: boolean): void {
    keepProcess(this.#below, keep);
  }

  #receive(data: Buffer, listener: LinkListener): void {
    const message = decodeChannel(this.#protocol, data);
    if (message.end) return;
    const left = this.#portsLeft.get(message.channel) ?? 0;
    const skipped = Math.min(left, message.bytes.byteLength);
    if (left > 0 && skipped === left) this.#portsLeft.delete(message.channel);
    else if (left > 0) this.#portsLeft.set(message.channel, left - skipped);
    const bytes = message.bytes.subarray(skipped);
    if (bytes.byteLength === 0) return;
    if (message.channel === errorChannel) listener.onRefused(bytes.toString("utf8"));
    else if (message.channel === dataChannel && !listener.onData(bytes)) this.#socket.pause();
  }
}
