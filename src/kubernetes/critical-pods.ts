import { checkArgument } from "../core/index.js";
import type { Pod } from "./api/index.js";
import { keyed } from "./argument-checks.js";

/** The annotation with the name of the source that a Pod comes from. */
const sourceKey = "kubernetes.io/config.source";
/** The sources of a kubelet itself. Those of a program are like an API server: they may have any Pods. */
const staticSources: ReadonlySet<string | undefined> = new Set(["file", "http"]);

/** Marks the copies of static Pods at an API server. */
const mirrorKey = "kubernetes.io/config.mirror";
/** The priority of `system-cluster-critical`. */
const criticalPriority = 2_000_000_000;

/** Reports whether a Pod is static: from a manifest in a folder or at a URL of the node. */
export function isStaticPod(pod: Pick<Pod, "metadata">): boolean {
  checkArgument("isStaticPod", "pod", pod, keyed);
  const { metadata } = pod;
  return staticSources.has(metadata?.annotations?.[sourceKey]);
}

/**
 * Reports whether a Pod is critical: static, a mirror of a static one, or of a priority of 2,000,000,000 or more. A critical Pod is not
 * evicted for the needs of a node.
 */
export function isCriticalPod(pod: Pod): boolean {
  checkArgument("isCriticalPod", "pod", pod, keyed);
  const isMirror = pod.metadata?.annotations?.[mirrorKey] !== undefined;
  return isStaticPod(pod) || isMirror || (pod.spec?.priority ?? 0) >= criticalPriority;
}
