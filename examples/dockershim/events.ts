// GetContainerEvents: one stream of the engine's events for all subscribers. A list is the truth and an event a hint: after each
// reconnect the feed compares a list with what it knows, and reports what has changed in between.
import { setTimeout as sleep } from "node:timers/promises";
import { dateToNanos } from "cri-sdk";
import { criError } from "cri-sdk/server";
import { type ContainerEventResponse, ContainerEventType } from "cri-sdk/v1";
import { type Phase, phaseOf } from "./engine/api.js";
import type { Engine } from "./engine/client.js";
import { containerEvents } from "./engine/events.js";
import { isUnreachable, messageOf } from "./errors.js";
import { type Labels, label } from "./labels.js";
import type { Objects } from "./objects.js";

const { CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } =
  ContainerEventType;

/** An object that exists, as the last event or list had it. */
interface Known {
  readonly sandboxId: string;
  readonly isSandbox: boolean;
  readonly labels: Labels;
  phase: Phase;
}

/** A change of an object of the engine. */
export interface Change {
  readonly id: string;
  readonly sandboxId: string;
  readonly isSandbox: boolean;
  readonly labels: Labels;
  readonly type: ContainerEventType;
  readonly time: bigint;
}

type CriEvent = Omit<
  ContainerEventResponse,
  "$typeName" | "$unknown" | "podSandboxStatus" | "containersStatuses"
>;

/** Subscribers that do not read for so many events are disconnected: their clients list, and subscribe again. */
const queueLimit = 10_000;

/** How long a report waits for an engine that does not answer, in milliseconds. */
const retryMs = 500;

export interface FeedParts<E extends CriEvent> {
  readonly engine: Engine;
  readonly objects: Objects;
  /** Called for each change before it is reported: brings everything else up to date. */
  readonly onChange: (change: Change) => Promise<void>;
  /** Returns the event for a change, with the statuses of the pod. */
  readonly describe: (change: Change) => Promise<E>;
  readonly onProblem: (text: string) => void;
}

