import { bounded, type CriError, isCriError, untilBreak } from "../core/index.js";
import type { Change } from "./changes.js";
import type { ConnectedEvent, DisconnectedEvent, OverflowEvent } from "./event-types.js";
import { clientClosed } from "./failures.js";
import type { Follower, ResyncDue } from "./follower.js";
import { ChangeReader, type NodeChange } from "./node-changes.js";
import { labelWord, labelWords, NodeIndex } from "./node-index.js";
import type { NodeContainer, NodeObject, NodePod } from "./objects.js";
import type { NodeTracker } from "./tracker.js";
import type { NodeWaitOptions } from "./wait-options.js";
import { type AtOnce, type Truthy, Waiters } from "./waiters.js";

/** Whether changes come in. */
export interface NodeConnection {
  readonly connected: boolean;
  /** How; undefined while they do not. */
  readonly by: "events" | "polling" | undefined;
  /** What the connection ended with; undefined while there is one. */
  readonly error: CriError | undefined;
}

/**
 * What there is on a node, kept up to date in memory. Made by `cri.watchNode()`; `await using` closes it. While the runtime is
 * away it stays as it was last known. Once it is closed it does not change any more.
 */
export class NodeWatch implements AsyncDisposable {
  readonly #pods = new Map<string, NodePod>();
  readonly #containers = new Map<string, NodeContainer>();
  readonly #podIndex = new NodeIndex<NodePod>((pod) => [`state ${pod.state}`, ...words(pod)]);
  readonly #containerIndex = new NodeIndex<NodeContainer>((container) => [
    `state ${container.state}`,
    `pod ${container.podId}`,
    ...imageWords(container),
    ...words(container),
  ]);
  readonly #tracker: NodeTracker;
  readonly #readers = new Set<ChangeReader>();
  readonly #waiters = new Waiters();
  readonly #forgetListed: () => void;
  #connection: NodeConnection = { connected: false, by: undefined, error: undefined };
  #filled = false;
  /** When everything was listed that there was when this was made. */
  #listed = false;
  #end: CriError | undefined;

  /** @internal Made by `cri.watchNode()`. */
  constructor(tracker: NodeTracker) {
    this.#tracker = tracker;
    this.#forgetListed = tracker.listed(() => {
      this.#listed = true;
      this.#waiters.wake();
    });
    for (const event of tracker.connection) this.#follower.onConnection(event);
    tracker.add(this.#follower);
  }

  /** The sandboxes by their ids. */
  get pods(): ReadonlyMap<string, NodePod> {
    return this.#pods;
  }

  /** The containers by their ids. */
  get containers(): ReadonlyMap<string, NodeContainer> {
    return this.#containers;
  }

  /** Whether changes come in now. */
  get connection(): NodeConnection {
    return this.#connection;
  }

  /** The containers of a sandbox. */
  containersOf(podId: string): readonly NodeContainer[] {
    return this.#containerIndex.get(`pod ${podId}`);
  }

  /** The sandboxes that have a label; with any value, if none is given. */
  podsByLabel(key: string, value?: string | undefined): readonly NodePod[] {
    return this.#podIndex.get(`label ${labelWord(key, value)}`);
  }

  /** The containers that have a label; with any value, if none is given. */
  containersByLabel(key: string, value?: string | undefined): readonly NodeContainer[] {
    return this.#containerIndex.get(`label ${labelWord(key, value)}`);
  }

  /** The sandboxes in a state. */
  podsByState(state: NodePod["state"]): readonly NodePod[] {
    return this.#podIndex.get(`state ${state}`);
  }

  /** The containers in a state. */
  containersByState(state: NodeContainer["state"]): readonly NodeContainer[] {
    return this.#containerIndex.get(`state ${state}`);
  }

  /** The containers of an image: by the name they were created with, or by Container.image_ref or image_id. */
  containersByImage(image: string): readonly NodeContainer[] {
    return this.#containerIndex.get(`image ${image}`);
  }

  /**
   * Changes from the first `next()` on, one for each pod or container that is another than this reader was given last. Who is
   * slow is told of fewer steps, never of fewer pods. Rejects with `client_closed` once this is closed.
   */
  changes({
    signal,
  }: Pick<NodeWaitOptions, "signal"> = {}): AsyncIterableIterator<NodeChange> & AsyncDisposable {
    return untilBreak((stop) => this.#changes(stop), signal);
  }

  /**
   * Asks `predicate` now and after every change, and resolves with the first answer that is neither false nor undefined, null
   * or 0. It must answer at once, out of what is known here: a promise is refused with `invalid_option`. Rejects with what it
   * throws, with `invalid_option`, `deadline`, `aborted_by_caller`, and `client_closed` once this is closed.
   */
  waitFor<T>(
    predicate: (node: NodeWatch) => AtOnce<T>,
    options: NodeWaitOptions = {},
  ): Promise<Truthy<AtOnce<T>>> {
    return this.#until(() => predicate(this), options);
  }

  /** @internal Resolves when everything was listed once since this was made. */
  ready(options: NodeWaitOptions): Promise<unknown> {
    return this.#until(() => this.#listed, options);
  }

  /** Ends the watch. Idempotent. */
  async close(): Promise<void> {
    this.#stop(clientClosed("the watch was closed"));
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

  async #until<T>(ask: () => T, options: NodeWaitOptions): Promise<Truthy<T>> {
    return bounded(options, async (signal) => {
      try {
        return await this.#waiters.until(ask, signal);
      } catch (error) {
        if (error !== signal.reason || !isCriError(error) || error.reason !== "deadline") throw error;
        // What passed is the deadline; while the runtime is away, this is why.
        const cause = error.cause ?? this.#connection.error;
        throw cause === undefined ? error : error.with({ cause });
      }
    });
  }

  readonly #follower: Follower = {
    onChange: (change) => {
      this.#set(change);
      this.#waiters.wake();
    },
    onConnection: (event) => {
      this.#connect(event);
      this.#waiters.wake();
    },
    onEnd: (error) => this.#stop(error),
  };

  #connect(event: ConnectedEvent | DisconnectedEvent | OverflowEvent | ResyncDue): void {
    if (event.type === "connected") this.#connection = { connected: true, by: event.by, error: undefined };
    else if (event.type === "disconnected")
      this.#connection = { connected: false, by: undefined, error: event.error };
    else if (event.type === "resync" && !this.#filled) {
      this.#filled = true;
      const { pods, containers } = this.#tracker.state;
      for (const pod of pods.values()) this.#set({ kind: "pod", before: undefined, after: pod });
      for (const one of containers.values()) this.#set({ kind: "container", before: undefined, after: one });
    }
  }

  #set(change: Pick<Change, "kind" | "before" | "after">): void;
  #set({ kind, before, after }: Change): void {
    if (kind === "pod") put(this.#pods, this.#podIndex, before, after);
    else put(this.#containers, this.#containerIndex, before, after);
    const id = after?.id ?? before?.id ?? "";
    for (const reader of this.#readers) reader.changed(id, before);
  }

  #stop(error: CriError): void {
    if (this.#end) return;
    this.#end = error;
    this.#connection = { connected: false, by: undefined, error };
    this.#forgetListed();
    this.#tracker.remove(this.#follower);
    for (const reader of this.#readers) reader.end(error);
    this.#waiters.end(error);
  }
}

function put<T extends NodeObject>(
  all: Map<string, T>,
  index: NodeIndex<T>,
  before: T | undefined,
  after: T | undefined,
): void {
  index.replace(before, after);
  if (after) all.set(after.id, after);
  else if (before) all.delete(before.id);
}

function words({ labels }: NodeObject): string[] {
  return labelWords(labels).map((word) => `label ${word}`);
}

function imageWords({ image, message }: NodeContainer): string[] {
  const names = new Set([image, message.image?.image, message.imageRef, message.imageId]);
  return [...names].filter(Boolean).map((name) => `image ${name}`);
}
