import type { ObjectEvent } from "../../kubernetes/index.js";
import type { KubeletEvent } from "../kubelet-event.js";

/** What reports the events of a kubelet. */
export interface EventReporter {
  /** `source.component`. */
  readonly component: string;
  /** `source.host`: the name of the node. */
  readonly host: string;
}

const nanosPerMs = 1_000_000n;
/** An object's name has at most 253 characters, and the time of an event takes 16 of them after a period. */
const maxPrefixLength = 253 - 17;

/**
 * Turns events of a kubelet into core/v1 Events, with names as those of client-go: the object's name and the time of the event in
 * nanoseconds, as a hexadecimal number. Events of one millisecond differ in the nanoseconds.
 */
export class ObjectEvents {
  readonly #reporter: EventReporter;
  #lastNanos = 0n;

  constructor(reporter: EventReporter) {
    this.#reporter = reporter;
  }

  /** Returns the Event of something that has happened for the first time. Those of a node are in the namespace `default`. */
  create({ type, reason, message, object, timeMs }: KubeletEvent): ObjectEvent<Date> {
    const { component, host } = this.#reporter;
    const { kind, namespace, name, uid, fieldPath } = object;
    const time = new Date(timeMs);
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: this.name(name, timeMs), namespace: namespace || "default" },
      involvedObject: {
        apiVersion: "v1",
        kind,
        ...(namespace === "" ? {} : { namespace }),
        name,
        uid,
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
      source: { component, host },
      reportingComponent: component,
      reportingInstance: host,
    };
  }

  /** Returns a name that no event has had. */
  name(objectName: string, timeMs: number): string {
    const nanos = BigInt(Math.trunc(timeMs)) * nanosPerMs;
    this.#lastNanos = nanos > this.#lastNanos ? nanos : this.#lastNanos + 1n;
    const prefix = objectName.slice(0, maxPrefixLength).replace(/[-.]+$/, "");
    return `${prefix}.${this.#lastNanos.toString(16)}`;
  }
}
