import type { Container, PodSandbox } from "../../../gen/runtime/v1/api_pb.js";
import { kubernetesLabels } from "../../core/index.js";
import {
  type NodeContainer,
  type NodeEvent,
  type NodeObject,
  type NodePod,
  nodeContainer,
  nodePod,
} from "../../events/index.js";

/** The lists of a runtime. */
export interface NodeLists {
  readonly sandboxes: readonly PodSandbox[];
  readonly containers: readonly Container[];
}

/**
 * The known sandboxes and containers of a node. Lists and events arrive in any order: a list takes a while, and what an
 * event changed since it began is newer than the list.
 */
export class NodeObjects {
  readonly pods = new Map<string, NodePod>();
  readonly containers = new Map<string, NodeContainer>();
  /** Counts the starts of lists, and events. */
  #sequence = 0;
  /** The sequence of the last event about an object, by its id. */
  readonly #eventOf = new Map<string, number>();
  #appliedList = 0;

  /** Marks the start of a list. */
  startList(): number {
    return ++this.#sequence;
  }

  /** Takes the lists that began at `start`, unless a later one was taken already. Returns the uids of the pods that have changed. */
  replace(start: number, { sandboxes, containers }: NodeLists): ReadonlySet<string> {
    const changed = new Set<string>();
    if (start < this.#appliedList) return changed;
    this.#appliedList = start;
    for (const [id, sequence] of this.#eventOf) if (sequence < start) this.#eventOf.delete(id);
    const pods = sandboxes.map(nodePod);
    const all = containers.map((one) => nodeContainer(one, undefined));
    // The uids of containers come from pods: new ones first, removed ones last.
    this.#set(this.pods, pods, changed);
    this.#set(this.containers, all, changed);
    this.#removeOthers(this.containers, all, changed);
    this.#removeOthers(this.pods, pods, changed);
    return changed;
  }

  /** Takes an event. Returns the uid of its pod. */
  apply(event: Extract<NodeEvent, { kind: unknown }>): string {
    if (event.kind === "pod") {
      this.#applyTo(this.pods, event.pod, event.type === "deleted");
      return event.pod.uid;
    }
    this.#applyTo(this.containers, event.container, event.type === "deleted");
    return this.uidOf(event.container) || (event.pod?.uid ?? "");
  }

  /** Returns the uid of the pod of an object; "" for a container of an unknown pod. */
  uidOf(object: NodeObject): string {
    if (object.kind === "pod") return object.uid;
    return object.labels[kubernetesLabels.podUid] ?? this.pods.get(object.podId)?.uid ?? "";
  }

  #applyTo<T extends NodeObject>(all: Map<string, T>, object: T, isDeleted: boolean): void {
    this.#eventOf.set(object.id, ++this.#sequence);
    if (isDeleted) all.delete(object.id);
    else all.set(object.id, object);
  }

  #set<T extends NodeObject>(all: Map<string, T>, listed: readonly T[], changed: Set<string>): void {
    for (const object of listed) {
      // Objects are immutable but for their state; a known one may have more, such as the exit of a container.
      if (this.#eventOf.has(object.id) || all.get(object.id)?.state === object.state) continue;
      all.set(object.id, object);
      changed.add(this.uidOf(object));
    }
  }

  #removeOthers<T extends NodeObject>(all: Map<string, T>, listed: readonly T[], changed: Set<string>): void {
    const ids = new Set(listed.map(({ id }) => id));
    for (const object of [...all.values()]) {
      if (ids.has(object.id) || this.#eventOf.has(object.id)) continue;
      changed.add(this.uidOf(object));
      all.delete(object.id);
    }
  }
}
