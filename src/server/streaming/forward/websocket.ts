import type { WebSocket } from "ws";
import type { CriError } from "../../../core/index.js";
import type { ChannelMessage, StreamingProtocol } from "../../../streaming/index.js";
import type { StreamingHandlers } from "../handlers.js";
import type { SessionTimeouts } from "../options.js";
import type { ForwardPlan } from "../requests.js";
import type { ServedSession } from "../sessions.js";
import type { Upgraded } from "../spdy.js";
import { WebSocketClient } from "../websocket.js";
import { ForwardSession } from "./connection.js";

/** A port-forward session over WebSocket: one connection per port of the plan. Port number i uses channels 2i and 2i+1. */
export class WebSocketForwardSession implements ServedSession {
  readonly #plan: ForwardPlan;
  readonly #handlers: StreamingHandlers;
  readonly #client: WebSocketClient;
  readonly #sessions: readonly ForwardSession[];

  constructor(
    webSocket: WebSocket,
    upgraded: Upgraded,
    plan: ForwardPlan,
    protocol: StreamingProtocol,
    handlers: StreamingHandlers,
    timeouts: SessionTimeouts,
    onEnd: () => void,
  ) {
    this.#plan = plan;
    this.#handlers = handlers;
    this.#client = new WebSocketClient(webSocket, upgraded, protocol, timeouts.idleTimeoutMs, {
      onMessage: (message) => this.#receive(message),
      onGone: (reason) => {
        for (const session of this.#sessions) session.abort(reason);
        onEnd();
      },
    });
    this.#sessions = plan.ports.map((_, index) => this.#connection(2 * index));
    void this.#run();
  }

  abort(reason: CriError): void {
    this.#client.destroy(reason);
  }

  #connection(channel: number): ForwardSession {
    return new ForwardSession({
      write: (chunks, done) => this.#client.write(channel, chunks, done),
      // The protocol cannot end one direction or one connection.
      end: () => undefined,
      reset: () => undefined,
      resume: () => this.#client.resume(channel),
    });
  }

  #receive(message: ChannelMessage): void {
    const session = message.channel % 2 === 0 ? this.#sessions[message.channel / 2] : undefined;
    if (!session || message.end) return;
    if (!session.connection.receive(message.bytes)) this.#client.pause(message.channel);
  }

  async #run(): Promise<void> {
    const { podSandboxId, ports } = this.#plan;
    await Promise.all(
      ports.map(async (port, index) => {
        const name = Buffer.alloc(2);
        name.writeUInt16LE(port);
        for (const channel of [2 * index, 2 * index + 1]) this.#client.send(channel, name);
        const failure = await this.#sessions[index]?.run(this.#handlers, podSandboxId, port);
        if (failure !== undefined) this.#client.send(2 * index + 1, Buffer.from(failure));
      }),
    );
    this.#client.finish();
  }
}
