import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import type { Lists, RuntimeClient } from "../clients/index.js";
import { type Backoff, backoff, type CriError, criError } from "../core/index.js";
import { applyEvent } from "./apply-event.js";
import type { ConnectedEvent, DisconnectedEvent, ResyncEvent } from "./event-types.js";
import { type EventFeed, type FeedDown, type FeedListener, toCriError } from "./feed.js";
import { type Follower, Followers, type PendingResync } from "./followers.js";
import { NodeQueries } from "./node-queries.js";
import { NodeState } from "./node-state.js";
import type { ResolvedEventsOptions } from "./options.js";
import { type Task, TaskQueue } from "./task-queue.js";

type Feed = Pick<EventFeed, "live" | "add" | "restart">;

/** The maximum number of queued events. A relist replaces them when there are more. */
const maxQueuedEvents = 2_000;
/** The first relist after a new stream: containerd may have sent its first event to a stream that was closed. */
const firstRelistMs = 1_000;
/** The relist after an event about an object that the lists lack. */
const unlistedMs = 500;

/** Tracks the pods and containers of a node: by events while they arrive, and by lists in any case. */
export class NodeTracker {
  readonly state = new NodeState();
  readonly #feed: Feed;
  readonly #queries: NodeQueries;
  readonly #options: ResolvedEventsOptions;
  readonly #followers = new Followers();
  /** Callbacks of `afterRelist`: each waits for a relist that starts after its registration. */
  readonly #relistCallbacks = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #firstPause: Backoff;
  #release: (() => void) | undefined;
  readonly #tasks = new TaskQueue((task) => this.#runTask(task));
  /** How changes arrive; undefined while they do not. */
  #source: "events" | "polling" | undefined;
  /** Why a resync is due. */
  #resyncReason: ResyncEvent["reason"] | undefined = "start";
  #synced = false;
  /** Set when a query failed: queries for further events would only time out, too. */
  #isUnavailable = false;
  /** When the current stream was opened. */
  #upAt = 0;
  #pause: Backoff;
  /** Events of a stream that is not confirmed yet; they are queued after its `up`. */
  #unconfirmed: ContainerEventResponse[] = [];

  constructor(
    runtime: RuntimeClient,
    lists: Pick<Lists, "podSandboxes" | "containers">,
    feed: Feed,
    options: ResolvedEventsOptions,
  ) {
    this.#feed = feed;
    this.#options = options;
    this.#queries = new NodeQueries(runtime, lists, this.#stop.signal);
    this.#firstPause = backoff(options.backoff);
    this.#pause = this.#firstPause;
  }

  /** Whether the last follower was removed: a new follower needs a new tracker. */
  get ended(): boolean {
    return this.#stop.signal.aborted;
  }

  /** The connection events that a new follower has missed. */
  get connection(): readonly (ConnectedEvent | DisconnectedEvent | PendingResync)[] {
    const { connection } = this.#followers;
    if (!connection) return [];
    return this.#synced ? [connection, { type: "resync", reason: "start" }] : [connection];
  }

  /** Adds a follower. The first one starts the tracker. */
  add(follower: Follower): void {
    this.#followers.add(follower);
    this.#release ??= this.#feed.add(this.#listener);
  }

  /** Removes a follower. The last one ends the tracker. */
  remove(follower: Follower): void {
    if (this.#followers.remove(follower) && this.#followers.size === 0) this.#end();
  }

  /**
   * Calls back once, after a relist that starts from now on; this waits for a runtime that is unavailable. Returns a function that
   * removes the callback.
   */
  afterRelist(callback: () => void): () => void {
    this.#relistCallbacks.add(callback);
    // Without a source of changes, none is requested here: a relist follows as soon as there is one.
    if (this.#source) this.#tasks.relistNow();
    return () => this.#relistCallbacks.delete(callback);
  }

  #end(): void {
    this.#stop.abort();
    this.#release?.();
    this.#tasks.clear();
    this.#unconfirmed = [];
  }

  readonly #listener: FeedListener = {
    onEvent: (event) => {
      if (this.#feed.live) this.#enqueue(event);
      else if (this.#unconfirmed.length <= maxQueuedEvents) this.#unconfirmed.push(event);
    },
    onUp: () => {
      this.#tasks.push({ kind: "up" });
      for (const event of this.#unconfirmed.splice(0)) this.#enqueue(event);
    },
    onDown: (why) => {
      // Overtakes the queue: a query to a runtime that hangs takes long.
      if (why.final) return this.#close(why.error ?? criError("client_closed", "the client was closed"));
      this.#unconfirmed = [];
      this.#tasks.push({ kind: "down", why });
    },
  };

  #enqueue(event: ContainerEventResponse): void {
    if (this.#tasks.events < maxQueuedEvents) {
      this.#tasks.push({ kind: "event", event });
      return;
    }
    const lost = this.#tasks.events + 1;
    this.#tasks.dropEvents();
    this.#followers.notifyConnection({ type: "overflow", lost });
    this.#resyncReason ??= "overflow";
    this.#tasks.relistNow();
  }

  #runTask(task: Task): Promise<void> | void {
    if (task.kind === "event") return this.#apply(task.event);
    if (task.kind === "relist") return this.#relist();
    if (task.kind === "up") this.#up();
    else this.#down(task.why);
  }

  #up(): void {
    this.#source = "events";
    this.#isUnavailable = false;
    this.#upAt = performance.now();
    this.#resyncReason ??= "reconnect";
    this.#followers.notifyConnection({ type: "connected", by: "events" });
    // A relist that was requested before this task may have run already.
    this.#tasks.relistNow();
  }

