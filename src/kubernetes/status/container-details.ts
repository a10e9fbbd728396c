import { cpuShares, parseQuantity, cpuQuota as quotaOf } from "../../pods/index.js";
import type {
  Container,
  ContainerStatus,
  ResourceRequirements,
  Resources,
  VolumeMount,
  VolumeMountStatus,
} from "../api/index.js";
import { amountOf } from "../config/resources.js";
import type { ObservedContainer, ObservedResources } from "../worker/observed.js";

/** Returns the volumes of a container as its status reports them. */
export function volumeMountStatuses(
  { volumeMounts = [] }: Container,
  supportsRecursiveReadOnly: boolean,
): Pick<ContainerStatus<Date>, "volumeMounts"> {
  if (volumeMounts.length === 0) return {};
  return {
    volumeMounts: volumeMounts.map(
      (mount): VolumeMountStatus => ({
        name: mount.name,
        mountPath: mount.mountPath,
        ...(mount.readOnly && {
          readOnly: true,
          recursiveReadOnly: isRecursive(mount, supportsRecursiveReadOnly) ? "Enabled" : "Disabled",
        }),
      }),
    ),
  };
}

function isRecursive({ recursiveReadOnly }: VolumeMount, isSupported: boolean): boolean {
  return recursiveReadOnly === "Enabled" || (recursiveReadOnly === "IfPossible" && isSupported);
}

/**
 * Returns the resources of a created container: those of the Pod, or what a running one has while they are changed.
 *
 * @param actuated what was set last; undefined unless the resources of containers change in place
 */
export function resourceStatus(
  { resources = {} }: Container,
  instance: ObservedContainer,
  actuated: ResourceRequirements | undefined,
): Pick<ContainerStatus<Date>, "resources" | "allocatedResources"> {
  const { requests: allocated, claims } = resources;
  const { limits, requests } =
    actuated && instance.state === "running" ? actual(resources, actuated, instance.resources) : resources;
  return {
    resources: {
      ...(claims && { claims: claims.map((claim) => ({ ...claim })) }),
      ...(limits && { limits: quantityTexts(limits) }),
      ...(requests && { requests: quantityTexts(requests) }),
    },
    ...(allocated && { allocatedResources: quantityTexts(allocated) }),
  };
}

/**
 * Returns what a running container has: what was set last, or what the runtime reports where that means another amount. Limits that
 * a container has only because its pod has them are not its own.
 */
function actual(
  own: ResourceRequirements,
  actuated: ResourceRequirements,
  reported: ObservedResources | undefined,
): ResourceRequirements {
  const limits = Object.fromEntries(
    Object.entries(actuated.limits ?? {}).filter(([name]) => own.limits?.[name] !== undefined),
  );
  const requests = { ...actuated.requests };
  if (reported) {
    const { cpuShares: shares, cpuQuota, cpuPeriod, memoryLimitBytes } = reported;
    const request = amountOf(requests, "cpu");
    if (request && shares > 0n && cpuShares(request.milliValue()) !== shares)
      requests.cpu = `${ceilDivide(shares * 1000n, 1024n)}m`;
    const limit = amountOf(limits, "cpu");
    if (limit && cpuQuota > 0n && cpuPeriod > 0n && quotaOf(limit.milliValue(), cpuPeriod) !== cpuQuota)
      limits.cpu = `${ceilDivide(cpuQuota * 1000n, cpuPeriod)}m`;
    const memory = amountOf(limits, "memory");
    if (memory && memoryLimitBytes > 0n && memory.value() !== memoryLimitBytes)
      limits.memory = String(memoryLimitBytes);
  }
  return { ...(own.limits && { limits }), ...(actuated.requests && { requests }) };
}

function ceilDivide(one: bigint, other: bigint): bigint {
  return (one + other - 1n) / other;
}

/** Returns amounts in the form in which the API server has them: `0.5` becomes `500m`. */
function quantityTexts(amounts: Resources): Record<string, string> {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => [name, parseQuantity(amount).toString()]),
  );
}
