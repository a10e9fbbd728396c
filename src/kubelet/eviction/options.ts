import { invalidOption, OptionTable, option } from "../../core/index.js";
import type { EvictionPolicy } from "./policy.js";
import type { EvictionSignal, SignalReader } from "./signals.js";
import {
  defaultHardThresholds,
  graceCheck,
  type Threshold,
  type Thresholds,
  thresholdsCheck,
  thresholdsOf,
} from "./thresholds.js";

/** When and how pods are evicted. */
export interface EvictionOptions {
  /**
   * Thresholds at which pods are evicted at once: `evictionHard` of the kubelet. They replace all defaults.
   * @default `{ "memory.available": "100Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%", "imagefs.available": "15%",
   *   "imagefs.inodesFree": "5%" }`
   */
  readonly hard?: Thresholds | undefined;
  /**
   * Thresholds at which pods are evicted after they were met for the time in `softGracePeriodMs`: `evictionSoft` of the kubelet.
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
   * How long a pressure is reported after its threshold was last met, in milliseconds:
   * `evictionPressureTransitionPeriod` of the kubelet.
   * @default 300_000
   */
  readonly pressureTransitionMs?: number | undefined;
  /**
   * The longest grace period of a pod that is evicted by a soft threshold, in seconds: `evictionMaxPodGracePeriod` of the kubelet. 0 means the
   * shortest one, 1 s, as for hard thresholds.
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
  /** Returns the reader of the signals. It is called with the default reader, which it can wrap. @default the default reader */
  readonly signals?: ((defaultReader: SignalReader) => SignalReader) | undefined;
}

/** The options of {@link EvictionOptions}. */
export const evictionTable = new OptionTable<EvictionOptions>({
  hard: thresholdsCheck,
  soft: thresholdsCheck,
  softGracePeriodMs: graceCheck,
  minReclaim: thresholdsCheck,
  pressureTransitionMs: option.milliseconds,
  maxPodGracePeriodSeconds: option.wholeNumber(0),
  intervalMs: option.timerMs,
  policy: option.callback,
  signals: option.callback,
});

/** Returns the thresholds of options. Throws `invalid_option` for a soft threshold without a grace period, as the kubelet does. */
export function resolveThresholds(options: EvictionOptions): readonly Threshold[] {
  const { hard = defaultHardThresholds, soft = {}, softGracePeriodMs = {}, minReclaim = {} } = options;
  for (const signal of Object.keys(soft))
    if (!Object.hasOwn(softGracePeriodMs, signal))
      throw invalidOption(
        "softGracePeriodMs",
        softGracePeriodMs,
        `must have the grace period of the soft threshold ${signal}`,
      );
  return thresholdsOf({ hard, soft, softGracePeriodMs, minReclaim });
}
