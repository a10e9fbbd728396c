import type { CriError } from "../../../core/index.js";
import {
  resetStatus,
  type SpdyConnection,
  type SpdyStream,
  type StreamEnd,
} from "../../../streaming/index.js";
import { clientGone } from "../../errors.js";
import type { StreamingHandlers } from "../handlers.js";
import type { SessionTimeouts } from "../options.js";
import { type ForwardPlan, isPort } from "../requests.js";
import type { ServedSession } from "../sessions.js";
import { SpdyClient, type Upgraded } from "../spdy.js";
import { ForwardSession } from "./connection.js";

/** The stream limit: two for each of 500 connections. */
const maxStreams = 1_000;

interface IncompletePair {
  readonly pair: StreamPair;
  readonly timer: NodeJS.Timeout;
}

/** A port-forward session over SPDY: any number of connections to any port. The plan's ports are ignored, as runtimes do. */
export class SpdyForwardSession implements ServedSession {
  readonly #plan: ForwardPlan;
  readonly #handlers: StreamingHandlers;
  readonly #timeouts: SessionTimeouts;
  readonly #client: SpdyClient;
  /** Pairs whose second stream is missing. */
  readonly #incomplete = new Map<string, IncompletePair>();
  readonly #running = new Set<StreamPair>();
  #isDraining = false;

  constructor(
    upgraded: Upgraded,
    plan: ForwardPlan,
    handlers: StreamingHandlers,
    timeouts: SessionTimeouts,
    onEnd: () => void,
  ) {
    this.#plan = plan;
    this.#handlers = handlers;
    this.#timeouts = timeouts;
    this.#client = new SpdyClient(upgraded, timeouts.idleTimeoutMs, maxStreams, {
      onStream: (stream) => this.#accept(stream),
      onGoaway: () => {
        this.#isDraining = true;
        this.#finishIfDone();
      },
      onGone: (reason) => {
        for (const { pair, timer } of this.#incomplete.values()) {
          clearTimeout(timer);
          pair.abort(reason);
        }
        for (const pair of this.#running) pair.abort(reason);
        onEnd();
      },
    });
  }

  abort(reason: CriError): void {
    this.#client.destroy(reason);
  }

  #accept(stream: SpdyStream): void {
    const { streamtype, requestid, port: portText = "" } = stream.headers;
    const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
    if ((streamtype !== "error" && streamtype !== "data") || !isPort(port)) {
      stream.reset(resetStatus.cancel);
      return;
    }
    const key = requestid === undefined ? keyByStreamId(streamtype, stream.id) : `request ${requestid}`;
    const existing = this.#incomplete.get(key);
    if (!existing && this.#incomplete.size >= maxIncomplete) {
      stream.reset(resetStatus.refusedStream);
      return;
    }
    const { pair, timer } = existing ?? this.#expect(key);
    if (!pair.accept(streamtype, stream)) {
      stream.reset(resetStatus.protocolError);
      return;
    }
    if (!pair.complete) return;
    clearTimeout(timer);
    // From here on the client may reuse the request id.
    this.#incomplete.delete(key);
    void this.#run(pair, port);
  }

  #expect(key: string): IncompletePair {
    const { streamTimeoutMs } = this.#timeouts;
    const pair = new StreamPair(this.#client.connection, () => this.#client.touch());
    const timer = setTimeout(() => {
      this.#incomplete.delete(key);
      pair.expire(streamTimeoutMs);
    }, streamTimeoutMs);
    const incomplete = { pair, timer };
    this.#incomplete.set(key, incomplete);
    return incomplete;
  }

  async #run(pair: StreamPair, port: number): Promise<void> {
    this.#running.add(pair);
    await pair.run(this.#handlers, this.#plan.podSandboxId, port);
    this.#running.delete(pair);
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    if (this.#isDraining && this.#running.size === 0) this.#client.finish();
  }
}

/** The limit of connections whose second stream is missing; it usually follows the first at once. */
const maxIncomplete = 500;

/** Clients without request ids open the error stream first and the data stream right after it. */
function keyByStreamId(role: PairRole, streamId: number): string {
  return `stream ${role === "error" ? streamId : streamId - 2}`;
}

/** The role of a stream of a forwarded connection. */
type PairRole = "error" | "data";

/** The time that a client may take to end its direction after the handler has finished, in milliseconds. */
const lingerMs = 10_000;

/** The two streams of a forwarded connection over SPDY, which open in any order. */
class StreamPair {
  readonly #connection: SpdyConnection;
  readonly #touch: () => void;
  readonly #session: ForwardSession;
  readonly #streams = new Map<PairRole, SpdyStream>();
  #done = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: SpdyConnection, touch: () => void) {
    this.#connection = connection;
    this.#touch = touch;
    this.#session = new ForwardSession({
      write: (chunks, done) => this.#write(chunks, done),
      end: () => this.#streams.get("data")?.end(),
      resume: () => this.#streams.get("data")?.resume(),
      reset: () => this.#streams.get("data")?.reset(resetStatus.cancel),
    });
  }

  /** Whether both streams are open. */
  get complete(): boolean {
    return this.#streams.size === 2;
  }

  /** Accepts one of the two streams; returns false if it was open already. */
  accept(role: PairRole, stream: SpdyStream): boolean {
    if (this.#streams.has(role)) return false;
    this.#streams.set(role, stream);
    stream.reply();
    // Data that arrives before the other stream opens must not be lost.
    const { connection } = this.#session;
    stream.setSink({
      onData: (chunk) => role === "error" || connection.receive(chunk),
      onEnd: (end) => this.#ended(role, end),
    });
    return true;
  }

  /** Runs the handler on a complete pair; resolves when its end was sent. */
  async run(handlers: StreamingHandlers, podSandboxId: string, port: number): Promise<void> {
    const failure = await this.#session.run(handlers, podSandboxId, port);
    this.#done = true;
    this.#connection.batch(() => {
      if (failure !== undefined) this.#streams.get("error")?.write(Buffer.from(failure), () => undefined);
      this.#streams.get("data")?.end();
      this.#streams.get("error")?.end();
    });
    // A reset directly after the end could overtake it in the client.
    if (this.#open) this.#timer = setTimeout(() => this.#reset(), lingerMs).unref();
  }

  /** Ends a pair whose second stream did not open in time. */
  expire(streamTimeoutMs: number): void {
    const error = this.#streams.get("error");
    if (error) {
      error.write(
        Buffer.from(`the data stream was not opened within ${streamTimeoutMs} ms`),
        () => undefined,
      );
      error.end();
    }
    this.#streams.get("data")?.reset(resetStatus.cancel);
    this.abort(clientGone());
  }

  /** Ends the connection because the client disconnected or reset it. */
  abort(reason: CriError): void {
    clearTimeout(this.#timer);
    this.#session.abort(reason);
  }

  get #open(): boolean {
    return [...this.#streams.values()].some((stream) => !stream.closed);
  }

  #write(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const stream = this.#streams.get("data");
    this.#touch();
    if (stream) stream.writeAll(chunks, done);
    else done();
  }

  #ended(role: PairRole, end: StreamEnd): void {
    if (role === "data") {
      // The end of the whole connection is reported by abort(), with its reason.
      const { connection } = this.#session;
      if (end === "fin") connection.receiveEnd();
      else if (end === "reset" && !connection.destroyed) this.#session.abort(clientGone());
    }
    if (this.#done && !this.#open) clearTimeout(this.#timer);
  }

  #reset(): void {
    for (const stream of this.#streams.values()) stream.reset(resetStatus.cancel);
  }
}
