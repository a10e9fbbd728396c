import { create } from "@bufbuild/protobuf";
import {
  type ContainerEventResponse,
  ContainerEventResponseSchema,
  type ContainerEventType,
} from "../../../gen/runtime/v1/api_pb.js";
import { ChangeSignal, onAbort } from "../../core/index.js";
import type { Clock } from "./clock.js";
import type { Sandbox } from "./objects.js";
import type { Profile } from "./profile.js";

/** The limit of a subscriber's queue. Further events are dropped for that subscriber, as in containerd 1.7. */
const maxQueued = 1_000;

interface Subscriber {
  readonly queue: ContainerEventResponse[];
  readonly changed: ChangeSignal;
}

/** CRI's container events. A subscriber receives the events that are published after it subscribed. */
export class Events {
  readonly #clock: Clock;
  readonly #delivery: Profile["eventDelivery"];
  readonly #subscribers = new Set<Subscriber>();
  /** How many of the next events are dropped, for a fault. */
  dropNext = 0;
  /** Whether all events are dropped, because the daemon is down. */
  muted = false;

  constructor(clock: Clock, delivery: Profile["eventDelivery"]) {
    this.#clock = clock;
    this.#delivery = delivery;
  }

  /** Publishes a change of a sandbox or container, with the current statuses of the pod and all its containers. */
  publish(type: ContainerEventType, id: string, sandbox: Sandbox): void {
    if (this.muted) return;
    if (this.dropNext > 0) {
      this.dropNext--;
      return;
    }
    if (this.#subscribers.size === 0) return;
    const event = create(ContainerEventResponseSchema, {
      containerId: id,
      containerEventType: type,
      createdAt: this.#clock.now(),
      podSandboxStatus: sandbox.status(),
      containersStatuses: [...sandbox.containers].map((container) => container.status()),
    });
    for (const { queue, changed } of this.#receivers()) {
      if (queue.length < maxQueued) queue.push(event);
      changed.notify();
    }
  }

  #receivers(): Iterable<Subscriber> {
    const [first] = this.#subscribers;
    if (this.#delivery === "to all" || !first) return this.#subscribers;
    // Round robin: the receiver moves to the end.
    this.#subscribers.delete(first);
    this.#subscribers.add(first);
    return [first];
  }

  /** Subscribes at once. The generator yields all events from now on, and ends when the signal fires. */
  subscribe(signal: AbortSignal): AsyncGenerator<ContainerEventResponse> {
    const subscriber: Subscriber = { queue: [], changed: new ChangeSignal() };
    const subscribers = this.#subscribers;
    subscribers.add(subscriber);
    const removeCallback = onAbort(signal, () => subscribers.delete(subscriber));
    return (async function* () {
      const { queue, changed } = subscriber;
      try {
        while (!signal.aborted) {
          const event = queue.shift();
          if (event) yield event;
          // Rejects when the signal fires, which ends the loop.
          else await changed.wait({ signal }).catch(() => undefined);
        }
      } finally {
        removeCallback();
        subscribers.delete(subscriber);
      }
    })();
  }
}
