import type { Pod } from "../../kubernetes/index.js";

/** Where the pod comes from: the annotation that kubelets set. */
const sourceKey = "kubernetes.io/config.source";
const mirrorKey = "kubernetes.io/config.mirror";
/** The priority of `system-cluster-critical`. */
const criticalPriority = 2_000_000_000;

/** Reports whether a Pod comes from a file or another source of the node itself, not from an API server. */
export function isStaticPod({ metadata }: Pod): boolean {
  const source = metadata?.annotations?.[sourceKey];
  return source !== undefined && source !== "api";
}

/** Reports whether a Pod is never evicted for the needs of the node: static pods, their mirrors, and those of a system priority. */
export function isCriticalPod(pod: Pod): boolean {
  return (
    isStaticPod(pod) ||
    pod.metadata?.annotations?.[mirrorKey] !== undefined ||
    (pod.spec?.priority ?? 0) >= criticalPriority
  );
}
