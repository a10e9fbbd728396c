import {
  type DefaultedPod,
  type NodeFacts,
  podCgroupLimit,
  podQosClass,
  podRequest,
  podRequests,
} from "../../kubernetes/index.js";
import { cpuQuota, cpuShares, pageSizeName, parseQuantity } from "../../pods/index.js";

/** What is set for a cgroup. A missing field is left as it is; `unlimited` takes a limit away. */
export interface CgroupLimits {
  readonly cpuShares?: bigint | undefined;
  /** In microseconds, as in CFS. */
  readonly cpuQuota?: bigint | "unlimited" | undefined;
  readonly cpuPeriod?: bigint | undefined;
  readonly memoryBytes?: bigint | "unlimited" | undefined;
  readonly pids?: bigint | "unlimited" | undefined;
  /** In bytes, by the size of the pages as the kernel names it, such as `2MB`. */
  readonly hugePages?: Readonly<Record<string, bigint>> | undefined;
}

/** The facts of a node that limits depend on. */
export type LimitFacts = Pick<
  NodeFacts,
  "cpuCfsQuota" | "cpuCfsPeriodMicros" | "hasHugetlbController" | "hugePageSizes"
>;

/** The least that the kernel takes. */
const minShares = 2n;

/**
 * Returns the limits of the cgroup of a pod: shares by its requests; CPU and memory only where the pod, or each of its containers, has a
 * limit; huge pages by its requests. Overhead counts. Source: the kubelet's ResourceConfigForPod.
 */
export function podLimits(
  { spec, ...pod }: DefaultedPod,
  facts: LimitFacts,
  podPidsLimit: number | undefined,
): CgroupLimits {
  const isBestEffort = podQosClass({ ...pod, spec }) === "BestEffort";
  const period = BigInt(facts.cpuCfsPeriodMicros);
  const cpu = isBestEffort ? undefined : podCgroupLimit(spec, "cpu");
  const memory = isBestEffort ? undefined : podCgroupLimit(spec, "memory");
  const requested = podRequest(spec, "cpu") ?? cpu;
  return {
    cpuShares: isBestEffort ? minShares : cpuShares(requested?.milliValue() ?? 0n),
    cpuPeriod: period,
    cpuQuota: cpu && facts.cpuCfsQuota ? cpuQuota(cpu.milliValue(), period) : "unlimited",
    memoryBytes: memory?.value() ?? "unlimited",
    ...(podPidsLimit !== undefined && { pids: BigInt(podPidsLimit) }),
    ...(facts.hasHugetlbController && { hugePages: hugePages(spec, facts.hugePageSizes) }),
  };
}

/** Returns a limit for each size that the node has: a pod gets no huge pages that it does not request. */
function hugePages(spec: DefaultedPod["spec"], sizes: readonly string[]): Record<string, bigint> {
  const limits = Object.fromEntries(sizes.map((size) => [size, 0n]));
  for (const [name, amount] of podRequests(spec)) {
    const [, size] = /^hugepages-(.+)$/.exec(name) ?? [];
    if (size !== undefined) limits[pageSizeName(parseQuantity(size).value())] = amount.value();
  }
  return limits;
}

/** Returns the CPU shares of a QoS class: what its pods request together, and the least for pods that request nothing. */
export function qosShares(pods: readonly DefaultedPod[], qos: "Burstable" | "BestEffort"): bigint {
  if (qos === "BestEffort") return minShares;
  const milli = pods
    .filter((pod) => podQosClass(pod) === qos)
    .reduce((sum, { spec }) => sum + (podRequest(spec, "cpu")?.milliValue() ?? 0n), 0n);
  return cpuShares(milli);
}
