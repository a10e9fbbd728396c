import { OptionTable, option } from "../../core/index.js";
import type { EvictionPolicy } from "./policy.js";
import type { EvictionSignal, SignalReader } from "./signals.js";

/** Quantities by signal: an amount such as "100Mi", or a share of the capacity such as "10%". */
export type Thresholds = Readonly<Partial<Record<EvictionSignal, string>>>;

/** When and how pods are evicted. */
export interface EvictionOptions {
  /**
   * Thresholds at which pods are evicted at once: `evictionHard` of the kubelet. Given ones replace all defaults.
   * @default `{ "memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%", "imagefs.available": "15%",
   *   "imagefs.inodesFree": "5%" }`
   */
  readonly hard?: Thresholds | undefined;
  /**
   * Thresholds at which pods are evicted once they were met for the time in `softGracePeriodMs`: `evictionSoft` of the kubelet.
   * @default none
   */
  readonly soft?: Thresholds | undefined;
  /** The time for each signal in `soft`, in milliseconds: `evictionSoftGracePeriod` of the kubelet. */
  readonly softGracePeriodMs?: Readonly<Partial<Record<EvictionSignal, number>>> | undefined;
  /**
   * How much more than the threshold is reclaimed: `evictionMinimumReclaim` of the kubelet.
   * @default none
   */
  readonly minReclaim?: Thresholds | undefined;
  /**
   * The time for which a pressure is reported after its threshold was met last, in milliseconds:
   * `evictionPressureTransitionPeriod` of the kubelet.
   * @default 300_000
   */
  readonly pressureTransitionMs?: number | undefined;
  /**
   * The longest grace period of a pod that is evicted by a soft threshold, in seconds: `evictionMaxPodGracePeriod` of the kubelet. 0 means the
   * shortest one.
   * @default 0
   */
  readonly maxPodGracePeriodSeconds?: number | undefined;
  /**
   * The interval between two measurements, in milliseconds.
   * @default 10_000
   */
  readonly intervalMs?: number | undefined;
  /** Decides which pod is evicted. @default {@link rankPods}, the kubelet's order */
  readonly policy?: EvictionPolicy | undefined;
  /** Measures the node. It takes the reader of this node, to change what it returns. @default that reader */
  readonly signals?: ((defaultReader: SignalReader) => SignalReader) | undefined;
}

/** The options of {@link EvictionOptions}. */
export const evictionTable = new OptionTable<EvictionOptions>({
  hard: option.object,
  soft: option.object,
  softGracePeriodMs: option.object,
  minReclaim: option.object,
  pressureTransitionMs: option.milliseconds,
  maxPodGracePeriodSeconds: option.wholeNumber(0),
  intervalMs: option.timerMs,
  policy: option.callback,
  signals: option.callback,
});
