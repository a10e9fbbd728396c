import type { CriError } from "../../../core/index.js";
import { resetStatus, type SpdyStream } from "../../../streaming/index.js";
import type { StreamingHandlers } from "../handlers.js";
import type { SessionTimes } from "../options.js";
import { type ForwardPlan, isPort } from "../requests.js";
import type { ServedSession } from "../session.js";
import { SpdyClient, type Upgraded } from "../spdy.js";
import { ForwardPair, type PairRole } from "./pair.js";

/** Of 500 connections at a time. */
const maxStreams = 1_000;

interface Waiting {
  readonly pair: ForwardPair;
  readonly timer: NodeJS.Timeout;
}

/** A port-forward over SPDY: any number of connections to any port. The plan's ports are not looked at, as in runtimes. */
export class SpdyForwardSession implements ServedSession {
  readonly #plan: ForwardPlan;
  readonly #handlers: StreamingHandlers;
  readonly #times: SessionTimes;
  readonly #client: SpdyClient;
  /** Pairs of which one stream is there. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #running = new Set<ForwardPair>();
  #leaving = false;

  constructor(
    upgraded: Upgraded,
    plan: ForwardPlan,
    handlers: StreamingHandlers,
    times: SessionTimes,
    onOver: () => void,
  ) {
    this.#plan = plan;
    this.#handlers = handlers;
    this.#times = times;
    this.#client = new SpdyClient(upgraded, times.idleTimeoutMs, maxStreams, {
      onStream: (stream) => this.#accept(stream),
      onGoaway: () => {
        this.#leaving = true;
        this.#finishIfDone();
      },
      onGone: (why) => {
        for (const { pair, timer } of this.#waiting.values()) {
          clearTimeout(timer);
          pair.lose(why);
        }
        for (const pair of this.#running) pair.lose(why);
        onOver();
      },
    });
  }

  abort(why: CriError): void {
    this.#client.destroy(why);
  }

  #accept(stream: SpdyStream): void {
    const { streamtype, requestid, port: portText = "" } = stream.headers;
    const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
    if ((streamtype !== "error" && streamtype !== "data") || !isPort(port)) {
      stream.reset(resetStatus.cancel);
      return;
    }
    const key = requestid === undefined ? keyWithout(streamtype, stream.id) : `request ${requestid}`;
    const waiting = this.#waiting.get(key);
    if (!waiting && this.#waiting.size >= maxWaiting) {
      stream.reset(resetStatus.refusedStream);
      return;
    }
    const { pair, timer } = waiting ?? this.#expect(key);
    if (!pair.take(streamtype, stream)) {
      stream.reset(resetStatus.protocolError);
      return;
    }
    if (!pair.complete) return;
    clearTimeout(timer);
    // The id may be used again from here on.
    this.#waiting.delete(key);
    void this.#run(pair, port);
  }

  #expect(key: string): Waiting {
    const { streamTimeoutMs } = this.#times;
    const pair = new ForwardPair(this.#client.connection, () => this.#client.touch());
    const timer = setTimeout(() => {
      this.#waiting.delete(key);
      pair.expire(streamTimeoutMs);
    }, streamTimeoutMs);
    const waiting = { pair, timer };
    this.#waiting.set(key, waiting);
    return waiting;
  }

  async #run(pair: ForwardPair, port: number): Promise<void> {
    this.#running.add(pair);
    await pair.run(this.#handlers, this.#plan.podSandboxId, port);
    this.#running.delete(pair);
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    if (this.#leaving && this.#running.size === 0) this.#client.finish();
  }
}

/** How many connections may wait for their second stream, which comes right behind the first. */
const maxWaiting = 500;

/** Clients that send no request ids open the error stream first, and the data stream right after it. */
function keyWithout(role: PairRole, streamId: number): string {
  return `stream ${role === "error" ? streamId : streamId - 2}`;
}
