import { criError } from "../../core/index.js";
import type { Decision, Decisions, EventRule, Hit, NamedRule } from "./decisions.js";
import { drawMs } from "./durations.js";
import type { ChaosRecord } from "./records.js";
import type { ChaosFault, RuleOf } from "./rules.js";
import type { Waits } from "./waits.js";

/** What a stream of messages needs for its faults. */
export interface StreamParts {
  readonly decisions: Decisions;
  readonly waits: Waits;
  readonly isPaused: () => boolean;
  /** Fires when the call ends. */
  readonly signal: AbortSignal;
  readonly cutConnection: () => void;
  readonly report: (hit: Hit, details: Partial<ChaosRecord>, message?: unknown) => void;
}

/** The messages of a stream, to which faults happen. */
export class FaultyStream {
  readonly #parts: StreamParts;
  readonly #call: number;
  readonly #cut: Hit<RuleOf<"cutStream">> | undefined;
  readonly #stall: Hit<RuleOf<"stallStream">> | undefined;
  readonly #events: readonly NamedRule<EventRule>[];
  #received = 0;
  /** The number of messages that the client received. */
  #delivered = 0;
  #hasStalled = false;

  constructor(parts: StreamParts, { call, fault, events }: Decision) {
    this.#parts = parts;
    this.#call = call;
    this.#cut = isOf("cutStream", fault) ? fault : undefined;
    this.#stall = isOf("stallStream", fault) ? fault : undefined;
    this.#events = events;
  }

  /** Passes on messages, and applies the faults. Once a fault has ended the stream, the source is left to its signal. */
  async *messages(source: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    const isHeldBack = this.#stall || this.#events.some(({ rule }) => rule.fault === "delayEvents");
    const iterator = (isHeldBack ? readAhead(source) : source)[Symbol.asyncIterator]();
    let cutTime = this.#cutTime();
    for (;;) {
      if (this.#isCutByCount()) return this.#endBy(this.#cut);
      await this.#stallHere();
      const next = iterator.next();
      let result = await (cutTime ? Promise.race([next, cutTime]) : next);
      if (result === "cut") return this.#endBy(this.#cut);
      if (result === "not cut") {
        cutTime = undefined;
        result = await next;
      }
      if (result.done) return;
      this.#received++;
      if (await this.#isDropped(result.value)) continue;
      yield result.value;
      this.#delivered++;
    }
  }

  /** Resolves when the time of a cut has come, or when the call has ended or the faults were paused before. */
  #cutTime(): Promise<"cut" | "not cut"> | undefined {
    const cut = this.#cut;
    if (cut?.rule.afterMs === undefined) return undefined;
    const { waits, signal, isPaused } = this.#parts;
    const ms = drawMs(cut.rule.afterMs, cut.draws);
    return waits.wait(ms, signal).then(
      () => (isPaused() ? "not cut" : "cut"),
      () => "not cut",
    );
  }

  #isCutByCount(): boolean {
    if (!this.#cut || this.#parts.isPaused()) return false;
    const { afterMs, afterMessages = afterMs === undefined ? 0 : Number.POSITIVE_INFINITY } = this.#cut.rule;
    return this.#delivered >= afterMessages;
  }

  /** Ends the stream as a rule says: returns, or throws. */
  #endBy(cut: Hit<RuleOf<"cutStream">> | undefined): void {
    if (!cut) return;
    const { how = "error", code = "unavailable", message = "a fault of the test" } = cut.rule;
    const position = { message: this.#received + 1 };
    if (how === "complete") {
      this.#parts.report(cut, position);
      return;
    }
    this.#parts.report(cut, { ...position, code: how === "error" ? code : "unavailable" });
    if (how === "error") throw criError("runtime_error", message, { code });
    this.#parts.cutConnection();
    throw criError("connection_lost", "connection lost: cut by the chaos proxy");
  }

  async #stallHere(): Promise<void> {
    if (!this.#stall || this.#hasStalled || this.#parts.isPaused()) return;
    const { afterMessages = 0, ms } = this.#stall.rule;
    if (this.#delivered < afterMessages) return;
    this.#hasStalled = true;
    const stallMs = ms === undefined ? undefined : drawMs(ms, this.#stall.draws);
    const duration = stallMs === undefined ? {} : { ms: Math.round(stallMs) };
    this.#parts.report(this.#stall, { message: this.#received + 1, ...duration });
    await this.#parts.waits.wait(stallMs, this.#parts.signal);
  }

  /** Applies the rules for events: delays a message, and reports whether it is dropped. */
  async #isDropped(message: unknown): Promise<boolean> {
    const { decisions, waits, signal, isPaused, report } = this.#parts;
    for (const named of this.#events) {
      if (isPaused()) return false;
      const hit = decisions.hitOfEvent(named, this.#call, this.#received);
      if (!hit) continue;
      if (isOf("dropEvents", hit)) {
        report(hit, { message: this.#received }, message);
        return true;
      }
      if (!isOf("delayEvents", hit)) continue;
      const ms = drawMs(hit.rule.ms, hit.draws);
      report(hit, { message: this.#received, ms: Math.round(ms) }, message);
      await waits.wait(ms, signal);
    }
    return false;
  }
}

function isOf<F extends ChaosFault>(fault: F, hit: Hit | undefined): hit is Hit<RuleOf<F>> {
  return hit?.rule.fault === fault;
}

/**
 * Reads a stream at once, and keeps what is not taken yet. A runtime whose stream of events is not read may block: containerd 2.1 does
 * not create containers then.
 */
function readAhead<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  const messages: T[] = [];
  const end: { isComplete: boolean; failure?: { readonly error: unknown } } = { isComplete: false };
  let wake = () => {};
  const read = async () => {
    try {
      for await (const message of source) {
        messages.push(message);
        wake();
      }
      end.isComplete = true;
    } catch (error) {
      end.failure = { error };
    }
    wake();
  };
  void read();
  return (async function* () {
    for (;;) {
      const message = messages.shift();
      if (message !== undefined) yield message;
      else if (end.isComplete) return;
      else if (end.failure) throw end.failure.error;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  })();
}
