import { messageOf } from "../../core/index.js";
import {
  type Clock,
  type DefaultedPod,
  hasEqualAmounts,
  type Node,
  type PendingResize,
  type PodResizing,
  podQosClass,
  podRequest,
  type ResourceRequirements,
  resizableContainersOf,
  resizeMessage,
} from "../../kubernetes/index.js";
import type { AdmissionCheck } from "../admission-check.js";
import { podEventObject } from "../event-objects.js";
import type { KubeletEvent } from "../kubelet-event.js";
import type { KubeletLoop } from "../kubelet-view.js";
import { type PodResources, ResourceCheckpoints, type ResourceRecord } from "./checkpoint.js";
import { infeasible } from "./decide.js";

/** What {@link PodAllocations} needs of its kubelet. */
export interface AllocationsOptions {
  readonly rootDir: string;
  readonly clock: Clock;
  /** The Node as it is now: its allocatable resources are the limit. */
  readonly node: () => Node<Date>;
  /** The Pods that were admitted and have not ended, as their sources gave them. */
  readonly pods: () => readonly DefaultedPod[];
  /** Whether each source has given its Pods: before, too few pods would be counted, and nothing is decided. */
  readonly hasAllSources: () => boolean;
  /** The check whether a Pod fits on the node: of CPU and memory. Resizes that it refuses are deferred. */
  readonly fits: AdmissionCheck;
  /** Whether containers of this node may use swap: `NodeFacts.swapBehavior` is LimitedSwap. @default false */
  readonly hasSwap?: boolean | undefined;
  /** Returns the memory that a container uses, in bytes, such as `workingSet` of its stats. @default unknown: any limit is set */
  readonly memoryUsageBytes?: PodResizing["memoryUsageBytes"] | undefined;
  readonly record: (event: Omit<KubeletEvent, "timeMs">) => void;
  /** Called when the allocation of a Pod, or why it waits, has changed: update its worker with {@link PodAllocations.allocated}. */
  readonly onChange: (podUid: string) => void;
}

/** The pauses between two decisions about resizes that wait, in milliseconds; the first until all sources have given their Pods. */
const retryMs = { initial: 30_000, later: 180_000 } as const;

/** A resize that is not allocated. */
interface Waiting {
  /** The Pod with the resources that it wants. */
  readonly pod: DefaultedPod;
  readonly sinceMs: number;
  /** Undefined until it was decided about for the first time. */
  readonly pending: PendingResize | undefined;
  /** Whether it is decided about again: not after `Infeasible`. */
  readonly isQueued: boolean;
}

/**
 * What the node has given to its pods. A Pod whose resources change in place gets them when they fit on the node; until
 * then its worker runs it with the resources that it has. All of it is on disk, so that a new process neither resizes nor restarts a
 * container that an earlier one has started.
 *
 * The worker of a Pod runs what {@link allocated} returns, and has this object as its `resizing`.
 */
export class PodAllocations implements KubeletLoop, PodResizing {
  readonly #options: AllocationsOptions;
  readonly #checkpoints: ResourceCheckpoints;
  readonly #records: Map<string, ResourceRecord>;
  readonly #waiting = new Map<string, Waiting>();
  /** The last write of a pod, by its uid. */
  readonly #writes = new Map<string, Promise<void>>();
  /** The last decision: they are made one after the other. */
  #decision: Promise<void> = Promise.resolve();

  private constructor(
    options: AllocationsOptions,
    checkpoints: ResourceCheckpoints,
    records: Map<string, ResourceRecord>,
  ) {
    this.#options = options;
    this.#checkpoints = checkpoints;
    this.#records = records;
  }

  /** Reads what an earlier process has kept. */
  static async open(options: AllocationsOptions): Promise<PodAllocations> {
    const checkpoints = new ResourceCheckpoints(options.rootDir);
    return new PodAllocations(options, checkpoints, await checkpoints.readAll());
  }

  /** Whether resources are allocated to the Pod: it was admitted, by this process or an earlier one. */
  isAllocated(podUid: string): boolean {
    return this.#records.get(podUid)?.allocated !== undefined;
  }

  /**
   * Returns the Pod with its allocated resources; unchanged if none are allocated. Admission checks and workers use this version.
   */
  allocated(pod: DefaultedPod): DefaultedPod {
    const allocated = this.#records.get(pod.metadata.uid)?.allocated;
    return allocated === undefined ? pod : withResources(pod, allocated);
  }

