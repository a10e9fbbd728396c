import { type CriError, invalidOption, stoppedError } from "../core/index.js";
import { type Change, eventsOf } from "./changes.js";
import type {
  ConnectedEvent,
  DisconnectedEvent,
  NodeEvent,
  OverflowEvent,
  ResyncEvent,
} from "./event-types.js";
import { type EventFilter, resolveFilter } from "./filter.js";
import type { Follower, ResyncDue } from "./follower.js";
import type { NodeObject } from "./objects.js";
import { Reached } from "./reached.js";
import type { NodeTracker } from "./tracker.js";
import { WakeUp } from "./wake-up.js";

/** How events are read. */
export interface EventReadOptions extends EventFilter {
  /** Ends the iteration: it rejects with `aborted_by_caller`, or `deadline` for `AbortSignal.timeout()`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How many events wait for a reader that is busy. When there are more, all of them are given up for one `overflow` and
   * one `resync`. The runtime is never kept waiting.
   * @default 1_000
   */
  readonly queueLimit?: number | undefined;
}

/** The events for one reader: a queue with a limit. */
export class EventReader implements Follower {
  readonly #tracker: NodeTracker;
  readonly #matches: (object: NodeObject) => boolean;
  readonly #limit: number;
  readonly #reached = new Reached();
  #queue: NodeEvent[] = [];
  #lost = 0;
  #connection: ConnectedEvent | DisconnectedEvent | undefined;
  #end: CriError | undefined;
  readonly #news = new WakeUp();

  /** Throws {@link CriError} `invalid_option`. */
  static check({ queueLimit = 1_000, ...filter }: EventReadOptions): void {
    if (!(Number.isInteger(queueLimit) && queueLimit >= 1))
      throw invalidOption("queueLimit", queueLimit, "must be 1 or more");
    resolveFilter(filter);
  }

  constructor(tracker: NodeTracker, { queueLimit = 1_000, ...filter }: EventReadOptions) {
    this.#tracker = tracker;
    this.#matches = resolveFilter(filter);
    this.#limit = queueLimit;
  }

  onChange(change: Change): void {
    const object = change.after ?? change.before;
    if (!object || !this.#matches(object)) return;
    for (const event of eventsOf(change, this.#reached.before(change))) this.#push(event);
  }

  onConnection(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | ResyncDue): void {
    if (event.type === "connected" || event.type === "disconnected") this.#connection = event;
    this.#push(event.type === "resync" ? this.#resync(event.reason) : event);
  }

  onEnd(error: CriError): void {
    this.#end = error;
    this.#news.ring();
  }

  /** The next event. Rejects when the signal fires, and with `client_closed`. One at a time. */
  async next(signal: AbortSignal): Promise<NodeEvent> {
    for (;;) {
      if (signal.aborted) throw stoppedError(signal);
      const event = this.#take();
      if (event) return event;
      if (this.#end) throw this.#end;
      await this.#news.wait(signal);
    }
  }

  #push(event: NodeEvent): void {
    if (this.#lost > 0) this.#lost++;
    else if (this.#queue.length < this.#limit) this.#queue.push(event);
    else {
      this.#lost = this.#queue.length + 1;
      this.#queue = [];
    }
    this.#news.ring();
  }

  #take(): NodeEvent | undefined {
    const lost = this.#lost;
    if (lost === 0) return this.#queue.shift();
    this.#lost = 0;
    this.#reached.clear();
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
