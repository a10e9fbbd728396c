import type { CriError } from "../../../core/index.js";
import {
  type Channel,
  commandChannels,
  type SpdyStream,
  type StreamingProtocol,
} from "../../../streaming/index.js";
import { clientDetached, clientGone } from "../../errors.js";
import type { SessionTimeouts } from "../options.js";
import type { CommandPlan } from "../requests.js";
import { SpdyClient, type Upgraded } from "../spdy.js";
import type { CommandListener, CommandWire, OutputName } from "./wire.js";

/** The stream limit of a connection; a command needs five. */
const maxStreams = 32;

/** A command's channels as streams of one SPDY connection. */
export class SpdyCommandWire implements CommandWire {
  readonly jsonStatus: boolean;
  readonly #client: SpdyClient;
  /** The channels that the client has not opened yet. */
  readonly #missing: Set<Channel>;
  readonly #channels = new Map<Channel, SpdyStream>();
  readonly #extra: SpdyStream[] = [];
  readonly #timer: NodeJS.Timeout;
  #listener: CommandListener | undefined;

  constructor(upgraded: Upgraded, plan: CommandPlan, protocol: StreamingProtocol, timeouts: SessionTimeouts) {
    this.jsonStatus = protocol.jsonStatus;
    this.#missing = new Set(
      commandChannels(plan).filter((channel) => channel !== "resize" || protocol.resize),
    );
    this.#client = new SpdyClient(upgraded, timeouts.idleTimeoutMs, maxStreams, {
      onStream: (stream) => this.#accept(stream),
      onGoaway: () => this.destroy(clientDetached()),
      onGone: (reason) => {
        clearTimeout(this.#timer);
        this.#listener?.onGone(reason);
      },
    });
    this.#timer = setTimeout(
      () => this.#client.closeGracefully(this.#timeoutError(timeouts)),
      timeouts.streamTimeoutMs,
    );
  }

  listen(listener: CommandListener): void {
    this.#listener = listener;
  }

  write(output: OutputName, chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const stream = this.#channels.get(output);
    this.#client.touch();
    if (stream) stream.writeAll(chunks, done);
    else done();
  }

  resumeInput(): void {
    this.#channels.get("stdin")?.resume();
  }

  finish(status: Buffer): void {
    const { connection } = this.#client;
    connection.batch(() => {
      if (status.byteLength > 0) this.#channels.get("error")?.write(status, () => undefined);
      for (const stream of [...this.#channels.values(), ...this.#extra]) stream.end();
      this.#client.finish();
    });
  }

  destroy(reason: CriError): void {
    this.#client.destroy(reason);
  }

  #accept(stream: SpdyStream): void {
    const channel = stream.headers.streamtype as Channel | undefined;
    stream.reply();
    if (channel === undefined || !this.#missing.delete(channel)) {
      // What was not asked for is accepted and left alone, as runtimes do; its end comes with that of the session.
      this.#extra.push(stream);
      return;
    }
    this.#channels.set(channel, stream);
    const listener = this.#listener;
    if (channel === "stdin")
      stream.setSink({
        onData: (chunk) => listener?.onInput(chunk) ?? true,
        onEnd: () => listener?.onInputEnd(),
      });
    if (channel === "resize")
      stream.setSink({
        onData: (chunk) => {
          listener?.onResize(chunk);
          return true;
        },
        onEnd: () => undefined,
      });
    if (this.#missing.size > 0) return;
    clearTimeout(this.#timer);
    listener?.onStart();
  }

  #timeoutError({ streamTimeoutMs }: SessionTimeouts): CriError {
    const missing = [...this.#missing].join(", ");
    return clientGone(new Error(`the client did not open ${missing} within ${streamTimeoutMs} ms`));
  }
}
