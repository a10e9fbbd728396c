import type { NodeFacts } from "../kubernetes/index.js";
import type { KubeletOptions } from "./options.js";

/** Returns the configuration of a kubelet for `/configz`, with the field names of a KubeletConfiguration. */
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
    // Undefined values are omitted from the JSON: they have their defaults.
    ...(eviction ? { evictionHard: eviction.hard } : {}),
    ...(logRotation ? { containerLogMaxFiles: logRotation.maxFiles } : {}),
  };
}
