import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import type { Lists, RuntimeClient } from "../clients/index.js";
import { type Backoff, backoff, type CriError } from "../core/index.js";
import { Alarm } from "./alarm.js";
import { applyEvent } from "./apply-event.js";
import type { ConnectedEvent, DisconnectedEvent, ResyncEvent } from "./event-types.js";
import { asCriError, clientClosed } from "./failures.js";
import type { EventFeed, FeedDown, FeedListener } from "./feed.js";
import type { Follower, ResyncDue } from "./follower.js";
import { Followers } from "./followers.js";
import { NodeReads } from "./node-reads.js";
import { NodeState } from "./node-state.js";
import type { ResolvedEventsOptions } from "./options.js";
import { type Task, Tasks } from "./tasks.js";

type Feed = Pick<EventFeed, "live" | "add" | "restart">;

/** How many events may wait until what they tell is looked up; after that the lists are asked instead. */
const maxWaiting = 2_000;
/** The first relist behind a new stream: containerd may have lost the first event to a reader that had left. */
const firstRelistMs = 1_000;
/** A relist for what only an event told of. */
const doubtMs = 500;

/** Knows what there is on a node, and keeps knowing it: from events while they come, from lists always. */
export class NodeTracker {
  readonly state = new NodeState();
  readonly #feed: Feed;
  readonly #reads: NodeReads;
  readonly #options: ResolvedEventsOptions;
  readonly #followers = new Followers();
  /** Those who wait for lists that are begun after they asked. */
  readonly #asked = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #firstPause: Backoff;
  #release: (() => void) | undefined;
  readonly #tasks = new Tasks((task) => this.#do(task));
  readonly #alarm = new Alarm(() => this.#relistNow());
  /** By what changes come in, as the last of the tasks left it. */
  #by: "events" | "polling" | undefined;
  #due: ResyncEvent["reason"] | undefined = "start";
  #synced = false;
  /** Set when a question failed: those that follow would only wait, too. */
  #away = false;
  /** When the last stream came. */
  #upAt = 0;
  #pause: Backoff;
  /** Events of a stream that is not known to be good; they follow its `up`. */
  #early: ContainerEventResponse[] = [];

  constructor(
    runtime: RuntimeClient,
    lists: Pick<Lists, "podSandboxes" | "containers">,
    feed: Feed,
    options: ResolvedEventsOptions,
  ) {
    this.#feed = feed;
    this.#options = options;
    this.#reads = new NodeReads(runtime, lists, this.#stop.signal);
    this.#firstPause = backoff(options.backoff);
    this.#pause = this.#firstPause;
  }

  /** Whether its last follower left: another one needs another tracker. */
  get ended(): boolean {
    return this.#stop.signal.aborted;
  }

  /** What a follower that joins has missed. */
  get connection(): readonly (ConnectedEvent | DisconnectedEvent | ResyncDue)[] {
    const { told } = this.#followers;
    if (!told) return [];
    return this.#synced ? [told, { type: "resync", reason: "start" }] : [told];
  }

  /** Follows from now on; the first one starts it all. */
  add(follower: Follower): void {
    this.#followers.add(follower);
    this.#release ??= this.#feed.add(this.#listener);
  }

