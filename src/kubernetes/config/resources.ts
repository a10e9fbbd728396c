import { cpuQuota, cpuShares, type ParsedQuantity, parseQuantity, unlessZero } from "../../pods/index.js";
import type { Container, PodSpec, Resources } from "../api/index.js";
import type { NodeFacts } from "./node-facts.js";

/** An amount of resources, absent where nothing is set. */
export interface Amounts {
  readonly cpuRequest: ParsedQuantity | undefined;
  readonly cpuLimit: ParsedQuantity | undefined;
  readonly memoryLimit: ParsedQuantity | undefined;
}

/** LinuxContainerResources, as far as sandboxes and containers have it. */
export interface LinuxResources {
  readonly cpuPeriod: bigint;
  readonly cpuQuota: bigint;
  readonly cpuShares: bigint;
  readonly memoryLimitInBytes: bigint;
  readonly unified: Record<string, string>;
}

/** Returns a resource of a list; undefined where it is not set. */
export function amountOf(resources: Resources | undefined, name: string): ParsedQuantity | undefined {
  const given = resources !== undefined && Object.hasOwn(resources, name) ? resources[name] : undefined;
  return given === undefined ? undefined : parseQuantity(given);
}

/**
 * Returns a limit of a container: its own, or that of the pod where it has none. The container's own 0 counts as none.
 *
 * @param name such as `cpu`, `memory`
 */
export function effectiveLimit(
  spec: PodSpec,
  container: Container,
  name: string,
): ParsedQuantity | undefined {
  return unlessZero(amountOf(container.resources?.limits, name)) ?? amountOf(spec.resources?.limits, name);
}

/**
 * Computes the CPU and memory of LinuxContainerResources: cpu_shares from the request, or from the limit without one; cpu_quota and the
 * memory limit are 0 without a limit. On cgroup v2 the OOM killer kills whole containers (`memory.oom.group`).
 */
export function linuxResources(
  { cpuRequest, cpuLimit, memoryLimit }: Amounts,
  node: Pick<NodeFacts, "cpuCfsQuota" | "cpuCfsPeriodMicros" | "cgroupVersion" | "singleProcessOomKill">,
): LinuxResources {
  const period = BigInt(node.cpuCfsPeriodMicros);
  const killsGroup = node.cgroupVersion === 2 && !node.singleProcessOomKill;
  return {
    cpuPeriod: node.cpuCfsQuota ? period : 0n,
    cpuQuota: node.cpuCfsQuota ? asInt64(cpuQuota(cpuLimit?.milliValue() ?? 0n, period)) : 0n,
    cpuShares: cpuShares((cpuRequest ?? cpuLimit)?.milliValue() ?? 0n),
    memoryLimitInBytes: asInt64(memoryLimit?.value() ?? 0n),
    unified: killsGroup ? { "memory.oom.group": "1" } : {},
  };
}

/** A limit beyond the largest number that CRI's field can hold means the same as that number. */
function asInt64(value: bigint): bigint {
  const largest = 2n ** 63n - 1n;
  return value > largest ? largest : value;
}
