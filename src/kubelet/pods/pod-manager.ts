import { isCriError, rawMessageOf } from "../../core/index.js";
import {
  checkPod,
  type DefaultedPod,
  type LocalNodeFiles,
  type Node,
  type Pod,
  type PodStatus,
  PodWorker,
  removePod,
  removePodCgroup,
} from "../../kubernetes/index.js";
import type { AdmissionCheck } from "../admission-check.js";
import { withClockDeadline } from "../clock-waits.js";
import { podEventObject } from "../event-objects.js";
import type { FirstLook } from "../first-look.js";
import type { KubeletEvent } from "../kubelet-event.js";
import type { Eviction, KubeletPod } from "../kubelet-view.js";
import type { PodSource, SourcePod } from "../pod-source.js";
import type { PodAllocations } from "../resize/index.js";
import { housekeepingMs, ManagedPod, type ManagedPodHost } from "./managed-pod.js";
import type { Orphans } from "./orphans.js";
import { PodAdmission } from "./pod-admission.js";
import { type ListProblem, readListed } from "./read-listed.js";
import { unsupportedReason } from "./refusal.js";
import { isInRuntime, killAndRemovePod, type RemovalContext } from "./removal.js";
import { type SharedWorkerParts, workerPartsOf } from "./worker-parts.js";

/** The dependencies of a {@link PodManager}. */
export interface PodManagerParts extends RemovalContext, SharedWorkerParts {
  readonly files: LocalNodeFiles;
  readonly node: () => Node<Date>;
  readonly allocations: Pick<PodAllocations, "update" | "allocated" | "remove" | "retry">;
  readonly admissionChecks: readonly AdmissionCheck[];
  /** What was on the node when the kubelet started; `onNode` are the uids of the pods that had files or a sandbox of this kubelet. */
  readonly found: Omit<FirstLook, "facts"> & { readonly onNode: readonly string[] };
  readonly orphans: Pick<Orphans, "isRemoving" | "remove">;
  readonly closing: AbortSignal;
  readonly record: (event: Omit<KubeletEvent, "timeMs">) => void;
  readonly onStatus: (pod: SourcePod, status: PodStatus<Date>) => void;
  /** Waits until the sources have published the statuses of a Pod, or have failed to; undefined if none of them publishes any. */
  readonly settleStatus: ((pod: SourcePod, signal: AbortSignal) => Promise<void>) | undefined;
  readonly onRemoved: (pod: SourcePod) => void;
  /** Called when the list of pods, or anything in it, has changed. */
  readonly onChange: () => void;
}

/** How long the removal of a Pod waits for its last status to be published, in milliseconds. */
const settleStatusMs = 10_000;

/** A Pod that waits until the one with the same uid, which its source had dropped, is removed. */
interface Successor {
  readonly raw: Pod;
  readonly pod: DefaultedPod;
  readonly source: PodSource;
}

/** The pods of a kubelet: those of all sources, each with a worker from its admission to its end. */
export class PodManager {
  readonly #parts: PodManagerParts;
  /** By uid, in order of arrival. */
  readonly #pods = new Map<string, ManagedPod>();
  readonly #successors = new Map<string, Successor>();
  readonly #onNode: Set<string>;
  /** The Pods that each source gave last, as it gave them. */
  readonly #given = new Map<PodSource, readonly Pod[]>();
  /** The problems of unusable Pods in the last list of each source: each is reported once. */
  readonly #reported = new Map<PodSource, ReadonlySet<string>>();
  readonly #admission: PodAdmission;
  readonly #workerParts: ReturnType<typeof workerPartsOf>;
  readonly #host: ManagedPodHost;
  #isStopping = false;

