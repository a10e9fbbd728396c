import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { isCriError } from "../../core/index.js";
import { keepProcess } from "../dial.js";
import { malformedStream, streamLost } from "../errors.js";
import { findProtocol, type StreamingProtocol } from "../protocols.js";
import { decodeChannel, sendOnChannel } from "../websocket/channels.js";
import type { Link, LinkListener } from "./connection.js";

/** The channels of the one port that the PortForward request had. */
const dataChannel = 0;
const errorChannel = 1;
/** The length in bytes of the port's number, which the server sends first on each channel. */
const portBytes = 2;

/** A forwarded connection as the messages of one WebSocket. */
export class WebSocketLink implements Link {
  readonly canEnd = false;
  readonly #socket: WebSocket;
  readonly #connection: Duplex;
  readonly #protocol: StreamingProtocol;
  /** The bytes of the port's number that are still to come, by channel. */
  readonly #pendingPortBytes = new Map([
    [dataChannel, portBytes],
    [errorChannel, portBytes],
  ]);
  #failure: Error | undefined;

  /** `connection` carries the WebSocket. */
  constructor(socket: WebSocket, connection: Duplex) {
    const protocol = findProtocol("websocket", "portforward", socket.protocol);
    if (!protocol) throw new TypeError(`unknown WebSocket subprotocol ${socket.protocol}`);
    this.#socket = socket;
    this.#connection = connection;
    this.#protocol = protocol;
  }

  start(listener: LinkListener): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      socket.on("message", (data) => {
        try {
          // The server sends the port's number on both channels before it connects to the port.
          this.#receive(data as Buffer, listener);
          if (this.#pendingPortBytes.size === 0) resolve();
        } catch (error) {
          this.#failure = isCriError(error)
            ? error
            : malformedStream("WebSocket message: cannot be processed", error);
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
        reject(failure ?? streamLost("the server closed the WebSocket before it accepted the connection"));
        listener.onClosed(failure);
      });
      socket.resume();
    });
  }

  write(bytes: Uint8Array, done: (error?: Error | null) => void): void {
    // Ignores the error: the WebSocket's `close` reports it after the data that arrived before. Reporting it here would destroy
    // the connection, and the unread part of the reply with it.
    sendOnChannel(this.#socket, this.#protocol, dataChannel, bytes, () => done());
  }

  /** Has no effect: the protocol cannot end one half. */
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
    keepProcess(this.#connection, keep);
  }

  #receive(data: Buffer, listener: LinkListener): void {
    const message = decodeChannel(this.#protocol, data);
    if (message.end) return;
    const pending = this.#pendingPortBytes.get(message.channel) ?? 0;
    const skipped = Math.min(pending, message.bytes.byteLength);
    if (pending > 0 && skipped === pending) this.#pendingPortBytes.delete(message.channel);
    else if (pending > 0) this.#pendingPortBytes.set(message.channel, pending - skipped);
    const bytes = message.bytes.subarray(skipped);
    if (bytes.byteLength === 0) return;
    if (message.channel === errorChannel) listener.onRefused(bytes.toString("utf8"));
    else if (message.channel === dataChannel && !listener.onData(bytes)) this.#socket.pause();
  }
}
