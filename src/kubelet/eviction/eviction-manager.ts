import type { Cri } from "../../cri.js";
import { isCriticalPod, podQosClass, steadyMs } from "../../kubernetes/index.js";
import { toleratesTaint } from "../admission/taints.js";
import type { AdmissionCheck } from "../admission-check.js";
import { callSafely } from "../callbacks.js";
import { pause, withClockDeadline } from "../clock-waits.js";
import { podEventObject, recordNodeWarning } from "../event-objects.js";
import type { GarbageCollection, ImageGarbageCollection } from "../garbage/index.js";
import type { Eviction, KubeletLoop, KubeletPod, KubeletView } from "../kubelet-view.js";
import type { NodeRelist } from "../relist/index.js";
import { exceededLocalLimit, hasLocalLimits, hasStorageLimits } from "./local-limits.js";
import { evictionMessage } from "./messages.js";
import { MetThresholds } from "./met-thresholds.js";
import { nodeSignals } from "./node-signals.js";
import { type EvictionOptions, resolveThresholds } from "./options.js";
import { PodConsumptions } from "./pod-consumptions.js";
import type { EvictionCandidate, EvictionPolicy, MetThreshold } from "./policy.js";
import { rankPods } from "./rank-pods.js";
import { type NodePressures, type Observations, type SignalReader, signalRules } from "./signals.js";

/** What {@link EvictionManager} uses. */
export interface EvictionParts {
  readonly view: Pick<KubeletView, "clock" | "pods" | "facts" | "evict" | "record" | "nodeName"> & {
    readonly cri: {
      readonly stats: Pick<Cri["stats"], "containers" | "pods">;
      readonly images: Pick<Cri["images"], "fsInfo">;
    };
  };
  readonly relist: Pick<NodeRelist, "isRunning">;
  /** Frees what dead containers occupy before pods are evicted. @default they stay */
  readonly garbage?: Pick<GarbageCollection, "collect"> | undefined;
  /** Removes unused images before pods are evicted. @default they stay */
  readonly imageGarbage?: Pick<ImageGarbageCollection, "removeUnused"> | undefined;
  /** Called when a pressure begins or ends, so that the node's status can be sent at once. */
  readonly onPressureChange?: (() => void) | undefined;
}

/** The shortest grace period: hard thresholds and limits of pods do not wait. */
const immediateSeconds = 1;
/** How long an evicted pod may take to end before the node is measured again, as in the kubelet. */
const cleanUpTimeoutMs = 30_000;
const cleanUpPollMs = 1_250;
/** A reader that hangs must not end the protection of the node. */
const signalsTimeoutMs = 30_000;

const memoryPressureTaint = { key: "node.kubernetes.io/memory-pressure", effect: "NoSchedule" } as const;
const conditionTypes = { memory: "MemoryPressure", disk: "DiskPressure", pid: "PIDPressure" } as const;

/**
 * Keeps the node usable: it measures memory, disks and process ids, reclaims unused resources, and evicts pods, as the kubelet's
 * eviction manager does. It also evicts pods that exceed their own limits of ephemeral storage, or the `sizeLimit` of an emptyDir. Critical
 * pods are never evicted.
 */
export class EvictionManager implements KubeletLoop {
  readonly #parts: EvictionParts;
  readonly #met: MetThresholds;
  readonly #intervalMs: number;
  readonly #maxPodGraceSeconds: number;
  readonly #policy: EvictionPolicy;
  readonly #readSignals: SignalReader;
  readonly #consumptions: PodConsumptions;

