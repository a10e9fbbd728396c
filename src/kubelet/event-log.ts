import type { Clock } from "../kubernetes/index.js";
import { callSafely } from "./callbacks.js";
import type { KubeletEvent, RecordEvent } from "./kubelet-event.js";

/** The number of events that are kept. */
const maxEvents = 500;

/** The recent events of a kubelet, and who is notified of new ones. */
export class EventLog {
  readonly #clock: Clock;
  readonly #targets: readonly (readonly [name: string, target: RecordEvent])[];
  readonly #recent: KubeletEvent[] = [];

  /** @param targets callbacks with the names that warnings show when one of them throws */
  constructor(clock: Clock, targets: readonly (readonly [name: string, target: RecordEvent])[]) {
    this.#clock = clock;
    this.#targets = targets;
  }

  /** The last events, the oldest first. */
  get recent(): readonly KubeletEvent[] {
    return [...this.#recent];
  }

  readonly record = (event: Omit<KubeletEvent, "timeMs">): void => {
    const timed: KubeletEvent = { ...event, timeMs: this.#clock.now() };
    this.#recent.push(timed);
    if (this.#recent.length > maxEvents) this.#recent.shift();
    for (const [name, target] of this.#targets) callSafely(name, () => target(timed));
  };
}
