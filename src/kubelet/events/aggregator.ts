import type { ObjectEvent } from "../../kubernetes/index.js";
import { sameEventKey, similarEventKey } from "./event-keys.js";
import type { ObjectEvents } from "./object-events.js";
import { RecentMap } from "./recent-map.js";

/** The number of different messages from which on events are combined, and the pause after which counting begins anew. */
const maxSimilar = 10;
const maxPauseMs = 600_000;
const maxGroups = 4096;

interface Group {
  readonly messages: ReadonlySet<string>;
  readonly lastMs: number;
}

/** An event, and the key under which its repetitions are counted. */
export interface AggregatedEvent {
  readonly event: ObjectEvent<Date>;
  readonly key: string;
}

/**
 * Combines similar events: from the tenth message on, events of one object, type and reason become one event, which is counted, and whose
 * message is the last one. Ten minutes without such an event end this. Source: client-go, tools/record.
 */
export class EventAggregator {
  readonly #events: ObjectEvents;
  readonly #groups = new RecentMap<Group>(maxGroups);

  constructor(events: ObjectEvents) {
    this.#events = events;
  }

  /** Returns the event itself, or the combined one. */
  aggregate(event: ObjectEvent<Date>, nowMs: number): AggregatedEvent {
    const key = similarEventKey(event);
    const known = this.#groups.get(key);
    const isCurrent = known !== undefined && nowMs - known.lastMs <= maxPauseMs;
    const messages = new Set(isCurrent ? known.messages : []).add(event.message ?? "");
    const isCombined = messages.size >= maxSimilar;
    // The set never holds more than the limit: one fewer, and the next new message reaches it again.
    if (isCombined) messages.delete(first(messages));
    this.#groups.set(key, { messages, lastMs: nowMs });
    if (!isCombined) return { event, key: sameEventKey(event) };
    const now = new Date(nowMs);
    const name = this.#events.name(event.involvedObject.name ?? "", nowMs);
    const combined: ObjectEvent<Date> = {
      ...event,
      metadata: { ...event.metadata, name },
      message: `(combined from similar events): ${event.message ?? ""}`,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
    };
    return { event: combined, key };
  }
}

function first(texts: ReadonlySet<string>): string {
  for (const text of texts) return text;
  return "";
}
