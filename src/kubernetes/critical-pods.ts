import { checkArgument, kubernetesAnnotations } from "../core/index.js";
import type { Pod } from "./api/index.js";
import { keyed } from "./argument-checks.js";

/** The sources of a kubelet itself. Those of a program are like an API server: they may have any Pods. */
const staticSources: ReadonlySet<string | undefined> = new Set(["file", "http"]);

/** The priority of `system-cluster-critical`. */
const criticalPriority = 2_000_000_000;

/** Reports whether a Pod is static: from a manifest in a folder or at a URL of the node. */
export function isStaticPod(pod: Pick<Pod, "metadata">): boolean {
  checkArgument("isStaticPod", "pod", pod, keyed);
  const { metadata } = pod;
  return staticSources.has(metadata?.annotations?.[kubernetesAnnotations.configSource]);
}

/**
 * Reports whether a Pod is critical: static, a mirror of a static one, or of a priority of 2,000,000,000 or more. A critical Pod is not
 * evicted for the needs of a node.
 */
export function isCriticalPod(pod: Pod): boolean {
  checkArgument("isCriticalPod", "pod", pod, keyed);
  const isMirror = pod.metadata?.annotations?.[kubernetesAnnotations.configMirror] !== undefined;
  return isStaticPod(pod) || isMirror || (pod.spec?.priority ?? 0) >= criticalPriority;
}
