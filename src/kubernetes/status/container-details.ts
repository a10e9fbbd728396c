import { parseQuantity } from "../../pods/index.js";
import type { Container, ContainerStatus, Resources, VolumeMount, VolumeMountStatus } from "../api/index.js";

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

/** Returns the resources of a created container. They never change after its creation, so they are those of the Pod. */
export function resourceStatus({
  resources = {},
}: Container): Pick<ContainerStatus<Date>, "resources" | "allocatedResources"> {
  const { limits, requests, claims } = resources;
  return {
    resources: {
      ...(claims && { claims: claims.map((claim) => ({ ...claim })) }),
      ...(limits && { limits: quantityTexts(limits) }),
      ...(requests && { requests: quantityTexts(requests) }),
    },
    ...(requests && { allocatedResources: quantityTexts(requests) }),
  };
}

/** Returns amounts in the form in which the API server has them: `0.5` becomes `500m`. */
function quantityTexts(amounts: Resources): Record<string, string> {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => [name, parseQuantity(amount).toString()]),
  );
}
