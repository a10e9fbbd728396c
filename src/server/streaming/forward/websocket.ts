import type { WebSocket } from "ws";
import type { CriError } from "../../../core/index.js";
import type { ChannelMessage, ChannelProtocol } from "../../../streaming/index.js";
import type { StreamingHandlers } from "../handlers.js";
import type { SessionTimes } from "../options.js";
import type { ForwardPlan } from "../requests.js";
import type { ServedSession } from "../session.js";
import type { Upgraded } from "../spdy.js";
import { WebSocketClient } from "../websocket/client.js";
import { ForwardRun } from "./run.js";

/** A port-forward over WebSocket: one connection to each port of the plan. The port at place i has channels 2i and 2i+1. */
export class WebSocketForwardSession implements ServedSession {
  readonly #plan: ForwardPlan;
  readonly #handlers: StreamingHandlers;
  readonly #client: WebSocketClient;
  readonly #runs: readonly ForwardRun[];

  constructor(
    webSocket: WebSocket,
    upgraded: Upgraded,
    plan: ForwardPlan,
    protocol: ChannelProtocol,
    handlers: StreamingHandlers,
    times: SessionTimes,
    onOver: () => void,
  ) {
    this.#plan = plan;
    this.#handlers = handlers;
    this.#client = new WebSocketClient(webSocket, upgraded, protocol, times.idleTimeoutMs, {
      onMessage: (message) => this.#receive(message),
      onGone: (why) => {
        for (const run of this.#runs) run.lose(why);
        onOver();
      },
    });
    this.#runs = plan.ports.map((_, index) => this.#connection(2 * index));
    void this.#run();
  }

  abort(why: CriError): void {
    this.#client.destroy(why);
  }

  #connection(channel: number): ForwardRun {
    return new ForwardRun({
      write: (parts, done) => this.#client.write(channel, parts, done),
      // The protocol cannot say that one half, or one connection, is over.
      end: () => undefined,
      reset: () => undefined,
      resume: () => this.#client.resume(channel),
    });
  }

  #receive(message: ChannelMessage): void {
    const run = message.channel % 2 === 0 ? this.#runs[message.channel / 2] : undefined;
    if (!run || message.end) return;
    if (!run.connection.receive(message.bytes)) this.#client.pause(message.channel);
  }

  async #run(): Promise<void> {
    const { podSandboxId, ports } = this.#plan;
    await Promise.all(
      ports.map(async (port, index) => {
        const name = Buffer.alloc(2);
        name.writeUInt16LE(port);
        for (const channel of [2 * index, 2 * index + 1]) this.#client.send(channel, name);
        const failure = await this.#runs[index]?.run(this.#handlers, podSandboxId, port);
        if (failure !== undefined) this.#client.send(2 * index + 1, Buffer.from(failure));
      }),
    );
    this.#client.finish();
  }
}