  constructor(parts: PodManagerParts) {
    this.#parts = parts;
    this.#onNode = new Set(parts.found.onNode);
    this.#admission = new PodAdmission({
      ...parts,
      checks: parts.admissionChecks,
      isOnNode: (uid) => this.#onNode.has(uid),
      admitted: () => this.admitted(),
      preempt: (victims) => this.#preempt(victims),
    });
    this.#workerParts = workerPartsOf(parts);
    this.#host = this.#createHost();
  }

  /** Whether each source has given its Pods. */
  hasAllSources(): boolean {
    return this.#parts.options.sources.every((source) => this.#given.has(source));
  }

  /** Takes the complete list of a source's Pods. */
  setPods(source: PodSource, list: readonly Pod[]): void {
    if (this.#isStopping || this.#parts.closing.aborted) return;
    this.#given.set(source, list);
    const found = new Map<string, { readonly raw: Pod; readonly pod: DefaultedPod }>();
    const problems: ListProblem[] = [];
    for (const raw of list) {
      const { pod, problem } = readListed(raw);
      const { uid } = pod.metadata;
      if (problem !== undefined) problems.push({ pod, problem });
      else if (found.has(uid)) problems.push({ pod, problem: "is in the list of its source twice" });
      else if (this.#isOfOther(uid, source))
        problems.push({ pod, problem: "has the uid of a Pod of another source" });
      else found.set(uid, { raw, pod });
    }
    // Removed Pods first: new ones may have their names.
    for (const pod of this.#pods.values()) if (pod.source === source && !found.has(pod.uid)) pod.drop();
    for (const [uid, successor] of this.#successors)
      if (successor.source === source && !found.has(uid)) this.#successors.delete(uid);
    for (const { raw, pod } of found.values())
      try {
        this.#setPod(raw, pod, source);
      } catch (error) {
        // Such as a status of a wrong type. It must not keep the others from being used.
        problems.push({ pod, problem: `cannot be read: ${rawMessageOf(error)}` });
      }
    this.#reportNew(source, problems);
    void this.#parts.allocations.retry();
    this.#parts.onChange();
  }

  /** Syncs the pods of a source soon: all, or those with these uids. */
  refresh(source: PodSource, uids?: readonly string[]): void {
    const wanted = uids && new Set(uids);
    for (const pod of this.#pods.values())
      if (pod.source === source && (wanted === undefined || wanted.has(pod.uid))) pod.refresh();
  }

  /** Whether a pod belongs to a source, or is still being removed. */
  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  /** The Pods of all sources, from their last lists. Pods that are only being removed are not included. */
  sourcePods(): SourcePod[] {
    return Array.from(this.#pods.values())
      .filter((pod) => pod.isWanted)
      .map((pod) => ({ pod: pod.given, source: pod.source.name }));
  }

  views(): KubeletPod[] {
    return Array.from(this.#pods.values(), (pod) => pod.view);
  }

  /** Returns the Pod of this name. Of several, the first one has the node; the others wait until it is removed. */
  find(namespace: string, name: string): KubeletPod | undefined {
    const key = `${namespace}/${name}`;
    for (const pod of this.#pods.values()) if (pod.key === key) return pod.view;
    return undefined;
  }

  /** The Pods that were admitted and have not ended, as their sources gave them. */
  admitted(): DefaultedPod[] {
    return Array.from(this.#pods.values())
      .filter((pod) => pod.hasResources)
      .map((pod) => pod.pod);
  }

  /** Gives a pod the resources that are allocated to it now. */
  reallocate(uid: string): void {
    const pod = this.#pods.get(uid);
    pod?.reallocate(this.#parts.allocations.allocated(pod.pod));
  }

  evict(uid: string, eviction: Eviction): void {
    this.#pods.get(uid)?.evict(eviction);
  }

  /** Forgets what an orphan's removal has removed. */
  forgetFiles(uid: string): void {
    this.#onNode.delete(uid);
    this.#admission.forget(uid);
  }

  /** Stops and removes all pods, and takes no others. Resolves when nothing of them is left. */
  async stop(gracePeriodSeconds: number | undefined): Promise<void> {
    this.#isStopping = true;
    this.#successors.clear();
    const pods = [...this.#pods.values()];
    for (const pod of pods) pod.drop(gracePeriodSeconds);
    await Promise.all(pods.map(({ done }) => done));
  }

  /** Ends all workers, and leaves the pods running. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#pods.values(), (pod) => pod.close()));
  }

  #isOfOther(uid: string, source: PodSource): boolean {
    const known = this.#pods.get(uid);
    return known !== undefined && known.source !== source && known.isWanted;
  }

  #setPod(raw: Pod, pod: DefaultedPod, source: PodSource): void {
    const { uid } = pod.metadata;
    const known = this.#pods.get(uid);
    if (known === undefined) this.#add(raw, pod, source);
    else if (known.isWanted) known.update(raw);
    else this.#successors.set(uid, { raw, pod, source });
  }

  #add(raw: Pod, pod: DefaultedPod, source: PodSource): void {
    this.#pods.set(pod.metadata.uid, new ManagedPod(raw, pod, source, this.#host));
  }

  /** Reports the problems that the source's list before did not have. */
  #reportNew(source: PodSource, problems: readonly ListProblem[]): void {
    const before = this.#reported.get(source);
    const now = new Set<string>();
    for (const { pod, problem } of problems) {
      const { namespace, name, uid } = pod.metadata;
      const key = JSON.stringify([namespace, name, uid, problem]);
      if (!before?.has(key) && !now.has(key)) {
        const message = `The Pod of the source ${JSON.stringify(source.name)} is not used: it ${problem}`;
        const object = podEventObject(pod);
        this.#parts.record({ type: "Warning", reason: unsupportedReason, message, object });
      }
      now.add(key);
    }
    this.#reported.set(source, now);
  }

  #createHost(): ManagedPodHost {
    const parts = this.#parts;
    const { clock, closing } = parts;
    return {
      closing,
      now: () => clock.now(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      check: (pod, source) => this.#check(pod, source),
      predecessorOf: (pod) => this.#predecessorOf(pod),
      clearPlace: (pod) => this.#clearPlace(pod),
      release: (pod) => this.#release(pod),
      isOnNode: (uid) => this.#onNode.has(uid),
      admit: (pod, onAdmitted) => this.#admission.decide(pod, onAdmitted),
      allocate: (pod) => {
        this.#onNode.add(pod.metadata.uid);
        return parts.allocations.update(pod);
      },
      createWorker: (pod, allocated) => this.#createWorker(pod, allocated),
      remove: (pod) => this.#remove(pod),
      onStatus: (pod, status) => {
        parts.onStatus(ofSource(pod), status);
        parts.onChange();
      },
      settleStatus: (pod) => this.#settleStatus(pod),
      onChange: parts.onChange,
      onRemoved: (pod) => {
        parts.onRemoved(ofSource(pod));
        parts.onChange();
      },
      onForgotten: (pod) => this.#forget(pod),
      record: (pod, event) => this.#record(pod, event),
    };
  }

  #check(pod: Pod, source: PodSource): DefaultedPod {
    const { volumePlugins, allowedUnsafeSysctls, capacity = {} } = this.#parts.options;
    const extendedResources = Object.keys(capacity).filter((name) => name.includes("/"));
    // A source without inputs has no objects that a Pod could refer to.
    const inputs = source.inputs && {
      configMaps: [],
      secrets: [],
      runtimeClasses: {},
      serviceAccountTokens: {},
    };
    // A source with the objects of an API server also has the conditions that others set for readiness gates.
    const readinessGates = source.inputs !== undefined;
    return checkPod(pod, { inputs, volumePlugins, allowedUnsafeSysctls, extendedResources, readinessGates });
  }

  /** Returns the earlier pod of the same name, which must be removed first: their log folders and statuses share the name. */
  #predecessorOf(pod: ManagedPod): ManagedPod | undefined {
    for (const other of this.#pods.values()) {
      // In the constructor of the Pod, it is not in the list yet, and all of them came before.
      if (other.uid === pod.uid) return undefined;
      if (other.key === pod.key) return other;
    }
    return undefined;
  }

  /**
   * Removes the earlier pod of the same name, which was replaced while no kubelet ran. No other source can have it, since it has the same
   * name.
   */
  async #clearPlace(pod: ManagedPod): Promise<void> {
    const { orphans, found, clock, closing } = this.#parts;
    const isInTheWay = (uid: string) =>
      uid === pod.uid
        ? orphans.isRemoving(uid)
        : found.names.get(uid) === pod.key && this.#onNode.has(uid) && !this.#pods.has(uid);
    for (;;) {
      const uid = [pod.uid, ...this.#onNode].find(isInTheWay);
      if (uid === undefined) return;
      await orphans.remove(uid, closing);
      if (isInTheWay(uid)) await clock.sleep(housekeepingMs, closing);
    }
  }

  /** Releases the volumes and the cgroup of a Pod that has ended. Its containers stay, with their logs. */
  async #release(pod: ManagedPod): Promise<void> {
    const { files, facts, allocations, closing } = this.#parts;
    try {
      await files.releaseVolumes(pod.uid, closing);
      await removePodCgroup(pod.uid, facts());
    } catch (error) {
      // The removal of the Pod retries it.
      if (!closing.aborted)
        this.#record(pod, { type: "Warning", reason: "FailedUnMount", message: rawMessageOf(error) });
    }
    void allocations.retry();
  }

  /** Gives the sources ten seconds to publish the last status of a Pod. */
  async #settleStatus(pod: ManagedPod): Promise<void> {
    const { clock, closing, settleStatus } = this.#parts;
    if (!settleStatus) return;
    await withClockDeadline(clock, settleStatusMs, closing, "the last status", (signal) =>
      settleStatus(ofSource(pod), signal),
    ).catch(() => closing.throwIfAborted());
  }

  /** Stops Pods to make room for a critical one, and waits until they have stopped. */
  async #preempt(victims: readonly DefaultedPod[]): Promise<void> {
    const pods = victims.flatMap(({ metadata }) => this.#pods.get(metadata.uid) ?? []);
    const message = "Preempted in order to admit critical pod";
    const disruption = "Pod was preempted by Kubelet to accommodate a critical pod.";
    for (const pod of pods) {
      this.#record(pod, { type: "Warning", reason: "Preempting", message });
      pod.evict({ reason: "Preempting", message, disruption });
    }
    await Promise.all(pods.map((pod) => pod.whenEnded()));
  }

  #createWorker(pod: ManagedPod, allocated: DefaultedPod): PodWorker {
    const { options, onStatus, onChange } = this.#parts;
    const parts = {
      ...this.#workerParts(pod),
      record: ({ container, timeMs: _, ...event }: Parameters<PodWorkerRecord>[0]) =>
        this.#record(pod, event, container),
      onStatus: (status: PodStatus<Date>) => {
        onStatus({ pod: pod.pod, source: pod.source.name }, status);
        onChange();
      },
    };
    return new PodWorker(allocated, parts, { backOff: options.backOff, previous: pod.givenStatus });
  }

  async #remove(pod: ManagedPod): Promise<void> {
    const { cri, allocations, probeCounts, closing } = this.#parts;
    const { namespace, name, uid } = pod.pod.metadata;
    probeCounts.forget(uid);
    await allocations.remove(uid);
    const isRemoved = pod.state === "ended" && pod.hadWorker && (await this.#removeStopped(pod));
    // Also a Pod without files on the node: its source may see it removed only after it has stopped.
    if (!isRemoved && (this.#onNode.has(uid) || (await isInRuntime(cri, uid, closing)))) {
      const record = (event: { type: "Normal" | "Warning"; reason: string; message: string }) =>
        this.#record(pod, event);
      await killAndRemovePod({ namespace, name, uid }, this.#parts, record, closing);
    }
    this.#onNode.delete(uid);
    // Others may get what it had.
    void allocations.retry();
  }

  /** Removes a pod that its worker has stopped. Returns false when it runs after all: its runtime has not known that a moment ago. */
  async #removeStopped(pod: ManagedPod): Promise<boolean> {
    const { cri, files, facts } = this.#parts;
    try {
      await removePod(pod.pod, { runtime: cri.runtime, files }, { node: facts() });
      return true;
    } catch (error) {
      if (isCriError(error) && error.reason === "wrong_state") return false;
      throw error;
    }
  }

  #forget(pod: ManagedPod): void {
    this.#pods.delete(pod.uid);
    const successor = this.#successors.get(pod.uid);
    this.#successors.delete(pod.uid);
    if (successor) this.#add(successor.raw, successor.pod, successor.source);
    for (const other of this.#pods.values()) if (other.key === pod.key) other.wake();
    this.#parts.onChange();
  }

  #record(
    pod: ManagedPod,
    event: { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string },
    container?: string,
  ): void {
    const fieldPath = container === undefined ? undefined : fieldPathOf(pod.pod, container);
    this.#parts.record({ ...event, object: { ...podEventObject(pod.pod), fieldPath } });
  }
}

type PodWorkerRecord = ConstructorParameters<typeof PodWorker>[1]["record"];

/** Returns the field of a container, as events have it. */
function fieldPathOf({ spec }: DefaultedPod, container: string): string {
  for (const field of ["initContainers", "ephemeralContainers"] as const)
    if (spec[field].some(({ name }) => name === container)) return `spec.${field}{${container}}`;
  return `spec.containers{${container}}`;
}

function ofSource({ pod, source }: ManagedPod): SourcePod {
  return { pod, source: source.name };
}
