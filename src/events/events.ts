import type { Lists, RuntimeClient } from "../clients/index.js";
import { cancelOnReturn, criError, isCriError, raceAbort, withDeadline } from "../core/index.js";
import { ChangeNotifier } from "./change-notifier.js";
import type { NodeEvent } from "./event-types.js";
import { EventFeed, toCriError } from "./feed.js";
import { NodeCache } from "./node-cache.js";
import { type NodeWaitOptions, type NodeWatch, nodeWaitTable } from "./node-watch.js";
import { type EventsOptions, type ResolvedEventsOptions, resolveEventsOptions } from "./options.js";
import { EventReader, type EventReadOptions, eventReadTable } from "./readers.js";
import { NodeTracker } from "./tracker.js";

/** A stream of events. Leaving the loop, or `await using`, ends it. */
export type EventStream = AsyncIterableIterator<NodeEvent> & AsyncDisposable;

/**
 * The events of a node. All readers share one subscription: it starts with the first reader, is renewed whenever it ends, and is
 * canceled after the last reader.
 */
export interface Events extends AsyncIterable<NodeEvent> {
  /**
   * Returns the events from the first `next()` on. They begin with `connected` and a `resync` with the current pods and containers. While
   * the runtime is unavailable there is a `disconnected` event, and the stream does not end: changes in the meantime follow the next
   * `connected`.
   *
   * Throws {@link CriError} `invalid_option`. The iteration rejects with `aborted_by_caller` or `deadline` when the signal fires, and
   * with `client_closed`.
   */
  read(options?: EventReadOptions): EventStream;

  /** Returns all events: {@link read} without options. */
  [Symbol.asyncIterator](): EventStream;
}

/** How long to wait for the cause of a deadline, in milliseconds: the user's own transport may ignore the deadline of the call. */
const causeTimeoutMs = 500;

/** What a {@link NodeObserver} needs of its connection. */
export interface NodeObserverParts {
  readonly runtime: RuntimeClient;
  readonly lists: Pick<Lists, "podSandboxes" | "containers">;
}

/** Observes the node of one connection: readers of events, watches and waits share one event stream and one tracker. */
export class NodeObserver implements Events {
  /** Notifies waits that a sandbox or container may have changed. */
  readonly changes: ChangeNotifier;
  readonly #runtime: RuntimeClient;
  readonly #lists: Pick<Lists, "podSandboxes" | "containers">;
  readonly #options: ResolvedEventsOptions;
  readonly #feed: EventFeed;
  #tracker: NodeTracker | undefined;

  /** Throws {@link CriError} `invalid_option`. */
  constructor({ runtime, lists }: NodeObserverParts, options?: EventsOptions | undefined) {
    this.#runtime = runtime;
    this.#lists = lists;
    this.#options = resolveEventsOptions(options);
    this.#feed = new EventFeed(runtime, this.#options.backoff);
    this.changes = new ChangeNotifier(this.#feed);
  }

  read(options: EventReadOptions = {}): EventStream {
    eventReadTable.check("events.read", options);
    return cancelOnReturn((signal) => this.#read(options, signal), options.signal);
  }

  [Symbol.asyncIterator](): EventStream {
    return this.read();
  }

  /** Opens a watch; see `cri.watchNode()`. */
  async watch(options: NodeWaitOptions = {}): Promise<NodeWatch> {
    nodeWaitTable.check("cri.watchNode", options);
    const watch = new NodeCache(this.#startTracker());
    try {
      await watch.ready(options);
      return watch;
    } catch (error) {
      await watch.close();
      throw await this.#withCause(error);
    }
  }

  /** Ends all streams, watches and waits with `client_closed`. */
  close(): void {
    this.#feed.close(criError("client_closed", "the client was closed"));
  }

  async *#read(options: EventReadOptions, signal: AbortSignal): AsyncGenerator<NodeEvent> {
    const tracker = this.#startTracker();
    const reader = new EventReader(tracker, options);
    for (const event of tracker.connection) reader.onConnection(event);
    tracker.add(reader);
    try {
      for (;;) yield await reader.next(signal);
    } finally {
      tracker.remove(reader);
    }
  }

  /**
   * Adds the error of the connection as the cause of a deadline that passed while the connection was being established. A call with a
   * tiny deadline rejects with that error.
   */
  async #withCause(error: unknown): Promise<unknown> {
    if (!isCriError(error) || error.reason !== "deadline" || error.cause !== undefined) return error;
    const call = this.#runtime.version({}, { timeoutMs: 1 }).then(() => undefined, toCriError);
    const cause = await withDeadline({ timeoutMs: causeTimeoutMs }, (signal) =>
      raceAbort(call, signal),
    ).catch(() => undefined);
    return cause && cause.reason !== "deadline" ? error.with({ cause }) : error;
  }

  /** Returns the running tracker, or a new one. */
  #startTracker(): NodeTracker {
    if (!this.#tracker || this.#tracker.ended)
      this.#tracker = new NodeTracker(this.#runtime, this.#lists, this.#feed, this.#options);
    return this.#tracker;
  }
}
