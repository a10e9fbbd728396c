import { checkArgument, isRecord, type OptionCheck, OptionTable, option } from "../../core/index.js";
import type { Clock, ObjectEvent } from "../../kubernetes/index.js";
import type { KubeletEvent } from "../kubelet-event.js";
import { EventAggregator } from "./aggregator.js";
import { objectKey } from "./event-keys.js";
import { ObjectEvents } from "./object-events.js";
import { RecentMap } from "./recent-map.js";
import { SpamFilter } from "./spam-filter.js";

/** Options of an {@link EventCorrelator}. */
export interface EventCorrelatorOptions {
  /** Its `now()` is the time of combined events and of limits. */
  readonly clock: Pick<Clock, "now">;
  /** The name of the node: `source.host` of the events. */
  readonly host: string;
  /**
   * `source.component` of the events.
   * @default "kubelet"
   */
  readonly component?: string | undefined;
}

const optionsTable = new OptionTable<EventCorrelatorOptions>({
  clock: option.required((clock: Pick<Clock, "now">) =>
    typeof clock?.now === "function" ? undefined : "must be a clock, with the function now",
  ),
  host: option.required(option.nonEmptyString),
  component: option.nonEmptyString,
});

const eventCheck: OptionCheck<KubeletEvent> = (value: unknown) =>
  isRecord(value) && isRecord(value.object) && Number.isFinite(value.timeMs)
    ? undefined
    : "must be an event of a kubelet, with `object` and `timeMs`";

/** What changes of an Event when it occurs again. */
export type EventPatch = Required<Pick<ObjectEvent<Date>, "count" | "lastTimestamp" | "message">>;

/**
 * What to do about an event: create an Event, patch the one of this namespace and name (a merge patch), or nothing. `event` of a patch is
 * the whole Event: create it where the API server does not know it any more, since Events expire.
 */
export type CorrelatedEvent =
  | { readonly action: "create"; readonly event: ObjectEvent<Date> }
  | { readonly action: "patch"; readonly event: ObjectEvent<Date>; readonly patch: EventPatch }
  | { readonly action: "drop" };

interface Observation {
  readonly count: number;
  readonly firstTimestamp: Date | undefined;
  readonly metadata: ObjectEvent["metadata"];
}

const maxObservations = 4096;

/**
 * Decides what is written of the events of a kubelet, as client-go does for it: an event that occurs again is counted, similar ones are
 * combined from the tenth on, and each object may have 25 events at once and one more each 5 min. Does no I/O.
 */
export class EventCorrelator {
  readonly #clock: Pick<Clock, "now">;
  readonly #events: ObjectEvents;
  readonly #aggregator: EventAggregator;
  readonly #observations = new RecentMap<Observation>(maxObservations);
  readonly #spamFilter = new SpamFilter();

  /** @throws CriError `invalid_option` */
  constructor(options: EventCorrelatorOptions) {
    checkArgument("EventCorrelator", "options", options, option.nested(optionsTable));
    const { clock, host, component = "kubelet" } = options;
    this.#clock = clock;
    this.#events = new ObjectEvents({ component, host });
    this.#aggregator = new EventAggregator(this.#events);
  }

  /** Counts the event, and returns what to write. Throws `invalid_option` for anything but an event. */
  correlate(occurred: KubeletEvent): CorrelatedEvent {
    checkArgument("EventCorrelator.correlate", "event", occurred, eventCheck);
    const nowMs = this.#clock.now();
    const { event, key } = this.#aggregator.aggregate(this.#events.create(occurred), nowMs);
    const before = this.#observations.get(key);
    const observed = before === undefined ? event : repeated(event, before);
    const { firstTimestamp, metadata, count = 1 } = observed;
    this.#observations.set(key, { count, firstTimestamp, metadata });
    // Dropped events are counted, too: the next one that is written has the right count.
    if (!this.#spamFilter.take(objectKey(event), nowMs)) return { action: "drop" };
    if (before === undefined) return { action: "create", event };
    const patch = {
      count,
      lastTimestamp: observed.lastTimestamp ?? new Date(nowMs),
      message: observed.message ?? "",
    };
    return { action: "patch", event: observed, patch };
  }
}

/** Returns the earlier Event with the time and the message of the new one. */
function repeated(event: ObjectEvent<Date>, before: Observation): ObjectEvent<Date> {
  const { count, firstTimestamp, metadata } = before;
  return {
    ...event,
    metadata,
    count: count + 1,
    ...(firstTimestamp === undefined ? {} : { firstTimestamp }),
  };
}
