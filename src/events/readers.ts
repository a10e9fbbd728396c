import { abortError, ChangeSignal, type CriError, OptionTable, option } from "../core/index.js";
import { type Change, EventTranslator } from "./changes.js";
import type {
  ConnectedEvent,
  DisconnectedEvent,
  NodeEvent,
  OverflowEvent,
  ResyncEvent,
} from "./event-types.js";
import type { Follower, PendingResync } from "./followers.js";
import type { NodeChange } from "./node-watch.js";
import type { NodeObject } from "./objects.js";
import type { NodeTracker } from "./tracker.js";

/**
 * Selects pods and containers by all conditions that are set. Events of the connection always pass; the lists of a `resync` are
 * filtered, too.
 */
export interface EventFilter {
  /** Only this sandbox and its containers: the full sandbox id. @default all */
  readonly podId?: string | undefined;
  /** Only these kinds. @default both */
  readonly kinds?: readonly ("pod" | "container")[] | undefined;
  /** Only objects whose own labels include all of these; a container does not inherit its pod's labels. @default all */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Options of {@link Events.read}. */
export interface EventReadOptions extends EventFilter {
  /** Ends the iteration, which rejects with `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The maximum number of queued events for a reader that is busy. When the queue is full, all queued events are replaced by one
   * `overflow` and one `resync`. The runtime never has to wait.
   * @default 1_000
   */
  readonly queueLimit?: number | undefined;
}

/** The options of {@link EventReadOptions}. */
export const eventReadTable = new OptionTable<EventReadOptions>({
  podId: option.nonEmptyString,
  kinds: option.listOf(option.oneOf("pod", "container")),
  labels: option.recordOf(option.string),
  signal: option.signal,
  queueLimit: option.wholeNumber(1),
});

/** The event queue of one reader, with a limit. */
export class EventReader implements Follower {
  readonly #tracker: NodeTracker;
  readonly #matches: (object: NodeObject) => boolean;
  readonly #limit: number;
  readonly #translator = new EventTranslator();
  #queue: NodeEvent[] = [];
  #lost = 0;
  #connection: ConnectedEvent | DisconnectedEvent | undefined;
  #end: CriError | undefined;
  readonly #changed = new ChangeSignal();

  constructor(tracker: NodeTracker, { queueLimit = 1_000, ...filter }: EventReadOptions) {
    this.#tracker = tracker;
    this.#matches = resolveFilter(filter);
    this.#limit = queueLimit;
  }

  onChange(change: Change): void {
    const object = change.after ?? change.before;
    if (!object || !this.#matches(object)) return;
    for (const event of this.#translator.translate(change)) this.#push(event);
  }

  onConnection(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | PendingResync): void {
    if (event.type === "connected" || event.type === "disconnected") this.#connection = event;
    this.#push(event.type === "resync" ? this.#resync(event.reason) : event);
  }

  onEnd(error: CriError): void {
    this.#end = error;
    this.#changed.notify();
  }

  /** Returns the next event. Rejects when the signal fires, and with `client_closed`. One call at a time. */
  async next(signal: AbortSignal): Promise<NodeEvent> {
    for (;;) {
      if (signal.aborted) throw abortError(signal);
      const event = this.#take();
      if (event) return event;
      if (this.#end) throw this.#end;
      await this.#changed.wait({ signal }).catch(() => Promise.reject(abortError(signal)));
    }
  }

  #push(event: NodeEvent): void {
    if (this.#lost > 0) this.#lost++;
    else if (this.#queue.length < this.#limit) this.#queue.push(event);
    else {
      this.#lost = this.#queue.length + 1;
      this.#queue = [];
    }
    this.#changed.notify();
  }

  #take(): NodeEvent | undefined {
    const lost = this.#lost;
    if (lost === 0) return this.#queue.shift();
    this.#lost = 0;
    this.#translator.clear();
    if (this.#connection) this.#queue.push(this.#connection);
    this.#queue.push(this.#resync("overflow"));
    return { type: "overflow", lost };
  }

  #resync(reason: ResyncEvent["reason"]): ResyncEvent {
    const { pods, containers } = this.#tracker.state;
    return {
      type: "resync",
      reason,
      pods: [...pods.values()].filter(this.#matches),
      containers: [...containers.values()].filter(this.#matches),
    };
  }
}

/** Returns a predicate for the filter. */
function resolveFilter(filter: EventFilter): (object: NodeObject) => boolean {
  const { podId, kinds = ["pod", "container"], labels = {} } = filter;
  const required = Object.entries(labels);
  return (object) =>
    kinds.includes(object.kind) &&
    (podId === undefined || podId === (object.kind === "pod" ? object.id : object.podId)) &&
    required.every(([key, value]) => object.labels[key] === value);
}

/**
 * The changes for one reader. Successive unread changes of an object count as one, so the backlog is never larger than the number of
 * pods and containers.
 */
export class ChangeReader {
  /** The state of each changed object that the reader received last; undefined for an object that is new to it. */
  readonly #previous = new Map<string, NodeObject | undefined>();
  readonly #current: (id: string) => NodeObject | undefined;
  #end: Error | undefined;
  readonly #changed = new ChangeSignal();

  /** `current` returns the current state of an object. */
  constructor(current: (id: string) => NodeObject | undefined) {
    this.#current = current;
  }

  onChange(id: string, before: NodeObject | undefined): void {
    if (!this.#previous.has(id)) this.#previous.set(id, before);
    // Created and removed before it was read.
    if (!this.#previous.get(id) && !this.#current(id)) this.#previous.delete(id);
    this.#changed.notify();
  }

  end(error: Error): void {
    this.#end = error;
    this.#changed.notify();
  }

  /** Returns the next change. Rejects when the signal fires, and with the error of `end`. One call at a time. */
  async next(signal: AbortSignal): Promise<NodeChange> {
    for (;;) {
      if (signal.aborted) throw abortError(signal);
      for (const [id, previous] of this.#previous) {
        this.#previous.delete(id);
        const after = this.#current(id);
        const change = changeOf(previous, after);
        if (change) return change;
      }
      if (this.#end) throw this.#end;
      await this.#changed.wait({ signal }).catch(() => Promise.reject(abortError(signal)));
    }
  }
}

function changeOf(previous: NodeObject | undefined, after: NodeObject | undefined): NodeChange | undefined {
  const object = after ?? previous;
  if (!object || previous === after) return undefined;
  const type = !after ? "delete" : previous ? "update" : "add";
  const { id, kind } = object;
  // Both states have the same kind, since no id is reused.
  return Object.freeze({ type, kind, id, object, previous } as NodeChange);
}
