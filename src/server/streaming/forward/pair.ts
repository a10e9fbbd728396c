import type { CriError } from "../../../core/index.js";
import {
  resetStatus,
  type SpdyConnection,
  type SpdyStream,
  type StreamEnd,
} from "../../../streaming/index.js";
import { clientGone } from "../errors.js";
import type { StreamingHandlers } from "../handlers.js";
import { ForwardRun } from "./run.js";

/** What a stream of a forwarded connection is for. */
export type PairRole = "error" | "data";

/** How long a client may leave its half of a connection open once the handler is done, in milliseconds. */
const lastWordsMs = 10_000;

/** The two streams of a forwarded connection over SPDY, which come in any order. */
export class ForwardPair {
  readonly #connection: SpdyConnection;
  readonly #touch: () => void;
  readonly #run: ForwardRun;
  readonly #streams = new Map<PairRole, SpdyStream>();
  #done = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: SpdyConnection, touch: () => void) {
    this.#connection = connection;
    this.#touch = touch;
    this.#run = new ForwardRun({
      write: (parts, done) => this.#write(parts, done),
      end: () => this.#streams.get("data")?.end(),
      resume: () => this.#streams.get("data")?.resume(),
      reset: () => this.#streams.get("data")?.reset(resetStatus.cancel),
    });
  }

  /** Whether both streams are there. */
  get complete(): boolean {
    return this.#streams.size === 2;
  }

  /** Accepts one of the two streams; whether it was missing. */
  take(role: PairRole, stream: SpdyStream): boolean {
    if (this.#streams.has(role)) return false;
    this.#streams.set(role, stream);
    stream.reply();
    // What the client sends before the other stream is there must not be lost.
    const { connection } = this.#run;
    stream.setSink({
      onData: (part) => role === "error" || connection.receive(part),
      onEnd: (end) => this.#ended(role, end),
    });
    return true;
  }

  /** Runs the handler on a complete pair; resolves when the client was told the end. */
  async run(handlers: StreamingHandlers, podSandboxId: string, port: number): Promise<void> {
    const failure = await this.#run.run(handlers, podSandboxId, port);
    this.#done = true;
    this.#connection.batch(() => {
      if (failure !== undefined) this.#streams.get("error")?.write(Buffer.from(failure), () => undefined);
      this.#streams.get("data")?.end();
      this.#streams.get("error")?.end();
    });
    // A reset right behind the end could overtake it in the client.
    if (this.#open) this.#timer = setTimeout(() => this.#reset(), lastWordsMs).unref();
  }

  /** Gives up on a pair whose other stream did not come. */
  expire(streamTimeoutMs: number): void {
    const error = this.#streams.get("error");
    if (error) {
      error.write(Buffer.from(`the data stream did not come within ${streamTimeoutMs} ms`), () => undefined);
      error.end();
    }
    this.#streams.get("data")?.reset(resetStatus.cancel);
    this.lose(clientGone());
  }

  /** The client is gone, or gave this connection up. */
  lose(why: CriError): void {
    clearTimeout(this.#timer);
    this.#run.lose(why);
  }

  get #open(): boolean {
    return [...this.#streams.values()].some((stream) => !stream.closed);
  }

  #write(parts: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const stream = this.#streams.get("data");
    const [first] = parts;
    this.#touch();
    if (!stream || !first) done();
    else if (parts.length === 1) stream.write(first, done);
    else
      this.#connection.batch(() => {
        for (const [index, part] of parts.entries())
          stream.write(part, index === parts.length - 1 ? done : () => undefined);
      });
  }

  #ended(role: PairRole, end: StreamEnd): void {
    if (role === "data") {
      // The end of the whole connection is told with its reason.
      const { connection } = this.#run;
      if (end === "fin") connection.receiveEnd();
      else if (end === "reset" && !connection.destroyed) this.#run.lose(clientGone());
    }
    if (this.#done && !this.#open) clearTimeout(this.#timer);
  }

  #reset(): void {
    for (const stream of this.#streams.values()) stream.reset(resetStatus.cancel);
  }
}