  /**
   * Allocates the resources of a Pod that was admitted, unless it has some, and decides about those that differ from them: they are of a
   * newer version of the Pod. Returns the Pod for its worker. Call it before the worker starts, and with each new version of the Pod.
   */
  async update(pod: DefaultedPod): Promise<DefaultedPod> {
    const { uid } = pod.metadata;
    if (!this.isAllocated(uid)) await this.#allocate(pod);
    else if (this.#isAsAllocated(pod)) this.#waiting.delete(uid);
    else {
      const { sinceMs = this.#options.clock.now(), pending } = this.#waiting.get(uid) ?? {};
      this.#waiting.set(uid, { pod, sinceMs, pending, isQueued: true });
      await this.retry();
    }
    return this.allocated(pod);
  }

  /**
   * Decides again about pending resizes. Call it when all sources have given their Pods, and when pods were added, ended or were removed.
   * Never rejects: a check that fails is an event, and is tried again.
   */
  async retry(): Promise<void> {
    const decision = this.#decision.then(() => this.#decideAll());
    this.#decision = decision;
    await decision;
  }

  /** Forgets a pod. Call it when its worker has ended, before its files are removed, which contain what is kept of it. */
  async remove(podUid: string): Promise<void> {
    this.#records.delete(podUid);
    this.#waiting.delete(podUid);
    await this.#writes.get(podUid);
  }

  /** Decides about resizes that wait from time to time. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const ms = this.#options.hasAllSources() ? retryMs.later : retryMs.initial;
      await this.#options.clock.sleep(ms, signal).catch(() => undefined);
      if (!signal.aborted) await this.retry();
    }
  }

  readonly actuated = (podUid: string): Readonly<Record<string, ResourceRequirements>> =>
    this.#records.get(podUid)?.actuated ?? {};

  readonly generation = (podUid: string): number | undefined => this.#records.get(podUid)?.generation;

  readonly setActuated = async (
    podUid: string,
    containerName: string,
    resources: ResourceRequirements,
  ): Promise<void> => {
    const record = this.#records.get(podUid) ?? { actuated: {} };
    await this.#keep(podUid, { ...record, actuated: { ...record.actuated, [containerName]: resources } });
  };

  readonly pending = (podUid: string): PendingResize | undefined => this.#waiting.get(podUid)?.pending;

  readonly memoryUsageBytes: PodResizing["memoryUsageBytes"] = async (containerId, signal) =>
    this.#options.memoryUsageBytes?.(containerId, signal);

  async #decideAll(): Promise<void> {
    if (!this.#options.hasAllSources()) return;
    const uids = new Set(this.#options.pods().map(({ metadata }) => metadata.uid));
    const queued = [...this.#waiting.values()].filter(
      ({ pod, isQueued }) => isQueued && uids.has(pod.metadata.uid),
    );
    for (const { pod } of this.#inOrder(queued))
      try {
        await this.#decide(pod);
      } catch (error) {
        this.#options.record({
          type: "Warning",
          reason: "FailedResizeDecision",
          message: `cannot decide about a resize: ${messageOf(error)}`,
          object: podEventObject(pod),
        });
      }
  }

  /** Sorts resizes: those that request no more come first, then by priority, QoS class and the time of their wait. */
  #inOrder(queued: readonly Waiting[]): Waiting[] {
    const rank = ({ pod, sinceMs }: Waiting): readonly number[] => [
      this.#requestsMore(pod) ? 1 : 0,
      -(pod.spec.priority ?? 0),
      podQosClass(pod) === "Guaranteed" ? 0 : 1,
      sinceMs,
    ];
    return queued
      .map((item) => ({ item, key: rank(item) }))
      .sort((one, other) => compareLists(one.key, other.key))
      .map(({ item }) => item);
  }

  #requestsMore(pod: DefaultedPod): boolean {
    const before = this.allocated(pod);
    return ["cpu", "memory"].some((name) => {
      const wanted = podRequest(pod.spec, name);
      const has = podRequest(before.spec, name);
      return wanted !== undefined && (has === undefined || wanted.compare(has) > 0);
    });
  }

