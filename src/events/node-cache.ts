import {
  type CriError,
  cancelOnReturn,
  checkArgument,
  criError,
  isCriError,
  option,
  withDeadline,
} from "../core/index.js";
import type { Change } from "./changes.js";
import type { ConnectedEvent, DisconnectedEvent, OverflowEvent } from "./event-types.js";
import type { Follower, PendingResync } from "./followers.js";
import {
  type NodeChange,
  type NodeConnection,
  type NodeWaitOptions,
  type NodeWatch,
  nodeChangesTable,
  nodeWaitTable,
  type Synchronous,
  type Truthy,
} from "./node-watch.js";
import type { NodeContainer, NodeObject, NodePod } from "./objects.js";
import { PredicateWaits } from "./predicate-waits.js";
import { ChangeReader } from "./readers.js";
import type { NodeTracker } from "./tracker.js";

/** The {@link NodeWatch} that follows a tracker. */
export class NodeCache implements NodeWatch {
  readonly #pods = new Map<string, NodePod>();
  readonly #containers = new Map<string, NodeContainer>();
  readonly #podIndex = new NodeIndex<NodePod>((pod) => [`state ${pod.state}`, ...labelKeys(pod)]);
  readonly #containerIndex = new NodeIndex<NodeContainer>((container) => [
    `state ${container.state}`,
    `pod ${container.podId}`,
    ...imageKeys(container),
    ...labelKeys(container),
  ]);
  readonly #tracker: NodeTracker;
  readonly #readers = new Set<ChangeReader>();
  readonly #waits = new PredicateWaits();
  readonly #removeRelistCallback: () => void;
  #connection: NodeConnection = { connected: false, by: undefined, error: undefined };
  #isFilled = false;
  /** Whether a relist that started after the creation is complete. */
  #isListed = false;
  #end: CriError | undefined;

  constructor(tracker: NodeTracker) {
    this.#tracker = tracker;
    this.#removeRelistCallback = tracker.afterRelist(() => {
      this.#isListed = true;
      this.#waits.evaluate();
    });
    for (const event of tracker.connection) this.#follower.onConnection(event);
    tracker.add(this.#follower);
  }

  get pods(): ReadonlyMap<string, NodePod> {
    return this.#pods;
  }

  get containers(): ReadonlyMap<string, NodeContainer> {
    return this.#containers;
  }

  get connection(): NodeConnection {
    return this.#connection;
  }

  containersOf(podId: string): readonly NodeContainer[] {
    checkArgument("containersOf", "podId", podId, option.string);
    return this.#containerIndex.get(`pod ${podId}`);
  }

  podsByLabel(key: string, value?: string | undefined): readonly NodePod[] {
    checkArgument("podsByLabel", "key", key, option.string);
    return this.#podIndex.get(labelKey(key, value));
  }

  containersByLabel(key: string, value?: string | undefined): readonly NodeContainer[] {
    checkArgument("containersByLabel", "key", key, option.string);
    return this.#containerIndex.get(labelKey(key, value));
  }

  podsByState(state: NodePod["state"]): readonly NodePod[] {
    checkArgument("podsByState", "state", state, option.string);
    return this.#podIndex.get(`state ${state}`);
  }

  containersByState(state: NodeContainer["state"]): readonly NodeContainer[] {
    checkArgument("containersByState", "state", state, option.string);
    return this.#containerIndex.get(`state ${state}`);
  }

  containersByImage(image: string): readonly NodeContainer[] {
    checkArgument("containersByImage", "image", image, option.string);
    return this.#containerIndex.get(`image ${image}`);
  }

  changes(
    options: Pick<NodeWaitOptions, "signal"> = {},
  ): AsyncIterableIterator<NodeChange> & AsyncDisposable {
    nodeChangesTable.check("watch.changes", options);
    return cancelOnReturn((stop) => this.#changes(stop), options.signal);
  }

  async waitFor<T>(
    predicate: (node: NodeWatch) => Synchronous<T>,
    options: NodeWaitOptions = {},
  ): Promise<Truthy<Synchronous<T>>> {
    checkArgument("watch.waitFor", "predicate", predicate, option.callback);
    nodeWaitTable.check("watch.waitFor", options);
    return this.#waitUntil(() => predicate(this), options);
  }

  /** Resolves when everything was listed once since the creation of this cache. */
  ready(options: NodeWaitOptions): Promise<unknown> {
    return this.#waitUntil(() => this.#isListed, options);
  }

  async close(): Promise<void> {
    this.#stop(criError("client_closed", "the watch was closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#changes(signal: AbortSignal): AsyncGenerator<NodeChange> {
    const reader = new ChangeReader((id) => this.#containers.get(id) ?? this.#pods.get(id));
    if (this.#end) throw this.#end;
    this.#readers.add(reader);
    try {
      for (;;) yield await reader.next(signal);
    } finally {
      this.#readers.delete(reader);
    }
  }

  async #waitUntil<T>(predicate: () => T, options: NodeWaitOptions): Promise<Truthy<T>> {
    return withDeadline(options, async (signal) => {
      try {
        return await this.#waits.until(predicate, signal);
      } catch (error) {
        if (error !== signal.reason || !isCriError(error) || error.reason !== "deadline") throw error;
        // While the runtime is unavailable, the error of the connection explains the deadline.
        const cause = error.cause ?? this.#connection.error;
        throw cause === undefined ? error : error.with({ cause });
      }
    });
  }

  readonly #follower: Follower = {
    onChange: (change) => {
      this.#set(change);
      this.#waits.evaluate();
    },
    onConnection: (event) => {
      this.#setConnection(event);
      this.#waits.evaluate();
    },
    onEnd: (error) => this.#stop(error),
  };

  #setConnection(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | PendingResync): void {
    if (event.type === "connected") this.#connection = { connected: true, by: event.by, error: undefined };
    else if (event.type === "disconnected")
      this.#connection = { connected: false, by: undefined, error: event.error };
    else if (event.type === "resync" && !this.#isFilled) {
      this.#isFilled = true;
      const { pods, containers } = this.#tracker.state;
      for (const pod of pods.values()) this.#set({ kind: "pod", before: undefined, after: pod });
      for (const one of containers.values()) this.#set({ kind: "container", before: undefined, after: one });
    }
  }

  #set(change: Pick<Change, "kind" | "before" | "after">): void;
  #set({ kind, before, after }: Change): void {
    if (kind === "pod") replace(this.#pods, this.#podIndex, before, after);
    else replace(this.#containers, this.#containerIndex, before, after);
    const id = after?.id ?? before?.id ?? "";
    for (const reader of this.#readers) reader.onChange(id, before);
  }

  #stop(error: CriError): void {
    if (this.#end) return;
    this.#end = error;
    this.#connection = { connected: false, by: undefined, error };
    this.#removeRelistCallback();
    this.#tracker.remove(this.#follower);
    for (const reader of this.#readers) reader.end(error);
    this.#waits.end(error);
  }
}

function replace<T extends NodeObject>(
  all: Map<string, T>,
  index: NodeIndex<T>,
  before: T | undefined,
  after: T | undefined,
): void {
  index.replace(before, after);
  if (after) all.set(after.id, after);
  else if (before) all.delete(before.id);
}

/** An index of objects by keys such as `state running`. An object has several keys. */
class NodeIndex<T extends NodeObject> {
  readonly #keysOf: (object: T) => readonly string[];
  readonly #byKey = new Map<string, Map<string, T>>();

  constructor(keysOf: (object: T) => readonly string[]) {
    this.#keysOf = keysOf;
  }

  get(key: string): readonly T[] {
    return [...(this.#byKey.get(key)?.values() ?? [])];
  }

  /** Replaces an object; `before` is undefined for a new object, `after` for a removed one. */
  replace(before: T | undefined, after: T | undefined): void {
    if (before)
      for (const key of this.#keysOf(before)) {
        const all = this.#byKey.get(key);
        all?.delete(before.id);
        if (all?.size === 0) this.#byKey.delete(key);
      }
    if (!after) return;
    for (const key of this.#keysOf(after)) {
      const all = this.#byKey.get(key);
      if (all) all.set(after.id, after);
      else this.#byKey.set(key, new Map([[after.id, after]]));
    }
  }
}

/** Returns the index key of a label; without a value, the key of all its values. */
function labelKey(key: string, value?: string | undefined): string {
  return value === undefined ? `label ${key}` : `label ${key}=${value}`;
}

function labelKeys({ labels }: NodeObject): string[] {
  return Object.entries(labels).flatMap(([key, value]) => [labelKey(key), labelKey(key, value)]);
}

function imageKeys({ image, message }: NodeContainer): string[] {
  const names = new Set([image, message.image?.image, message.imageRef, message.imageId]);
  return [...names].filter(Boolean).map((name) => `image ${name}`);
}
