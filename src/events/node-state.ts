import { equals } from "@bufbuild/protobuf";
import {
  type Container,
  ContainerSchema,
  type PodSandbox,
  PodSandboxSchema,
} from "../../gen/runtime/v1/api_pb.js";
import type { Change } from "./changes.js";
import { type ContainerExit, type NodeContainer, type NodePod, nodeContainer, nodePod } from "./objects.js";

/** How many ids of what is gone are kept: events about it may be late. containerd 2.1 keeps them for five minutes. */
const maxGone = 10_000;

/** What is known of a node. Every method that changes it gives what it changed. */
export class NodeState {
  readonly pods = new Map<string, NodePod>();
  readonly containers = new Map<string, NodeContainer>();
  readonly #gone = new Set<string>();
  #listedAt = Number.NEGATIVE_INFINITY;

  /** When the lists were begun that were taken for the truth last, in milliseconds of this host's clock. */
  get listedAt(): number {
    return this.#listedAt;
  }

  /**
   * Whether there was something with this id, and it is gone. Ids are never used again, but a daemon may have failed to load
   * something, and load it after its next start: then it is listed again, and events are heard again.
   */
  isGone(id: string): boolean {
    return this.#gone.has(id);
  }

  setPod(after: NodePod, at: Date, source: Change["source"]): Change {
    const before = this.pods.get(after.id);
    this.pods.set(after.id, after);
    this.#gone.delete(after.id);
    return { kind: "pod", before, after, at, source };
  }

  setContainer(after: NodeContainer, at: Date, source: Change["source"]): Change {
    const before = this.containers.get(after.id);
    this.containers.set(after.id, after);
    this.#gone.delete(after.id);
    return { kind: "container", before, after, at, source };
  }

  /** Takes what has this id away; undefined where nothing was known of it. Events bring it back in no case. */
  remove(id: string, at: Date, source: Change["source"]): Change | undefined {
    this.#gone.add(id);
    if (this.#gone.size > maxGone) for (const oldest of this.#gone) if (this.#gone.delete(oldest)) break;
    const container = this.containers.get(id);
    if (container && this.containers.delete(id))
      return { kind: "container", before: container, after: undefined, at, source };
    const pod = this.pods.get(id);
    if (pod && this.pods.delete(id)) return { kind: "pod", before: pod, after: undefined, at, source };
    return undefined;
  }

  /** Takes the lists for the truth: new pods first, then containers, then pods that stopped or are gone. */
  replace(lists: NodeLists): Change[] {
    const at = new Date();
    this.#listedAt = lists.begunAt.getTime();
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

/** A runtime's lists, and how the containers ended of which that was not known. */
export interface NodeLists {
  /** Before the first of them was asked for: what is in none of them was gone then, or did not exist yet. */
  readonly begunAt: Date;
  readonly pods: readonly PodSandbox[];
  readonly containers: readonly Container[];
  readonly exits: ReadonlyMap<string, ContainerExit>;
}

function byAge(a: { readonly createdAt: bigint }, b: { readonly createdAt: bigint }): number {
  return a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0;
}