  async #decide(pod: DefaultedPod): Promise<void> {
    const { node, hasSwap = false, onChange, record } = this.#options;
    const { uid, generation } = pod.metadata;
    const waiting = this.#waiting.get(uid);
    if (waiting === undefined) return;
    const refusal = infeasible(pod, this.allocated(pod), node(), hasSwap) ?? (await this.#doesNotFit(pod));
    if (this.#waiting.get(uid) !== waiting) return;
    if (refusal === undefined) {
      await this.#allocate(pod);
      this.#waiting.delete(uid);
      const message = resizeMessage("Pod resize started", pod, { generation });
      record({ type: "Normal", reason: "ResizeStarted", message, object: podEventObject(pod) });
      onChange(uid);
      return;
    }
    const { reason, message: error } = refusal;
    const before = waiting.pending;
    const pending = { ...refusal, ...(generation !== undefined && { observedGeneration: generation }) };
    this.#waiting.set(uid, { ...waiting, pending, isQueued: reason === "Deferred" });
    const isSame =
      before?.reason === reason &&
      before.message === error &&
      before.observedGeneration === pending.observedGeneration;
    if (isSame) return;
    const message = resizeMessage(`Pod resize ${reason}`, pod, { generation, error });
    record({ type: "Warning", reason: `Resize${reason}`, message, object: podEventObject(pod) });
    onChange(uid);
  }

  async #doesNotFit(pod: DefaultedPod): Promise<PendingResize | undefined> {
    const { node, pods, fits } = this.#options;
    const others = pods()
      .filter(({ metadata }) => metadata.uid !== pod.metadata.uid)
      .map((other) => this.allocated(other));
    const rejection = await fits({ pod, node: node(), others });
    return rejection && { reason: "Deferred", message: rejection.message };
  }

  async #allocate(pod: DefaultedPod): Promise<void> {
    const { uid, generation } = pod.metadata;
    const record: ResourceRecord = {
      allocated: resourcesOf(pod),
      ...(generation !== undefined && { generation }),
      actuated: this.actuated(uid),
    };
    try {
      await this.#keep(uid, record);
    } catch (error) {
      // The pod runs all the same, as in the kubelet: a restart of this process finds its next start or change.
      this.#options.record({
        type: "Warning",
        reason: "FailedAllocationCheckpoint",
        message: `cannot save the allocated resources: ${messageOf(error)}`,
        object: podEventObject(pod),
      });
    }
  }

  #isAsAllocated(pod: DefaultedPod): boolean {
    const { allocated } = this.#records.get(pod.metadata.uid) ?? {};
    if (allocated === undefined) return false;
    const wanted = resourcesOf(pod);
    return (
      hasEqualAmounts(wanted.pod ?? {}, allocated.pod ?? {}) &&
      Object.entries(wanted.containers).every(([name, resources]) =>
        hasEqualAmounts(resources, allocated.containers[name] ?? {}),
      )
    );
  }

  /** Takes a record, and writes it after those before it. A pod that was removed meanwhile is not written. */
  async #keep(podUid: string, record: ResourceRecord): Promise<void> {
    this.#records.set(podUid, record);
    const before = this.#writes.get(podUid) ?? Promise.resolve();
    const write = before
      .catch(() => undefined)
      .then(async () => {
        const newest = this.#records.get(podUid);
        if (newest) await this.#checkpoints.write(podUid, newest);
      });
    const settled = write.catch(() => undefined);
    this.#writes.set(podUid, settled);
    try {
      await write;
    } finally {
      if (this.#writes.get(podUid) === settled) this.#writes.delete(podUid);
    }
  }
}

function resourcesOf(pod: DefaultedPod): PodResources {
  const { resources } = pod.spec;
  return {
    ...(resources && { pod: resources }),
    containers: Object.fromEntries(
      resizableContainersOf(pod).map(({ name, resources = {} }) => [name, resources]),
    ),
  };
}

function withResources(pod: DefaultedPod, { pod: ofPod, containers }: PodResources): DefaultedPod {
  const resizable = new Set(resizableContainersOf(pod).map(({ name }) => name));
  const replaced = <T extends { readonly name: string }>(list: readonly T[]): T[] =>
    list.map((container) => {
      const resources = containers[container.name];
      return resizable.has(container.name) && resources ? { ...container, resources } : container;
    });
  const { resources: _, ...spec } = pod.spec;
  return {
    ...pod,
    spec: {
      ...spec,
      ...(ofPod && { resources: ofPod }),
      containers: replaced(spec.containers),
      initContainers: replaced(spec.initContainers),
    },
  };
}

function compareLists(one: readonly number[], other: readonly number[]): number {
  for (const [index, value] of one.entries()) {
    const difference = value - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
