import { equals } from "@bufbuild/protobuf";
import {
  type Container,
  ContainerSchema,
  type PodSandbox,
  PodSandboxSchema,
} from "../../gen/runtime/v1/api_pb.js";
import type { Change } from "./changes.js";
import { type ContainerExit, type NodeContainer, type NodePod, nodeContainer, nodePod } from "./objects.js";

/** The maximum number of remembered ids of removed objects: their events may be late. containerd 2.1 keeps events for five minutes. */
const maxRemoved = 10_000;

/** The known pods and containers of a node. Each method that changes the state returns the changes. */
export class NodeState {
  readonly pods = new Map<string, NodePod>();
  readonly containers = new Map<string, NodeContainer>();
  readonly #removed = new Set<string>();
  #listedAt = Number.NEGATIVE_INFINITY;

  /** The start of the last relist, in milliseconds of this host's clock. */
  get listedAt(): number {
    return this.#listedAt;
  }

  /**
   * Returns whether an object with this id was removed. Runtimes do not reuse ids, but a daemon that failed to load an object may load
   * it at its next start: once a list has the object again, its events count again.
   */
  wasRemoved(id: string): boolean {
    return this.#removed.has(id);
  }

  setPod(after: NodePod, at: Date, source: Change["source"]): Change {
    const before = this.pods.get(after.id);
    this.pods.set(after.id, after);
    this.#removed.delete(after.id);
    return { kind: "pod", before, after, at, source };
  }

  setContainer(after: NodeContainer, at: Date, source: Change["source"]): Change {
    const before = this.containers.get(after.id);
    this.containers.set(after.id, after);
    this.#removed.delete(after.id);
    return { kind: "container", before, after, at, source, pod: this.pods.get(after.podId) };
  }

  /** Removes the object with this id; later events do not restore it. Returns undefined when no such object is known. */
  remove(id: string, at: Date, source: Change["source"]): Change | undefined {
    this.#removed.add(id);
    if (this.#removed.size > maxRemoved)
      for (const oldest of this.#removed) if (this.#removed.delete(oldest)) break;
    const container = this.containers.get(id);
    if (container && this.containers.delete(id)) {
      const pod = this.pods.get(container.podId);
      return { kind: "container", before: container, after: undefined, at, source, pod };
    }
    const pod = this.pods.get(id);
    if (pod && this.pods.delete(id)) return { kind: "pod", before: pod, after: undefined, at, source };
    return undefined;
  }

  /** Replaces the state by the lists. The changes are in this order: new pods, containers, pods that stopped or were removed. */
  replace(lists: NodeLists): Change[] {
    const at = new Date();
    this.#listedAt = lists.startedAt.getTime();
    const first: Change[] = [];
    const last: Change[] = [];
    for (const message of [...lists.pods].sort(byAge)) {
      const known = this.pods.get(message.id);
      if (known && equals(PodSandboxSchema, known.message, message)) continue;
      const change = this.setPod(nodePod(message), at, "relist");
      (known ? last : first).push(change);
    }
    for (const message of [...lists.containers].sort(byAge)) {
      const known = this.containers.get(message.id);
      const exit = lists.exits.get(message.id) ?? known?.exit;
      if (known && known.exit === exit && equals(ContainerSchema, known.message, message)) continue;
      first.push(this.setContainer(nodeContainer(message, exit), at, "relist"));
    }
    const listed = new Set([...lists.pods, ...lists.containers].map(({ id }) => id));
    const absent = [...this.containers.keys(), ...this.pods.keys()].filter((id) => !listed.has(id));
    for (const id of absent) {
      const change = this.remove(id, at, "relist");
      if (change) (change.kind === "pod" ? last : first).push(change);
    }
    return [...first, ...last];
  }
}

/** The lists of a runtime, with the exits that were unknown before. */
export interface NodeLists {
  /** The time before the first request: an object that is not listed was removed by then, or did not exist yet. */
  readonly startedAt: Date;
  readonly pods: readonly PodSandbox[];
  readonly containers: readonly Container[];
  readonly exits: ReadonlyMap<string, ContainerExit>;
}

function byAge(a: { readonly createdAt: bigint }, b: { readonly createdAt: bigint }): number {
  return a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0;
}