  #down({ error, unsupported }: FeedDown): void {
    if (unsupported) {
      this.#source = "polling";
      // Even if the source was polling before: a relist that failed while this task was queued did not schedule the next one.
      this.#tasks.relistNow();
    } else {
      this.#source = undefined;
      this.#reportDisconnected(error);
    }
  }

  #close(error: CriError): void {
    this.#followers.end(error);
    this.#end();
  }

  #reportDisconnected(error: CriError | undefined): void {
    if (this.#followers.connection?.type === "disconnected") return;
    this.#resyncReason ??= "reconnect";
    this.#followers.notifyConnection({ type: "disconnected", error });
  }

  async #apply(event: ContainerEventResponse): Promise<void> {
    // Before the first relist every object would look new.
    if (!this.#synced || this.#isUnavailable) return;
    try {
      const needsRelist = await applyEvent(event, this.state, this.#queries, this.#followers.notifyChange);
      if (needsRelist && !this.ended) this.#tasks.relistAfter(unlistedMs);
    } catch {
      // The runtime became unavailable: the next relist finds the change.
      this.#isUnavailable = true;
      if (!this.ended) this.#tasks.relistAfter(unlistedMs);
    }
  }

  async #relist(): Promise<void> {
    if (!this.#source) return;
    const callbacks = [...this.#relistCallbacks];
    try {
      const lists = await this.#queries.listAll(this.state);
      if (this.ended) return;
      this.#isUnavailable = false;
      this.#pause = this.#firstPause;
      const { connection } = this.#followers;
      if (connection?.type !== "connected" || connection.by !== this.#source) {
        this.#resyncReason ??= "reconnect";
        this.#followers.notifyConnection({ type: "connected", by: this.#source });
      }
      // Objects of the first relist are not new: the resync reports them.
      const changes = this.state.replace(lists);
      if (this.#synced) for (const change of changes) this.#followers.notifyChange(change);
      this.#synced = true;
      if (this.#resyncReason)
        this.#followers.notifyConnection({ type: "resync", reason: this.#resyncReason });
      this.#resyncReason = undefined;
      for (const callback of callbacks) if (this.#relistCallbacks.delete(callback)) callback();
      if (!this.ended) this.#tasks.relistAfter(this.#relistDelayMs());
    } catch (error) {
      if (this.ended) return;
      this.#onRelistFailed(toCriError(error));
    }
  }

  /** The runtime does not respond, even if its event stream is still open. */
  #onRelistFailed(error: CriError): void {
    if (error.reason === "client_closed") this.#close(error);
    else this.#reportDisconnected(error);
    if (this.ended) return;
    // The end of the stream is queued already, and a new stream may be open by now.
    if (this.#tasks.has("down")) return;
    if (this.#source === "events") this.#feed.restart(error);
    else {
      this.#tasks.relistAfter(this.#pause.delayMs());
      this.#pause = this.#pause.next();
    }
  }

  /** Returns the delay of the next relist: 1 s, 2 s, 4 s and so on after a new stream, regardless of relists on demand. */
  #relistDelayMs(): number {
    if (this.#source !== "events") return this.#options.pollMs;
    const ageMs = performance.now() - this.#upAt;
    return Math.min(Math.max(ageMs, firstRelistMs), this.#options.relistMs);
  }
}
