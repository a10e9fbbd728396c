import { isDeepStrictEqual } from "node:util";
import type { Pod } from "../../kubernetes/index.js";

/**
 * Returns whether a new version of a Pod has anything that its worker must know: its spec, labels, annotations, generation or deletion, or
 * a condition of a readiness gate. Versions that differ only in what the kubelet itself has reported must not be synced again.
 */
export function hasChanged(before: Pod, after: Pod): boolean {
  if (before === after) return false;
  return !isDeepStrictEqual(relevant(before), relevant(after));
}

function relevant({ metadata, spec, status }: Pod & { readonly status?: { readonly conditions?: unknown } }) {
  const gates = new Set((spec?.readinessGates ?? []).map(({ conditionType }) => conditionType));
  const conditions = Array.isArray(status?.conditions) && gates.size > 0 ? status.conditions : [];
  return {
    spec,
    labels: metadata?.labels ?? {},
    annotations: metadata?.annotations ?? {},
    generation: metadata?.generation,
    deletion: [String(metadata?.deletionTimestamp ?? ""), metadata?.deletionGracePeriodSeconds],
    gates: conditions.filter(({ type }: { readonly type?: string }) => gates.has(type ?? "")),
  };
}
