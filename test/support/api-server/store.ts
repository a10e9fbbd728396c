import { expired } from "./api-error.js";
import type { KubeObject } from "./kube-object.js";
import { withMetadata } from "./kube-object.js";

/** One write. */
export interface StoreEvent {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** The plural name of the resource. */
  readonly resource: string;
  /** The object after the write; for a deletion, the object as it was, with the version of the deletion. */
  readonly object: KubeObject;
  /** The object before the write. */
  readonly previous?: KubeObject | undefined;
}

type Listener = (event: StoreEvent) => void;

/** Holds all objects with one counter of versions, and the writes since the last compaction. It survives restarts of the server. */
export class ObjectStore {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Set<Listener>();
  #events: StoreEvent[] = [];
  readonly #pending: StoreEvent[] = [];
  #version = 1;
  #compacted = 1;

  /** The version of the last write. */
  get version(): number {
    return this.#version;
  }

  /** Returns the object, or undefined. */
  get(resource: string, namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(resource)?.get(keyOf(namespace, name));
  }

  /**
   * Returns the objects of a resource, ordered by namespace and name, as they were at a version.
   *
   * @throws {ApiError} 410 if writes after that version were compacted
   */
  list(resource: string, namespace?: string, version = this.#version): KubeObject[] {
    const found = new Map(this.#objects.get(resource) ?? []);
    for (const event of this.since(version).reverse()) {
      if (event.resource !== resource) continue;
      const { name, namespace: itsNamespace = "" } = event.object.metadata;
      if (event.previous) found.set(keyOf(itsNamespace, name), event.previous);
      else found.delete(keyOf(itsNamespace, name));
    }
    return [...found]
      .filter(([key]) => namespace === undefined || key.startsWith(`${namespace}/`))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** Creates or replaces an object. Returns it with its new version. */
  put(resource: string, object: KubeObject): KubeObject {
    const { name, namespace = "" } = object.metadata;
    const objects = this.#objects.get(resource) ?? new Map<string, KubeObject>();
    this.#objects.set(resource, objects);
    const previous = objects.get(keyOf(namespace, name));
    const stored = this.#versioned(object);
    objects.set(keyOf(namespace, name), stored);
    this.#emit({ type: previous ? "MODIFIED" : "ADDED", resource, object: stored, previous });
    return stored;
  }

  /** Removes an object. Returns it with the version of its deletion. */
  remove(resource: string, object: KubeObject): KubeObject {
    const { name, namespace = "" } = object.metadata;
    const previous = this.#objects.get(resource)?.get(keyOf(namespace, name));
    if (!previous) throw new Error(`${resource} ${namespace}/${name} is not stored`);
    this.#objects.get(resource)?.delete(keyOf(namespace, name));
    const removed = this.#versioned(object);
    this.#emit({ type: "DELETED", resource, object: removed, previous });
    return removed;
  }

  /**
   * Returns the writes after a version, in order.
   *
   * @throws {ApiError} 410 if some of them were compacted
   */
  since(version: number): StoreEvent[] {
    if (version < this.#compacted) throw expired(`too old resource version: ${version} (${this.#compacted})`);
    let first = this.#events.length;
    while (first > 0 && (this.#events[first - 1]?.version ?? 0) > version) first--;
    return this.#events.slice(first);
  }

  /** Calls the listener with each later write, until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets the writes so far: watches and continued lists from earlier versions get 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#events = [];
  }

  #versioned(object: KubeObject): KubeObject {
    this.#version++;
    return withMetadata(object, { resourceVersion: String(this.#version) });
  }

  #emit(event: Omit<StoreEvent, "version">): void {
    const complete = { ...event, version: this.#version };
    this.#events.push(complete);
    this.#pending.push(complete);
    if (this.#pending.length > 1) return;
    // A listener may write: the others see that write after this one.
    for (let next = this.#pending[0]; next; next = this.#pending[0]) {
      for (const listener of [...this.#listeners]) listener(next);
      this.#pending.shift();
    }
  }
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
