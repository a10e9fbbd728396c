import type { Clock } from "../kubernetes/index.js";
import type { KubeletEvent, RecordEvent } from "./kubelet-event.js";

/** The number of events that are kept. */
const maxEvents = 500;

/** The recent events of a kubelet. */
export class EventLog {
  readonly #clock: Clock;
  readonly #onEvent: RecordEvent;
  readonly #recent: KubeletEvent[] = [];

  /** @param onEvent takes each event. It must not throw */
  constructor(clock: Clock, onEvent: RecordEvent) {
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  /** The last events, the oldest first. */
  get recent(): readonly KubeletEvent[] {
    return [...this.#recent];
  }

  readonly record = (event: Omit<KubeletEvent, "timeMs">): void => {
    const timed: KubeletEvent = { ...event, timeMs: this.#clock.now() };
    this.#recent.push(timed);
    if (this.#recent.length > maxEvents) this.#recent.shift();
    this.#onEvent(timed);
  };
}
