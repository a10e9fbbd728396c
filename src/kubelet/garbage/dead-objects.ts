import type { NodeContainer, NodePod } from "../../events/index.js";

/** What is known of the owner of a sandbox or container: `foreign` is that of another owner. */
export type PodOwnership = "active" | "ended" | "gone" | "foreign";

/** What the decision is made from. */
export interface DeadObjectsInput {
  readonly pods: Iterable<NodePod>;
  readonly containers: Iterable<NodeContainer>;
  readonly podUidOf: (container: NodeContainer) => string;
  readonly ownershipOf: (podUid: string) => PodOwnership;
  /** The dead containers that may remain. */
  readonly maxDeadContainers: number;
  /** Whether what is kept for the statuses and logs of ended pods is removed, too. */
  readonly everything: boolean;
}

/** What may be removed. Containers first: a sandbox is removed once it has none. */
export interface DeadObjects {
  readonly containers: readonly NodeContainer[];
  readonly sandboxes: readonly NodePod[];
}

/**
 * Decides which dead containers and sandboxes are removed, with the kubelet's rules: all of pods that are gone; of pods that have ended, all but
 * the newest instance of each container and the newest sandbox; and beyond the limit of the node the oldest ones of ended pods. Those of
 * active pods belong to their workers, which keep only what statuses and restart counts are read from.
 */
export function deadObjects(input: DeadObjectsInput): DeadObjects {
  const { podUidOf, ownershipOf, everything } = input;
  const all = [...input.containers];
  const removed = new Set<NodeContainer>();
  const newestOf = new Set<string>();
  const kept: NodeContainer[] = [];
  for (const container of all.sort(newestFirst)) {
    const uid = podUidOf(container);
    const ownership = ownershipOf(uid);
    if (container.state === "running" || ownership === "foreign") continue;
    if (ownership === "gone") removed.add(container);
    else if (container.state !== "exited") continue;
    else if (ownership === "ended") {
      const key = `${uid} ${container.name}`;
      if (everything || newestOf.has(key)) removed.add(container);
      else kept.push(container);
      newestOf.add(key);
    }
  }
  const isDead = (one: NodeContainer) => one.state === "exited" && ownershipOf(podUidOf(one)) !== "foreign";
  let excess = all.filter((one) => isDead(one) && !removed.has(one)).length - input.maxDeadContainers;
  for (; excess > 0 && kept.length > 0; excess--) {
    const oldest = kept.pop();
    if (oldest) removed.add(oldest);
  }
  return { containers: [...removed], sandboxes: deadSandboxes(input, all, removed) };
}

function deadSandboxes(
  { pods, ownershipOf }: DeadObjectsInput,
  containers: readonly NodeContainer[],
  removed: ReadonlySet<NodeContainer>,
): NodePod[] {
  const inUse = new Set(containers.filter((one) => !removed.has(one)).map(({ podId }) => podId));
  const seen = new Set<string>();
  return [...pods].sort(newestFirst).filter(({ id, uid, state }) => {
    const isNewest = !seen.has(uid);
    seen.add(uid);
    if (state === "ready" || inUse.has(id)) return false;
    const ownership = ownershipOf(uid);
    return ownership === "gone" || (ownership === "ended" && !isNewest);
  });
}

function newestFirst(
  one: { readonly createdAt: Date | undefined },
  other: { readonly createdAt: Date | undefined },
): number {
  return Number(other.createdAt ?? 0) - Number(one.createdAt ?? 0);
}
