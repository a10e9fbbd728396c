import { onAbort } from "../../core/index.js";
import type { Clock } from "../embedded/clock.js";
import { methodNamed } from "./methods.js";
import type { Exchange, RecordedStep, RecordingContent } from "./read-recording.js";

/** When the messages of streams are sent. */
export interface StreamOrder {
  /** Notes that a call has begun. */
  began(exchange: Exchange): void;
  /** Notes that a unary call has got its outcome. */
  ended(exchange: Exchange): void;
  /** Returns a function that waits for the time of a step of a stream that begins now. */
  stream(exchange: Exchange): (step: RecordedStep, signal: AbortSignal) => Promise<void>;
}

/** Sends messages when the calls before them in the recording have been made. */
export class RecordedOrder implements StreamOrder {
  readonly #milestones: Milestones;

  constructor({ exchanges }: RecordingContent) {
    this.#milestones = new Milestones(exchanges);
  }

  began({ line }: Exchange): void {
    this.#milestones.reach(line);
  }

  ended(exchange: Exchange): void {
    const line = outcomeLine(exchange);
    if (line !== undefined) this.#milestones.reach(line);
  }

  stream() {
    return ({ line }: RecordedStep, signal: AbortSignal) => this.#milestones.before(line, signal);
  }
}

/** Sends messages at their recorded times after the beginning of their call. */
export class RecordedTimes implements StreamOrder {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  began(): void {}

  ended(): void {}

  stream({ ms: recordedStart }: Exchange) {
    const start = this.#clock.now();
    return async ({ ms }: RecordedStep, signal: AbortSignal) => {
      const elapsedMs = Number(this.#clock.now() - start) / 1e6;
      await this.#clock.sleep(Math.max(0, ms - recordedStart - elapsedMs), signal);
    };
  }
}

/** The lines of a recording that a client causes: the beginnings of calls, and the ends of unary ones. */
class Milestones {
  readonly #lines: readonly number[];
  readonly #reached = new Set<number>();
  readonly #waiting = new Set<() => void>();
  /** The index of the first line that was not reached. */
  #first = 0;

  constructor(exchanges: readonly Exchange[]) {
    this.#lines = exchanges
      .flatMap((exchange) => [exchange.line, outcomeLine(exchange) ?? exchange.line])
      .sort((a, b) => a - b);
  }

  /** Notes that a call has begun, or has got its response. */
  reach(line: number): void {
    this.#reached.add(line);
    for (let next = this.#lines[this.#first]; next !== undefined && this.#reached.has(next); ) {
      this.#first++;
      next = this.#lines[this.#first];
    }
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves when every milestone before a line was reached. Rejects with the signal's reason. */
  before(line: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#waiting.delete(check);
        removeCallback();
      };
      const check = () => {
        const next = this.#lines[this.#first];
        if (next !== undefined && next < line) return;
        end();
        resolve();
      };
      this.#waiting.add(check);
      let removeCallback = () => {};
      removeCallback = onAbort(signal, () => {
        end();
        reject(signal.reason);
      });
      check();
    });
  }
}

/** Returns the line of the response or error of a unary call; undefined for a stream, and for a call without an outcome. */
function outcomeLine({ rpc, steps }: Exchange): number | undefined {
  if (methodNamed(rpc)?.methodKind !== "unary") return undefined;
  return steps.find((step) => "response" in step || "error" in step)?.line;
}
