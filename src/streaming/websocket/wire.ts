import type { WebSocket } from "ws";
import type { CriError } from "../../core/index.js";
import { streamLost } from "../errors.js";
import {
  type Channel,
  channelNumber,
  findProtocol,
  type InputChannel,
  type OutputChannel,
  type StreamingProtocol,
} from "../protocols.js";
import type { Wire, WireListener } from "../wire.js";
import { decodeChannel, encodeChannelEnd, sendOnChannel } from "./channels.js";

const outputByNumber: Readonly<Record<number, OutputChannel>> = {
  [channelNumber.stdout]: "stdout",
  [channelNumber.stderr]: "stderr",
  [channelNumber.error]: "error",
};

/** The channels of a remote command as the messages of one WebSocket. */
export class WebSocketWire implements Wire {
  readonly transport = "websocket";
  readonly protocol: string;
  readonly jsonStatus: boolean;
  readonly canEndInput: boolean;
  readonly canResize: boolean;
  readonly #socket: WebSocket;
  readonly #protocol: StreamingProtocol;
  /** Channels whose listener has paused the connection. */
  readonly #paused = new Set<OutputChannel>();
  readonly #statusEnd = new JsonEnd();
  #listener: WireListener | undefined;
  #failure: CriError | undefined;

  constructor(socket: WebSocket) {
    const protocol = findProtocol("websocket", "command", socket.protocol);
    if (!protocol) throw new TypeError(`unknown WebSocket subprotocol ${socket.protocol}`);
    this.#socket = socket;
    this.#protocol = protocol;
    this.protocol = protocol.name;
    this.jsonStatus = protocol.jsonStatus;
    this.canEndInput = protocol.halfClose;
    this.canResize = protocol.resize;
  }

  start(_channels: readonly Channel[], listener: WireListener): void {
    this.#listener = listener;
    const socket = this.#socket;
    socket.on("message", (data) => this.#receive(data as Buffer));
    socket.on("error", (cause) => {
      this.#failure = streamLost(`the WebSocket broke: ${cause.message}`, { cause });
    });
    socket.on("close", (code, reason) => this.#onClose(code, reason.toString("utf8")));
    // A WebSocket has no channels to open: the server starts the session with the upgrade.
    listener.onStarted();
    socket.resume();
    if (socket.readyState === socket.CLOSED) this.#onClose(1006, "");
  }

  write(channel: InputChannel, chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const number = channelNumber[channel];
    for (const [index, bytes] of chunks.entries())
      sendOnChannel(
        this.#socket,
        this.#protocol,
        number,
        bytes,
        index === chunks.length - 1 ? done : () => undefined,
      );
  }

  endInput(): void {
    if (this.#socket.readyState === this.#socket.OPEN)
      this.#socket.send(encodeChannelEnd(this.#protocol, channelNumber.stdin), () => undefined);
  }

  resume(channel: OutputChannel): void {
    if (this.#paused.delete(channel) && this.#paused.size === 0) this.#socket.resume();
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
        if (!listener.onData(channel, message.bytes)) this.#pause(channel);
        // The status is the last data of its channel. Runtimes send it as one message, but the protocol does not require that.
        if (channel === "error" && (!this.jsonStatus || this.#statusEnd.push(message.bytes)))
          listener.onEnd("error", false);
      }
    } catch (error) {
      this.#failure = error as CriError;
      this.#socket.terminate();
    }
  }

  #pause(channel: OutputChannel): void {
    this.#paused.add(channel);
    this.#socket.pause();
  }

  #onClose(code: number, reason: string): void {
    const listener = this.#listener;
    this.#listener = undefined;
    const text = `the server closed the WebSocket with code ${code}${reason ? `: ${reason}` : ""}`;
    listener?.onClosed(this.#failure ?? (code === 1000 ? undefined : streamLost(text)));
  }
}

const [quote, backslash, openBrace, closeBrace] = [0x22, 0x5c, 0x7b, 0x7d];
const whitespace = new Set([0x09, 0x0a, 0x0d, 0x20]);

/** Finds the end of a JSON object that arrives in parts. Reads each byte once and buffers none. */
export class JsonEnd {
  #depth = 0;
  #inString = false;
  #isEscaped = false;

  /** Takes the next part. Returns true when the object is complete, and when the bytes are not a JSON object. */
  push(part: Uint8Array): boolean {
    for (const byte of part) {
      // The bytes of non-ASCII characters are above all bytes that are compared here.
      if (this.#isEscaped) this.#isEscaped = false;
      else if (this.#inString && byte === backslash) this.#isEscaped = true;
      else if (byte === quote && this.#depth > 0) this.#inString = !this.#inString;
      else if (this.#inString) continue;
      else if (byte === openBrace) this.#depth++;
      else if (byte === closeBrace) this.#depth--;
      else if (this.#depth === 0 && whitespace.has(byte)) continue;
      if (this.#depth <= 0) return true;
    }
    return false;
  }
}
