import type { CriError } from "../../core/index.js";
import type { Upgraded } from "../upgrade.js";
import type { Channel, InputChannel, OutputChannel, Wire, WireListener } from "../wire.js";
import { SpdyConnection } from "./connection.js";
import type { SpdyStream } from "./stream.js";

/** The stream protocols of remote commands over SPDY, the best first. v5 is the same as v4 here. */
export const commandProtocols = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io"] as const;

/** A remote command's channels as the streams of one SPDY connection. */
export class SpdyWire implements Wire {
  readonly transport = "spdy";
  readonly protocol: string;
  readonly jsonStatus: boolean;
  readonly canEndInput = true;
  readonly canResize: boolean;
  readonly #connection: SpdyConnection;
  readonly #streams = new Map<Channel, SpdyStream>();
  #listener: WireListener | undefined;

  constructor({ socket, head, protocol }: Upgraded) {
    this.protocol = protocol;
    this.jsonStatus = protocol === "v4.channel.k8s.io";
    this.canResize = protocol !== "v2.channel.k8s.io";
    this.#connection = new SpdyConnection(socket, {
      role: "client",
      head,
      onEnd: (error) => this.#closed(error),
    });
  }

  start(channels: readonly Channel[], listener: WireListener): void {
    this.#listener = listener;
    if (this.#connection.ended) {
      listener.onClosed(this.#connection.failure);
      return;
    }
    let unanswered = channels.length;
    const onReply = () => {
      if (--unanswered === 0) listener.onStarted();
    };
    // All in one burst: a runtime handles what is sent on a stream after it has opened it.
    this.#connection.batch(() => {
      for (const channel of channels) {
        const stream = this.#connection.open({ streamtype: channel });
        this.#streams.set(channel, stream);
        stream.setSink(
          isInput(channel)
            ? { onReply, onData: () => true, onEnd: () => channel === "stdin" && listener.onInputOver() }
            : {
                onReply,
                onData: (part) => listener.onData(channel, part),
                onEnd: (end) => listener.onEnd(channel, end === "connection"),
              },
        );
      }
    });
  }

  write(channel: InputChannel, bytes: Uint8Array, done: (error?: Error | null) => void): void {
    this.#streams.get(channel)?.write(bytes, done);
  }

  endInput(): void {
    this.#streams.get("stdin")?.end();
  }

  resume(channel: OutputChannel): void {
    this.#streams.get(channel)?.resume();
  }

  keepAlive(): void {
    this.#connection.ping();
  }

  leave(): void {
    this.#connection.goaway();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #closed(error: CriError | undefined): void {
    this.#listener?.onClosed(error);
  }
}

function isInput(channel: Channel): channel is InputChannel {
  return channel === "stdin" || channel === "resize";
}
