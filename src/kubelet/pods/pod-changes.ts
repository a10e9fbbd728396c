import { isDeepStrictEqual } from "node:util";
import type { Pod } from "../../kubernetes/index.js";

/**
 * Returns whether a new version of a Pod has anything that its worker must know: its spec, labels, annotations, generation or deletion.
 * Versions that differ only in their status, which the kubelet itself has reported, must not be synced again.
 */
export function hasChanged(before: Pod, after: Pod): boolean {
  if (before === after) return false;
  return !isDeepStrictEqual(relevant(before), relevant(after));
}

function relevant({ metadata, spec }: Pod) {
  return {
    spec,
    labels: metadata?.labels ?? {},
    annotations: metadata?.annotations ?? {},
    generation: metadata?.generation,
    deletion: [String(metadata?.deletionTimestamp ?? ""), metadata?.deletionGracePeriodSeconds],
  };
}
