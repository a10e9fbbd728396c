import type { Lists, RuntimeClient } from "../clients/index.js";
import { checkTimeout, isCriError, sleep, untilBreak } from "../core/index.js";
import { EventReader, type EventReadOptions } from "./event-reader.js";
import type { NodeEvent } from "./event-types.js";
import { asCriError, clientClosed } from "./failures.js";
import { EventFeed } from "./feed.js";
import { EventHints } from "./hints.js";
import { NodeWatch } from "./node-watch.js";
import { type EventsOptions, type ResolvedEventsOptions, resolveEventsOptions } from "./options.js";
import { NodeTracker } from "./tracker.js";
import type { NodeWaitOptions } from "./wait-options.js";

/** Events as they are read: leaving the loop, or `await using`, ends them. */
export type EventStream = AsyncIterableIterator<NodeEvent> & AsyncDisposable;

/**
 * What happens on the node. All readers share one subscription, which begins with the first of them, is renewed whenever it
 * ends, and ends with the last.
 */
export class Events implements AsyncIterable<NodeEvent> {
  /** @internal For those who wait. */
  readonly hints: EventHints;
  readonly #runtime: RuntimeClient;
  readonly #lists: Pick<Lists, "podSandboxes" | "containers">;
  readonly #options: ResolvedEventsOptions;
  readonly #feed: EventFeed;
  #tracker: NodeTracker | undefined;

  /** @internal Made by `connect()`. */
  constructor(
    parts: { readonly runtime: RuntimeClient; readonly lists: Pick<Lists, "podSandboxes" | "containers"> },
    options?: EventsOptions | undefined,
  ) {
    this.#runtime = parts.runtime;
    this.#lists = parts.lists;
    this.#options = resolveEventsOptions(options);
    this.#feed = new EventFeed(parts.runtime, this.#options.backoff);
    this.hints = new EventHints(this.#feed);
  }

  /**
   * Events from the first `next()` on. They begin with `connected` and a `resync`, which says what there is. While the runtime
   * is away there is a `disconnected`, and no end: what happened meanwhile comes after the next `connected`.
   *
   * Throws {@link CriError} `invalid_option`. The iteration rejects with `aborted_by_caller` or `deadline` when the signal
   * fires, and with `client_closed`.
   */
  read(options: EventReadOptions = {}): EventStream {
    EventReader.check(options);
    return untilBreak((signal) => this.#read(options, signal), options.signal);
  }

  /** All events: {@link read} without options. */
  [Symbol.asyncIterator](): EventStream {
    return this.read();
  }

  /** @internal See `cri.watchNode()`. */
  async watch(options: NodeWaitOptions = {}): Promise<NodeWatch> {
    checkTimeout(options.timeoutMs);
    const watch = new NodeWatch(this.#start());
    try {
      await watch.ready(options);
      return watch;
    } catch (error) {
      await watch.close();
      throw await this.#explained(error);
    }
  }

  /** @internal Ends all of it with `client_closed`. */
  close(): void {
    this.#feed.close(clientClosed());
  }

  async *#read(options: EventReadOptions, signal: AbortSignal): AsyncGenerator<NodeEvent> {
    const tracker = this.#start();
    const reader = new EventReader(tracker, options);
    for (const event of tracker.connection) reader.onConnection(event);
    tracker.add(reader);
    try {
      for (;;) yield await reader.next(signal);
    } finally {
      tracker.remove(reader);
    }
  }

  /** A deadline may pass before an attempt to connect is given up. A call without time tells what that failed with so far. */
  async #explained(error: unknown): Promise<unknown> {
    if (!isCriError(error) || error.reason !== "deadline" || error.cause !== undefined) return error;
    const call = this.#runtime.version({}, { timeoutMs: 1 }).then(() => undefined, asCriError);
    // A transport of somebody's own may be late.
    const cause = await Promise.race([call, sleep(20)]);
    return cause && cause.reason !== "deadline" ? error.with({ cause }) : error;
  }

  /** The one that is at work, or a new one. */
  #start(): NodeTracker {
    if (!this.#tracker || this.#tracker.ended)
      this.#tracker = new NodeTracker(this.#runtime, this.#lists, this.#feed, this.#options);
    return this.#tracker;
  }
}
