import { raceAbort } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import { removeInstances, removeSandboxes } from "../../kubernetes/index.js";
import type { KubeletLoop, KubeletPod, KubeletView } from "../kubelet-view.js";
import type { NodeRelist } from "../relist/index.js";
import { collectAgain } from "./collect-again.js";
import { type DeadObjects, deadObjects, type PodOwnership } from "./dead-objects.js";
import type { GarbageCollectionOptions } from "./options.js";
import { podsWithLogs, removeDanglingLinks } from "./pod-logs.js";

/** What {@link GarbageCollection} uses. */
export interface GarbageParts {
  readonly view: Pick<KubeletView, "clock" | "files" | "pods" | "hasAllSources" | "record" | "nodeName"> & {
    readonly cri: Pick<Cri, "runtime">;
  };
  readonly relist: Pick<NodeRelist, "pods" | "containers" | "podUidOf" | "podUids" | "relist">;
  /** The folder of pods' logs. */
  readonly podLogsDir: string;
  /** The folder of links to the logs of containers. @default none */
  readonly containerLogsDir?: string | undefined;
  /** Whether what belongs to pods without files in the root folder is collected, too. @default "keep" */
  readonly foreignPods?: "keep" | "remove" | undefined;
}

/** What is collected. */
export interface CollectOptions {
  /** Also what is kept for the statuses and logs of pods that have ended, since the node needs space. @default false */
  readonly everything?: boolean | undefined;
}

/**
 * Collects dead containers, dead sandboxes and logs of removed pods. The workers of active pods prune their own dead containers; this is
 * about pods that have ended, pods that are gone, and the limit of the node. Running containers are never stopped here.
 */
export class GarbageCollection implements KubeletLoop {
  readonly #parts: GarbageParts;
  readonly #intervalMs: number;
  readonly #maxDeadContainers: number;
  /** The uids of pods that had files on this node while this kubelet ran: their logs may be removed. */
  readonly #ownUids = new Set<string>();

  constructor(parts: GarbageParts, options: GarbageCollectionOptions = {}) {
    this.#parts = parts;
    this.#intervalMs = options.intervalMs ?? 60_000;
    this.#maxDeadContainers = options.maxDeadContainers ?? Number.POSITIVE_INFINITY;
  }

  async run(signal: AbortSignal): Promise<void> {
    const collect = (aborted: AbortSignal) => this.collect(aborted);
    const loop = { intervalMs: this.#intervalMs, failureReason: "ContainerGCFailed", collect };
    await collectAgain(this.#parts.view, loop, signal);
  }

  /** Collects once. Rejects when the runtime does not answer, when a file cannot be removed, or when the signal fires. */
  async collect(signal: AbortSignal, { everything = false }: CollectOptions = {}): Promise<void> {
    const { view, relist, containerLogsDir, podLogsDir } = this.#parts;
    await relist.relist(signal);
    // After the list: a pod that is new since then has nothing in it.
    const onNode = await view.files.listPods();
    const pods = this.#knownPods();
    for (const uid of [...onNode, ...pods.keys()]) this.#ownUids.add(uid);
    const dead = deadObjects({
      pods: relist.pods.values(),
      containers: relist.containers.values(),
      podUidOf: (one) => relist.podUidOf(one),
      ownershipOf: (uid) => this.#ownershipOf(uid, pods),
      maxDeadContainers: this.#maxDeadContainers,
      everything,
    });
    await this.#remove(dead, pods, signal);
    await this.#removeLogs(new Set(onNode), signal);
    if (containerLogsDir === undefined) return;
    const running = [...relist.containers.values()].filter(({ state }) => state === "running");
    await removeDanglingLinks(
      containerLogsDir,
      podLogsDir,
      running.map(({ id }) => id),
    );
  }

  /** A pod is gone when no source has it. Before each source has given its Pods, that is unknown. */
  #ownershipOf(uid: string, pods: ReadonlyMap<string, KubeletPod>): PodOwnership {
    const known = pods.get(uid);
    if (known) return known.state === "ended" || known.state === "rejected" ? "ended" : "active";
    const isOwn = this.#parts.foreignPods === "remove" || this.#ownUids.has(uid);
    return isOwn && uid !== "" && this.#parts.view.hasAllSources() ? "gone" : "foreign";
  }

  async #remove(
    { containers, sandboxes }: DeadObjects,
    pods: ReadonlyMap<string, KubeletPod>,
    signal: AbortSignal,
  ): Promise<void> {
    const { view, relist } = this.#parts;
    const { runtime } = view.cri;
    for (const container of containers) {
      signal.throwIfAborted();
      const known = pods.get(relist.podUidOf(container));
      const instance = known?.observed.containers.find(({ id }) => id === container.id);
      if (known && instance)
        await raceAbort(removeInstances(known.pod, [instance], { runtime, files: view.files }), signal);
      else await runtime.removeContainer({ containerId: container.id }, { signal });
    }
    for (const { id } of sandboxes) {
      signal.throwIfAborted();
      await raceAbort(removeSandboxes([id], { runtime }), signal);
    }
  }

  /** Removes the logs of pods of which nothing else is left. */
  async #removeLogs(onNode: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const { view, relist, podLogsDir } = this.#parts;
    const withLogs = new Set(await podsWithLogs(podLogsDir));
    for (const uid of new Set([...withLogs, ...this.#ownUids])) {
      signal.throwIfAborted();
      // Asked each time: a static pod that was removed may come back with its uid.
      if (onNode.has(uid) || relist.podUids().has(uid)) continue;
      if (this.#ownershipOf(uid, this.#knownPods()) !== "gone") continue;
      if (withLogs.has(uid)) await view.files.removeLogs(uid);
      else this.#ownUids.delete(uid);
    }
  }

  #knownPods(): ReadonlyMap<string, KubeletPod> {
    return new Map(this.#parts.view.pods().map((one) => [one.pod.metadata.uid, one]));
  }
}
