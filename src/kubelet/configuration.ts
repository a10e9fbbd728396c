import type { NodeFacts } from "../kubernetes/index.js";
import type { KubeletOptions } from "./options.js";

/** Returns what a kubelet is configured with, by the names of a KubeletConfiguration: `/configz` shows it. */
export function configuration(
  {
    maxPods = 110,
    maxParallelPulls = 1,
    reserved = {},
    allowedUnsafeSysctls = [],
    eviction,
    logRotation,
  }: KubeletOptions,
  facts: NodeFacts,
): Readonly<Record<string, unknown>> {
  const { podLogsDir, cgroupRoot, cgroupDriver, clusterDns, clusterDomain, cpuCfsQuota, seccompDefault } =
    facts;
  return {
    maxPods,
    maxParallelImagePulls: maxParallelPulls,
    systemReserved: reserved,
    allowedUnsafeSysctls,
    podLogsDir,
    cgroupRoot,
    ...(cgroupDriver !== undefined && { cgroupDriver }),
    clusterDNS: clusterDns,
    clusterDomain,
    cpuCFSQuota: cpuCfsQuota,
    seccompDefault,
    memorySwap: { swapBehavior: facts.swapBehavior },
    // What is undefined is left out of the JSON: it has its default.
    ...(eviction ? { evictionHard: eviction.hard } : {}),
    ...(logRotation ? { containerLogMaxFiles: logRotation.maxFiles } : {}),
  };
}