  /** Throws `invalid_option` for a soft threshold without a grace period. */
  constructor(parts: EvictionParts, options: EvictionOptions = {}) {
    const { view } = parts;
    const { clock, cri } = view;
    this.#parts = parts;
    this.#met = new MetThresholds(resolveThresholds(options), options.pressureTransitionMs ?? 300_000);
    this.#intervalMs = options.intervalMs ?? 10_000;
    this.#maxPodGraceSeconds = options.maxPodGracePeriodSeconds ?? 0;
    this.#policy = options.policy ?? rankPods;
    const defaultReader = nodeSignals({ cri, clock, rootDir: () => view.facts().rootDir });
    this.#readSignals = options.signals?.(defaultReader) ?? defaultReader;
    this.#consumptions = new PodConsumptions({ cri, clock, facts: view.facts });
  }

  /** Returns the pressures of the node, for its conditions. There is none before the first measurement. */
  pressures(): NodePressures {
    return this.#met.pressures;
  }

  /**
   * Refuses pods that would make a pressure worse: under memory pressure BestEffort pods that do not tolerate it, under other
   * pressures all pods. Critical pods are admitted.
   */
  readonly admission: AdmissionCheck = ({ pod }) => {
    const pressures = this.pressures();
    const present = (["memory", "disk", "pid"] as const).filter((name) => pressures[name]);
    if (present.length === 0 || isCriticalPod(pod)) return undefined;
    if (present.length === 1 && pressures.memory) {
      if (podQosClass(pod) !== "BestEffort") return undefined;
      const { tolerations = [] } = pod.spec;
      if (tolerations.some((one) => toleratesTaint(one, memoryPressureTaint))) return undefined;
    }
    const names = present.map((name) => conditionTypes[name]).join(" ");
    return { reason: "Evicted", message: `The node had condition: [${names}]. ` };
  };

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const evicted = await this.synchronize(signal).catch(() => []);
      if (evicted.length > 0) await this.#waitUntilEnded(evicted, signal);
      else await pause(this.#parts.view.clock, this.#intervalMs, signal);
    }
  }

  /**
   * Measures once, and evicts what must be evicted. Resolves with the uids of the evicted pods: one for a threshold of the node, and all
   * that exceed their own limits. Rejects when the signals cannot be read, and when the signal fires.
   */
  async synchronize(signal: AbortSignal): Promise<readonly string[]> {
    const { view } = this.#parts;
    const observations = await this.#observe(signal);
    const before = this.pressures();
    const due = this.#met.update(steadyMs(view.clock), observations);
    const after = this.pressures();
    if ((["memory", "disk", "pid"] as const).some((name) => before[name] !== after[name]))
      this.#parts.onPressureChange?.();
    const exceeding = await this.#evictByLocalLimits(signal);
    if (exceeding.length > 0) return exceeding;
    const [first] = due;
    if (!first) return [];
    const { resource } = signalRules[first.signal];
    recordNodeWarning(view, "EvictionThresholdMet", `Attempting to reclaim ${resource}`);
    if (await this.#reclaim(first, observations, signal)) return [];
    const evicted = await this.#evictOne(first, observations, signal);
    return evicted === undefined ? [] : [evicted];
  }

  async #observe(signal: AbortSignal): Promise<Observations> {
    return await withClockDeadline(
      this.#parts.view.clock,
      signalsTimeoutMs,
      signal,
      "the signals of evictions",
      async (aborted) => this.#readSignals(aborted),
    );
  }

  /** The pods that run and are not being stopped. */
  #activePods(): readonly KubeletPod[] {
    return this.#parts.view.pods().filter(({ state }) => state === "active");
  }

  async #evictByLocalLimits(signal: AbortSignal): Promise<readonly string[]> {
    const pods = this.#activePods().filter((one) => hasLocalLimits(one) && !isCriticalPod(one.pod));
    if (pods.length === 0) return [];
    const what = { usage: pods.some(hasStorageLimits), files: true, processes: false };
    const candidates = await this.#consumptions.measure(pods, what, signal);
    return candidates.flatMap((candidate) => {
      const message = exceededLocalLimit(candidate);
      return message === undefined
        ? []
        : [this.#evict(candidate, { message, gracePeriodSeconds: immediateSeconds })];
    });
  }

  /** Reclaims dead containers and unused images. Resolves with whether that was enough. */
  async #reclaim({ signal: name }: MetThreshold, node: Observations, signal: AbortSignal): Promise<boolean> {
    const { containers, images } = reclaimable(name, node);
    const garbage = containers ? this.#parts.garbage : undefined;
    const imageGarbage = images ? this.#parts.imageGarbage : undefined;
    if (!garbage && !imageGarbage) return false;
    // Failures are retried with the next measurement.
    await garbage?.collect(signal, { everything: true }).catch(() => undefined);
    await imageGarbage?.removeUnused(signal).catch(() => undefined);
    signal.throwIfAborted();
    return this.#met.areResolved(await this.#observe(signal));
  }

  async #evictOne(
    threshold: MetThreshold,
    { hasOwnImageFs, hasOwnContainerFs }: Observations,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const pods = this.#activePods();
    if (pods.length === 0) return undefined;
    const { pressure } = signalRules[threshold.signal];
    const what = { usage: pressure !== "pid", files: pressure === "disk", processes: pressure === "pid" };
    const candidates = await this.#consumptions.measure(pods, what, signal);
    let ranked: readonly EvictionCandidate[] = [];
    callSafely("eviction.policy", () => {
      ranked = this.#policy({ threshold, candidates, hasOwnImageFs, hasOwnContainerFs });
    });
    const chosen = ranked.find(({ pod }) => !isCriticalPod(pod));
    if (!chosen) return undefined;
    const { terminationGracePeriodSeconds = Number.POSITIVE_INFINITY } = chosen.pod.spec;
    const graceSeconds =
      threshold.kind === "hard" ? 0 : Math.min(this.#maxPodGraceSeconds, terminationGracePeriodSeconds);
    const message = evictionMessage(threshold, chosen);
    const gracePeriodSeconds = Math.max(immediateSeconds, graceSeconds);
    return this.#evict(chosen, { message, gracePeriodSeconds, disruption: message });
  }

  /** Evicts a pod. One that exceeds its own limits has failed by itself: it does not get the condition DisruptionTarget. */
  #evict({ pod }: EvictionCandidate, eviction: Omit<Eviction, "reason">): string {
    const { uid } = pod.metadata;
    const { view } = this.#parts;
    view.record({
      ...{ type: "Warning", reason: "Evicted", message: eviction.message },
      object: podEventObject(pod),
    });
    view.evict(uid, { reason: "Evicted", ...eviction });
    return uid;
  }

  /** Waits until evicted pods have ended: their resources are not free before. */
  async #waitUntilEnded(uids: readonly string[], signal: AbortSignal): Promise<void> {
    const { view, relist } = this.#parts;
    const endMs = steadyMs(view.clock) + cleanUpTimeoutMs;
    const isActive = (uid: string) =>
      relist.isRunning(uid) ||
      view
        .pods()
        .some(
          ({ pod, state }) => pod.metadata.uid === uid && (state === "active" || state === "terminating"),
        );
    while (uids.some(isActive) && steadyMs(view.clock) < endMs)
      if (!(await pause(view.clock, cleanUpPollMs, signal))) return;
  }
}

/** Returns which resources can be reclaimed on the file system of a signal. */
function reclaimable(
  name: MetThreshold["signal"],
  { hasOwnImageFs, hasOwnContainerFs }: Observations,
): { readonly containers: boolean; readonly images: boolean } {
  if (signalRules[name].pressure !== "disk") return { containers: false, images: false };
  if (!hasOwnImageFs && !hasOwnContainerFs) return { containers: true, images: true };
  if (name.startsWith("nodefs")) return { containers: hasOwnContainerFs, images: false };
  if (name.startsWith("imagefs")) return { containers: !hasOwnContainerFs, images: true };
  return { containers: true, images: !hasOwnContainerFs };
}
