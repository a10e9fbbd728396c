import type { CriError } from "../../../core/index.js";
import type { SpdyStream } from "../../../streaming/index.js";
import { clientGone } from "../errors.js";
import type { SessionTimes } from "../options.js";
import type { SpdyCommandProtocol } from "../protocols.js";
import type { CommandPlan } from "../requests.js";
import { SpdyClient, type Upgraded } from "../spdy.js";
import type { CommandListener, CommandWire, OutputName } from "./wire.js";

type Channel = "error" | "stdin" | "stdout" | "stderr" | "resize";

/** More streams than any command has. */
const maxStreams = 32;

/** A command's channels as the streams of one SPDY connection. */
export class SpdyCommandWire implements CommandWire {
  readonly jsonStatus: boolean;
  readonly #client: SpdyClient;
  /** The channels that the client has yet to open. */
  readonly #missing: Set<Channel>;
  readonly #channels = new Map<Channel, SpdyStream>();
  readonly #extra: SpdyStream[] = [];
  readonly #timer: NodeJS.Timeout;
  #listener: CommandListener | undefined;

  constructor(upgraded: Upgraded, plan: CommandPlan, protocol: SpdyCommandProtocol, times: SessionTimes) {
    this.jsonStatus = protocol.jsonStatus;
    this.#missing = new Set(channelsOf(plan, protocol));
    this.#client = new SpdyClient(upgraded, times.idleTimeoutMs, maxStreams, {
      onStream: (stream) => this.#accept(stream),
      onGoaway: () => this.destroy(clientGone()),
      onGone: (why) => {
        clearTimeout(this.#timer);
        this.#listener?.onGone(why);
      },
    });
    this.#timer = setTimeout(() => this.#client.leave(this.#tooLate(times)), times.streamTimeoutMs);
  }

  listen(listener: CommandListener): void {
    this.#listener = listener;
  }

  write(output: OutputName, parts: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const stream = this.#channels.get(output);
    const [first] = parts;
    this.#client.touch();
    if (!stream || !first) done();
    else if (parts.length === 1) stream.write(first, done);
    else
      this.#client.connection.batch(() => {
        for (const [index, part] of parts.entries())
          stream.write(part, index === parts.length - 1 ? done : () => undefined);
      });
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

  destroy(why: CriError): void {
    this.#client.destroy(why);
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
        onData: (part) => listener?.onInput(part) ?? true,
        onEnd: () => listener?.onInputEnd(),
      });
    if (channel === "resize")
      stream.setSink({
        onData: (part) => {
          listener?.onResize(part);
          return true;
        },
        onEnd: () => undefined,
      });
    if (this.#missing.size > 0) return;
    clearTimeout(this.#timer);
    listener?.onStart();
  }

  #tooLate({ streamTimeoutMs }: SessionTimes): CriError {
    const missing = [...this.#missing].join(", ");
    return clientGone(new Error(`the client did not open ${missing} within ${streamTimeoutMs} ms`));
  }
}

function channelsOf(plan: CommandPlan, protocol: SpdyCommandProtocol): Channel[] {
  const wanted: readonly (readonly [Channel, boolean])[] = [
    ["error", true],
    ["stdin", plan.stdin],
    ["stdout", plan.stdout],
    ["stderr", plan.stderr],
    ["resize", plan.tty && protocol.resize],
  ];
  return wanted.filter(([, wants]) => wants).map(([channel]) => channel);
}