export class EventFeed<E extends CriEvent> {
  readonly #parts: FeedParts<E>;
  readonly #known = new Map<string, Known>();
  readonly #subscribers = new Set<Subscriber<E>>();
  /** The last report of each pod: a pod's events are reported one after the other, and pods do not wait for each other. */
  readonly #reports = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: FeedParts<E>) {
    this.#parts = parts;
  }

  /** Learns what exists, and follows the engine. Resolves when it follows. */
  async start(): Promise<void> {
    for (const { id, known } of await this.#list()) this.#known.set(id, known);
    await new Promise<void>((resolve) => {
      this.#running = this.#follow(resolve, this.#closing.signal);
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await Promise.all(this.#reports.values());
  }

  async *subscribe(signal: AbortSignal): AsyncGenerator<E> {
    const subscriber = new Subscriber<E>();
    this.#subscribers.add(subscriber);
    const wake = () => subscriber.wake();
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        const event = subscriber.queue.shift();
        if (event) yield event;
        else if (subscriber.overflowed)
          throw criError("runtime_limit", `more than ${queueLimit} events were not read`);
        else await subscriber.changed();
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#subscribers.delete(subscriber);
    }
  }

  async #follow(onFirst: () => void, signal: AbortSignal): Promise<void> {
    for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(pauseMs * 2, 2_000)) {
      try {
        const onOpen = async () => {
          await this.#compare();
          pauseMs = 100;
          onFirst();
        };
        for await (const { event, time } of containerEvents(this.#parts.engine, label.kind, onOpen, signal)) {
          const { ID: id, Attributes: labels } = event.Actor;
          this.#note(id, labels, event.Action, time);
        }
      } catch (error) {
        if (!signal.aborted) this.#parts.onProblem(`events: ${messageOf(error)}`);
      }
      onFirst();
      this.#parts.engine.forgetVersion();
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Applies an event, unless a list was faster. */
  #note(id: string, labels: Labels, action: string, time: bigint): void {
    const known = this.#known.get(id) ?? (action === "create" ? knownOf(id, labels, "created") : undefined);
    if (!known) return;
    if (action === "create" && !this.#known.has(id)) this.#report(id, known, CONTAINER_CREATED_EVENT, time);
    if (action === "start" && known.phase !== "running")
      this.#report(id, known, CONTAINER_STARTED_EVENT, time);
    if (action === "die" && known.phase === "running") this.#report(id, known, CONTAINER_STOPPED_EVENT, time);
    if (action === "destroy") this.#report(id, known, CONTAINER_DELETED_EVENT, time);
  }

  /** Reports everything in which the engine's list differs from what is known. */
  async #compare(): Promise<void> {
    const now = dateToNanos(new Date());
    const listed = new Map((await this.#list()).map(({ id, known }) => [id, known]));
    for (const [id, known] of this.#known)
      if (!listed.has(id)) {
        if (known.phase === "running") this.#report(id, known, CONTAINER_STOPPED_EVENT, now);
        this.#report(id, known, CONTAINER_DELETED_EVENT, now);
      }
    for (const [id, { phase, ...rest }] of listed) {
      const isNew = !this.#known.has(id);
      const known = this.#known.get(id) ?? { ...rest, phase: "created" };
      if (isNew) this.#report(id, known, CONTAINER_CREATED_EVENT, now);
      if (known.phase === "created" && phase !== "created")
        this.#report(id, known, CONTAINER_STARTED_EVENT, now);
      if (known.phase === "running" && phase === "exited")
        this.#report(id, known, CONTAINER_STOPPED_EVENT, now);
    }
  }

  #report(id: string, known: Known, type: ContainerEventType, time: bigint): void {
    if (type === CONTAINER_DELETED_EVENT) this.#known.delete(id);
    else this.#known.set(id, known);
    if (type === CONTAINER_STARTED_EVENT) known.phase = "running";
    if (type === CONTAINER_STOPPED_EVENT) known.phase = "exited";
    const { sandboxId, isSandbox, labels } = known;
    const change = { id, sandboxId, isSandbox, labels, type, time };
    const earlier = this.#reports.get(sandboxId) ?? Promise.resolve();
    const report = earlier
      .then(() => this.#publish(change))
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return;
        this.#parts.onProblem(`the event of ${id}: ${messageOf(error)}`);
      })
      .finally(() => {
        if (this.#reports.get(sandboxId) === report) this.#reports.delete(sandboxId);
      });
    this.#reports.set(sandboxId, report);
  }

  /** Reports a change, as soon as the engine answers. */
  async #publish(change: Change): Promise<void> {
    try {
      await this.#parts.onChange(change);
      if (this.#subscribers.size === 0) return;
      const event = await this.#parts.describe(change);
      for (const subscriber of this.#subscribers) subscriber.add(event);
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      await sleep(retryMs, undefined, { signal: this.#closing.signal });
      await this.#publish(change);
    }
  }

  async #list(): Promise<{ id: string; known: Known }[]> {
    const { objects } = this.#parts;
    return [...(await objects.sandboxes()), ...(await objects.containers())].map(({ id, summary }) => ({
      id,
      known: knownOf(id, summary.Labels, phaseOf(summary.State)),
    }));
  }
}

/** The events that one client has not read. */
class Subscriber<E> {
  readonly queue: E[] = [];
  overflowed = false;
  #wake: () => void = () => undefined;

  add(event: E): void {
    if (this.queue.length >= queueLimit) this.overflowed = true;
    else this.queue.push(event);
    this.wake();
  }

  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake();
  }
}

function knownOf(id: string, labels: Labels, phase: Phase): Known {
  const isSandbox = labels[label.kind] === "sandbox";
  return { isSandbox, sandboxId: isSandbox ? id : (labels[label.sandbox] ?? ""), labels, phase };
}
