// Replaced by config/addresses.ts and config/pod-resources.ts when these are there.
import { isIPv6 } from "node:net";
import { type QosClass, qosClass } from "../../pods/index.js";
import type { Pod, ResourceRequirements } from "../api/index.js";
import { initContainersOf, isSidecar, regularContainersOf } from "../worker/pod-containers.js";

export function onePerFamily(addresses: readonly string[], nodeIPs: readonly string[]): readonly string[] {
  const prefersV6 = isIPv6(nodeIPs[0] ?? "");
  return [prefersV6, !prefersV6].flatMap((v6) => addresses.find((ip) => isIPv6(ip) === v6) ?? []);
}

export function podQosClass(pod: Pod): QosClass {
  const known = pod.status?.qosClass;
  if (known === "Guaranteed" || known === "Burstable" || known === "BestEffort") return known;
  return qosClass(
    regularContainersOf(pod).map(({ resources }) => specOf(resources)),
    {
      initContainers: initContainersOf(pod).map((container) => ({
        resources: specOf(container.resources),
        sidecar: isSidecar(container),
      })),
      pod: pod.spec?.resources && specOf(pod.spec.resources),
    },
  );
}

function specOf({ requests = {}, limits = {} }: ResourceRequirements = {}) {
  return {
    cpu: limits.cpu,
    memory: limits.memory,
    requests: { cpu: requests.cpu, memory: requests.memory },
  };
}