  /** Ends following; after the last one nothing goes on. */
  remove(follower: Follower): void {
    if (this.#followers.remove(follower) && this.#followers.size === 0) this.#end();
  }

  /**
   * Calls `done` once, when everything was listed that there is from now on: so it waits for a runtime that is away. What is
   * given back calls that off.
   */
  listed(done: () => void): () => void {
    this.#asked.add(done);
    // Else it is listed anyway, as soon as changes come in.
    if (this.#by) this.#relistNow();
    return () => this.#asked.delete(done);
  }

  #end(): void {
    this.#stop.abort();
    this.#release?.();
    this.#alarm.clear();
    this.#tasks.clear();
    this.#early = [];
  }

  readonly #listener: FeedListener = {
    onEvent: (event) => {
      if (this.#feed.live) this.#enqueue(event);
      else if (this.#early.length <= maxWaiting) this.#early.push(event);
    },
    onUp: () => {
      this.#tasks.push({ kind: "up" });
      for (const event of this.#early.splice(0)) this.#enqueue(event);
    },
    onDown: (why) => {
      // Not behind what is under way: a question to a runtime that hangs is under way for long.
      if (why.final) return this.#closed(why.error ?? clientClosed());
      this.#early = [];
      this.#tasks.push({ kind: "down", why });
    },
  };

  #enqueue(event: ContainerEventResponse): void {
    if (this.#tasks.events < maxWaiting) {
      this.#tasks.push({ kind: "event", event });
      return;
    }
    const lost = this.#tasks.events + 1;
    this.#tasks.dropEvents();
    this.#followers.tell({ type: "overflow", lost });
    this.#due ??= "overflow";
    this.#relistNow();
  }

  #do(task: Task): Promise<void> | void {
    if (task.kind === "event") return this.#apply(task.event);
    if (task.kind === "relist") return this.#relist();
    if (task.kind === "up") this.#up();
    else this.#down(task.why);
  }

  #up(): void {
    this.#by = "events";
    this.#away = false;
    this.#upAt = performance.now();
    this.#due ??= "reconnect";
    this.#followers.tell({ type: "connected", by: "events" });
    // Asked for here, so that it comes behind this: one that was asked for earlier may come before it.
    this.#relistNow();
  }

  #down({ error, unsupported }: FeedDown): void {
    if (unsupported) {
      this.#by = "polling";
      // Also where it was polling before: a list that failed while this waited has left the next one to it.
      this.#relistNow();
    } else {
      this.#by = undefined;
      this.#disconnected(error);
    }
  }

  #closed(error: CriError): void {
    this.#followers.end(error);
    this.#end();
  }

  #disconnected(error: CriError | undefined): void {
    if (this.#followers.told?.type === "disconnected") return;
    this.#due ??= "reconnect";
    this.#followers.tell({ type: "disconnected", error });
  }

  async #apply(event: ContainerEventResponse): Promise<void> {
    // Before the first lists everything would look new.
    if (!this.#synced || this.#away) return;
    try {
      const doubtful = await applyEvent(event, this.state, this.#reads, this.#followers.changed);
      if (doubtful && !this.ended) this.#alarm.set(doubtMs);
    } catch {
      // The runtime went away meanwhile: the lists will tell, when it is there again.
      this.#away = true;
      if (!this.ended) this.#alarm.set(doubtMs);
    }
  }

  async #relist(): Promise<void> {
    if (!this.#by) return;
    const asked = [...this.#asked];
    try {
      const lists = await this.#reads.everything(this.state);
      if (this.ended) return;
      this.#away = false;
      this.#pause = this.#firstPause;
      const { told } = this.#followers;
      if (told?.type !== "connected" || told.by !== this.#by) {
        this.#due ??= "reconnect";
        this.#followers.tell({ type: "connected", by: this.#by });
      }
      // What there was before is no news: it comes with the resync.
      const changes = this.state.replace(lists);
      if (this.#synced) for (const change of changes) this.#followers.changed(change);
      this.#synced = true;
      if (this.#due) this.#followers.tell({ type: "resync", reason: this.#due });
      this.#due = undefined;
      for (const done of asked) if (this.#asked.delete(done)) done();
      if (!this.ended) this.#alarm.set(this.#nextMs());
    } catch (error) {
      if (this.ended) return;
      this.#lost(asCriError(error));
    }
  }

  /** The runtime does not answer, whatever its stream of events looks like. */
  #lost(error: CriError): void {
    if (error.reason === "client_closed") this.#closed(error);
    else this.#disconnected(error);
    if (this.ended) return;
    // A stream that ended by itself has been told of, and there may be another one by now.
    if (this.#tasks.has("down")) return;
    if (this.#by === "events") this.#feed.restart(error);
    else {
      this.#alarm.set(this.#pause.delayMs());
      this.#pause = this.#pause.next();
    }
  }

  /** When to list again. Behind a new stream after 1 s, 2 s, 4 s and so on, however often somebody asked meanwhile. */
  #nextMs(): number {
    if (this.#by !== "events") return this.#options.pollMs;
    const ageMs = performance.now() - this.#upAt;
    return Math.min(Math.max(ageMs, firstRelistMs), this.#options.relistMs);
  }

  /** Asks for the lists behind what waits to be done. */
  #relistNow(): void {
    this.#alarm.clear();
    if (!this.#tasks.has("relist")) this.#tasks.push({ kind: "relist" });
  }
}
