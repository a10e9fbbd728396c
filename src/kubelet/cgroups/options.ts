import { type OptionCheck, OptionTable, option } from "../../core/index.js";

/** Options of the cgroups of pods. */
export interface CgroupOptions {
  /** The largest number of processes of a pod, as the kubelet's `podPidsLimit`. @default no limit */
  readonly podPidsLimit?: number | undefined;
  /**
   * Whether all pods together are limited to the memory and the CPU weight of the node without what is reserved, as by the kubelet's
   * `enforceNodeAllocatable: [pods]`.
   * @default true
   */
  readonly enforceNodeAllocatable?: boolean | undefined;
}

const pidsLimit: OptionCheck<number> = option.wholeNumber(1, Number.MAX_SAFE_INTEGER);

/** The options of {@link CgroupOptions}. */
export const cgroupOptionsTable = new OptionTable<CgroupOptions>({
  podPidsLimit: pidsLimit,
  enforceNodeAllocatable: option.boolean,
});
