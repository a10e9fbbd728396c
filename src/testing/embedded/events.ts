import { create } from "@bufbuild/protobuf";
import {
  type ContainerEventResponse,
  ContainerEventResponseSchema,
  type ContainerEventType,
} from "../../../gen/runtime/v1/api_pb.js";
import type { Clock } from "./clock.js";
import type { Sandbox } from "./objects/sandbox.js";
import type { Profile } from "./profile.js";

/** How many events wait for a subscriber that does not read; then the newest are lost to it, as in containerd 1.7. */
const maxQueued = 1_000;

interface Subscriber {
  readonly queue: ContainerEventResponse[];
  wake(): void;
}

/** Tells every subscriber of every change of state, from the moment that it subscribed. */
export class Events {
  readonly #clock: Clock;
  readonly #to: Profile["events"];
  readonly #subscribers = new Set<Subscriber>();
  /** How many of the next events are lost on the way. */
  dropNext = 0;
  /** Set while the daemon is down: what happens then is told to nobody. */
  muted = false;

  constructor(clock: Clock, to: Profile["events"]) {
    this.#clock = clock;
    this.#to = to;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Tells of a change, with the statuses of the pod and of all its containers at this moment. */
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
    for (const { queue, wake } of this.#whom()) {
      if (queue.length < maxQueued) queue.push(event);
      wake();
    }
  }

  /** All, or, one after the other, the one whose turn it is. */
  #whom(): Iterable<Subscriber> {
    const [first] = this.#subscribers;
    if (this.#to === "to all" || !first) return this.#subscribers;
    this.#subscribers.delete(first);
    this.#subscribers.add(first);
    return [first];
  }

  /** The events from now on, until the signal fires. Nothing that happens after this call is missed. */
  subscribe(signal: AbortSignal): AsyncGenerator<ContainerEventResponse> {
    let wake: () => void = () => undefined;
    const subscriber: Subscriber = { queue: [], wake: () => wake() };
    const leave = () => {
      this.#subscribers.delete(subscriber);
      wake();
    };
    const subscribers = this.#subscribers;
    subscribers.add(subscriber);
    signal.addEventListener("abort", leave, { once: true });
    return (async function* () {
      try {
        while (!signal.aborted) {
          const event = subscriber.queue.shift();
          if (event) yield event;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        signal.removeEventListener("abort", leave);
        subscribers.delete(subscriber);
      }
    })();
  }
}
