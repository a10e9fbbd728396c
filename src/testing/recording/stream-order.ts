import type { Clock } from "../embedded/clock.js";
import { Milestones, outcomeLine } from "./milestones.js";
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
