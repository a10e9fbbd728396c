import type { CriError } from "../../core/index.js";
import { type Channel, findProtocol, type InputChannel, type OutputChannel } from "../protocols.js";
import type { Wire, WireListener } from "../wire.js";
import { SpdyConnection } from "./connection.js";
import type { SpdyStream } from "./stream.js";
import type { Upgraded } from "./upgrade.js";

/** The channels of a remote command as the streams of one SPDY connection. */
export class SpdyWire implements Wire {
  readonly transport = "spdy";
  readonly protocol: string;
  readonly jsonStatus: boolean;
  readonly canEndInput: boolean;
  readonly canResize: boolean;
  readonly #connection: SpdyConnection;
  readonly #streams = new Map<Channel, SpdyStream>();
  #listener: WireListener | undefined;

  constructor({ socket, head, protocol: name }: Upgraded) {
    const protocol = findProtocol("spdy", "command", name);
    if (!protocol) throw new TypeError(`unknown SPDY protocol ${name}`);
    this.protocol = name;
    this.jsonStatus = protocol.jsonStatus;
    this.canEndInput = protocol.halfClose;
    this.canResize = protocol.resize;
    this.#connection = new SpdyConnection(socket, {
      role: "client",
      head,
      onEnd: (error) => this.#onEnd(error),
    });
  }

  start(channels: readonly Channel[], listener: WireListener): void {
    this.#listener = listener;
    if (this.#connection.ended) {
      listener.onClosed(this.#connection.failure);
      return;
    }
    let pendingReplies = channels.length;
    const onReply = () => {
      if (--pendingReplies === 0) listener.onStarted();
    };
    // In one write: a runtime processes data of a stream only after it has processed the stream's opening.
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

  write(channel: InputChannel, chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    this.#streams.get(channel)?.writeAll(chunks, done);
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

  #onEnd(error: CriError | undefined): void {
    this.#listener?.onClosed(error);
  }
}

function isInput(channel: Channel): channel is InputChannel {
  return channel === "stdin" || channel === "resize";
}
