import type { ContainerEventResponse } from "../../gen/runtime/v1/api_pb.js";
import type { Lists, RuntimeClient } from "../clients/index.js";
import { type Backoff, backoff, type CriError } from "../core/index.js";
import { Alarm } from "./alarm.js";
import { applyEvent } from "./apply-event.js";
import type { Change } from "./changes.js";
import type { ConnectedEvent, DisconnectedEvent, OverflowEvent, ResyncEvent } from "./event-types.js";
import { asCriError, clientClosed } from "./failures.js";
import type { EventFeed, FeedDown, FeedListener } from "./feed.js";
import type { Follower, ResyncDue } from "./follower.js";
import { NodeReads } from "./node-reads.js";
import { NodeState } from "./node-state.js";
import type { ResolvedEventsOptions } from "./options.js";

/** What there is to do, one after the other. */
type Task =
  | { readonly kind: "event"; readonly event: ContainerEventResponse }
  | { readonly kind: "up" }
  | { readonly kind: "down"; readonly why: FeedDown }
  | { readonly kind: "relist" };

/** How many events may wait until what they tell is looked up; after that the lists are asked instead. */
const maxWaiting = 2_000;
/** The first relist behind a new stream: containerd may have lost the first event to a reader that had left. */
const firstRelistMs = 1_000;
/** A relist for what only an event told of. */
const doubtMs = 500;

/** Knows what there is on a node, and keeps knowing it: from events while they come, from lists always. */
export class NodeTracker {
  readonly state = new NodeState();
  readonly #feed: EventFeed;
  readonly #reads: NodeReads;
  readonly #options: ResolvedEventsOptions;
  readonly #followers = new Set<Follower>();
  readonly #stop = new AbortController();
  readonly #firstPause: Backoff;
  #release: (() => void) | undefined;
  #tasks: Task[] = [];
  #eventsWaiting = 0;
  #working = false;
  readonly #alarm = new Alarm(() => this.#relistNow());
  /** By what changes come in, as the last of the tasks left it. */
  #by: "events" | "polling" | undefined;
  /** What readers were told last; undefined before anything was. */
  #told: ConnectedEvent | DisconnectedEvent | undefined;
  #due: ResyncEvent["reason"] | undefined = "start";
  #synced = false;
  /** Set when a question failed: those that follow would only wait, too. */
  #away = false;
  #relistMs = firstRelistMs;
  #pause: Backoff;
  /** Events of a stream that is not known to be good; they follow its `up`. */
  #early: ContainerEventResponse[] = [];

  constructor(
    runtime: RuntimeClient,
    lists: Pick<Lists, "podSandboxes" | "containers">,
    feed: EventFeed,
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
    if (!this.#told) return [];
    return this.#synced ? [this.#told, { type: "resync", reason: "start" }] : [this.#told];
  }

  /** Follows from now on; the first one starts it all. */
  add(follower: Follower): void {
    this.#followers.add(follower);
    this.#release ??= this.#feed.add(this.#listener);
  }

  /** Ends following; after the last one nothing goes on. */
  remove(follower: Follower): void {
    if (this.#followers.delete(follower) && this.#followers.size === 0) this.#end();
  }

  #end(): void {
    this.#stop.abort();
    this.#release?.();
    this.#alarm.clear();
    this.#tasks = [];
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
      this.#relistNow();
      void this.#work();
    },
    onDown: (why) => {
      this.#early = [];
      this.#tasks.push({ kind: "down", why });
      void this.#work();
    },
  };

  #enqueue(event: ContainerEventResponse): void {
    if (this.#eventsWaiting >= maxWaiting) {
      const lost = this.#eventsWaiting + 1;
      this.#tasks = this.#tasks.filter(({ kind }) => kind !== "event");
      this.#eventsWaiting = 0;
      this.#tell({ type: "overflow", lost });
      this.#due ??= "overflow";
      this.#relistNow();
      return;
    }
    this.#eventsWaiting++;
    this.#tasks.push({ kind: "event", event });
    void this.#work();
  }

  /** Works the tasks off, each after the one before: so nothing overtakes, and no list is older than what is known. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (let task = this.#tasks.shift(); task; task = this.#tasks.shift()) {
      if (task.kind === "event") await this.#apply(task.event);
      else if (task.kind === "up") this.#up();
      else if (task.kind === "down") this.#down(task.why);
      else await this.#relist();
    }
    this.#working = false;
  }

  #up(): void {
    this.#by = "events";
    this.#away = false;
    this.#relistMs = firstRelistMs;
    this.#due ??= "reconnect";
    this.#tell({ type: "connected", by: "events" });
  }

  #down({ error, unsupported, final }: FeedDown): void {
    if (final) this.#closed(error ?? clientClosed());
    else if (!unsupported) {
      this.#by = undefined;
      this.#disconnected(error);
    } else if (this.#by !== "polling") {
      this.#by = "polling";
      this.#relistNow();
    }
  }

  #closed(error: CriError): void {
    for (const follower of [...this.#followers]) follower.onEnd(error);
    this.#followers.clear();
    this.#end();
  }

  #disconnected(error: CriError | undefined): void {
    if (this.#told?.type === "disconnected") return;
    this.#due ??= "reconnect";
    this.#tell({ type: "disconnected", error });
  }

  async #apply(event: ContainerEventResponse): Promise<void> {
    this.#eventsWaiting--;
    // Before the first lists everything would look new.
    if (!this.#synced || this.#away) return;
    try {
      const doubtful = await applyEvent(event, this.state, this.#reads, this.#changed);
      if (doubtful && !this.ended) this.#alarm.set(doubtMs);
    } catch {
      // The runtime went away meanwhile: the lists will tell, when it is there again.
      this.#away = true;
      if (!this.ended) this.#alarm.set(doubtMs);
    }
  }

  async #relist(): Promise<void> {
    if (!this.#by) return;
    try {
      const lists = await this.#reads.everything(this.state);
      if (this.ended) return;
      this.#away = false;
      this.#pause = this.#firstPause;
      if (this.#told?.type !== "connected" || this.#told.by !== this.#by) {
        this.#due ??= "reconnect";
        this.#tell({ type: "connected", by: this.#by });
      }
      // What there was before is no news: it comes with the resync.
      const changes = this.state.replace(lists);
      if (this.#synced) for (const change of changes) this.#changed(change);
      this.#synced = true;
      if (this.#due) this.#tell({ type: "resync", reason: this.#due });
      this.#due = undefined;
      this.#alarm.set(this.#by === "events" ? this.#relistMs : this.#options.pollMs);
      this.#relistMs = Math.min(2 * this.#relistMs, this.#options.relistMs);
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
    if (this.#tasks.some(({ kind }) => kind === "down")) return;
    if (this.#by === "events") this.#feed.restart(error);
    else {
      this.#alarm.set(this.#pause.delayMs());
      this.#pause = this.#pause.next();
    }
  }

  /** Asks for the lists behind what waits to be done. */
  #relistNow(): void {
    this.#alarm.clear();
    if (this.#tasks.some(({ kind }) => kind === "relist")) return;
    this.#tasks.push({ kind: "relist" });
    void this.#work();
  }

  readonly #changed = (change: Change): void => {
    for (const follower of [...this.#followers]) follower.onChange(change);
  };

  #tell(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | ResyncDue): void {
    if (event.type === "connected" || event.type === "disconnected") this.#told = event;
    for (const follower of [...this.#followers]) follower.onConnection(event);
  }
}
