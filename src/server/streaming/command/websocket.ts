import type { WebSocket } from "ws";
import type { CriError } from "../../../core/index.js";
import { type ChannelMessage, channelNumber, type StreamingProtocol } from "../../../streaming/index.js";
import type { SessionTimeouts } from "../options.js";
import type { CommandPlan } from "../requests.js";
import type { Upgraded } from "../spdy.js";
import { WebSocketClient } from "../websocket.js";
import type { CommandListener, CommandWire, OutputName } from "./wire.js";

const emptyMessage = Buffer.alloc(0);

/** A command's channels as messages of one WebSocket. */
export class WebSocketCommandWire implements CommandWire {
  readonly jsonStatus: boolean;
  readonly #client: WebSocketClient;
  readonly #plan: CommandPlan;
  #listener: CommandListener | undefined;

  constructor(
    webSocket: WebSocket,
    upgraded: Upgraded,
    plan: CommandPlan,
    protocol: StreamingProtocol,
    timeouts: SessionTimeouts,
  ) {
    this.jsonStatus = protocol.jsonStatus;
    this.#plan = plan;
    this.#client = new WebSocketClient(webSocket, upgraded, protocol, timeouts.idleTimeoutMs, {
      onMessage: (message) => this.#receive(message),
      onGone: (reason) => this.#listener?.onGone(reason),
    });
  }

  listen(listener: CommandListener): void {
    this.#listener = listener;
    // An empty message says that the session is there: on the first output, as runtimes do it.
    const { stdout, stderr } = this.#plan;
    this.#client.send(channelNumber[stdout ? "stdout" : stderr ? "stderr" : "error"], emptyMessage);
    listener.onStart();
  }

  write(output: OutputName, chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    this.#client.write(channelNumber[output], chunks, done);
  }

  resumeInput(): void {
    this.#client.resume(channelNumber.stdin);
  }

  finish(status: Buffer): void {
    if (status.byteLength > 0) this.#client.send(channelNumber.error, status);
    this.#client.finish();
  }

  destroy(reason: CriError): void {
    this.#client.destroy(reason);
  }

  #receive(message: ChannelMessage): void {
    const listener = this.#listener;
    if (!listener) return;
    if (message.channel === channelNumber.stdin) {
      if (message.end) listener.onInputEnd();
      else if (!listener.onInput(message.bytes)) this.#client.pause(channelNumber.stdin);
    } else if (message.channel === channelNumber.resize && !message.end) listener.onResize(message.bytes);
  }
}
