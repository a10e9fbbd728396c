import { amountOf, podLimit } from "../../kubernetes/index.js";
import { parseQuantity } from "../../pods/index.js";
import { diskBytes } from "./pod-consumptions.js";
import type { EvictionCandidate, PodConsumption } from "./policy.js";

const storage = "ephemeral-storage";

/** Reports whether a Pod limits its use of local storage: the `sizeLimit` of an emptyDir, or ephemeral storage. */
export function hasLocalLimits(candidate: Pick<EvictionCandidate, "pod">): boolean {
  const { volumes = [] } = candidate.pod.spec;
  return volumes.some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) || hasStorageLimits(candidate);
}

/** Reports whether a Pod or one of its containers limits ephemeral storage. */
export function hasStorageLimits({ pod }: Pick<EvictionCandidate, "pod">): boolean {
  const { containers, initContainers } = pod.spec;
  return (
    podLimit(pod.spec, storage) !== undefined ||
    [...containers, ...initContainers].some(
      ({ resources }) => amountOf(resources?.limits, storage) !== undefined,
    )
  );
}

/** Returns the kubelet's message about the limit of its own that a pod exceeds; undefined when it exceeds none. */
export function exceededLocalLimit({ pod, consumption }: EvictionCandidate): string | undefined {
  if (!consumption) return undefined;
  return (
    exceededVolume(pod, consumption) ?? exceededPod(pod, consumption) ?? exceededContainer(pod, consumption)
  );
}

type Pod = EvictionCandidate["pod"];

function exceededVolume({ spec }: Pod, { volumes }: PodConsumption): string | undefined {
  for (const { name, emptyDir } of spec.volumes ?? []) {
    if (emptyDir?.sizeLimit === undefined) continue;
    const limit = parseQuantity(emptyDir.sizeLimit);
    const used = volumes.get(name)?.bytes ?? 0n;
    if (limit.value() > 0n && used > limit.value())
      return `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit "${limit}". `;
  }
  return undefined;
}

function exceededPod({ spec }: Pod, { containers, volumes }: PodConsumption): string | undefined {
  const limit = podLimit(spec, storage);
  if (!limit) return undefined;
  let used = 0n;
  for (const container of containers.values()) used += diskBytes(container);
  for (const { bytes, isMemory } of volumes.values()) if (!isMemory) used += bytes;
  return used > limit.value()
    ? `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `
    : undefined;
}

function exceededContainer({ spec }: Pod, { containers }: PodConsumption): string | undefined {
  for (const { name, resources } of [...spec.containers, ...spec.initContainers]) {
    const limit = amountOf(resources?.limits, storage);
    const used = containers.get(name);
    if (limit && used && diskBytes(used) > limit.value())
      return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}
