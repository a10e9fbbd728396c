import type { ParsedQuantity } from "../../pods/index.js";
import type { Container, Pod, ResourceRequirements } from "../api/index.js";
import { amountOf, effectiveLimit } from "../config/resources.js";
import type { ObservedPod } from "./observed.js";
import { initContainersOf, isSidecar, newestInstance, regularContainersOf } from "./pod-containers.js";
import type { ResizableResource } from "./ports.js";

/** A change of one resource of a running container. */
export interface ContainerResize {
  /** The id of the instance. */
  readonly id: string;
  /** The name in the Pod. */
  readonly name: string;
  /** The resource that changes. */
  readonly resource: ResizableResource;
  /** The resources of the container after the change: the other resource is as it was. */
  readonly resources: ResourceRequirements;
  /** Whether the limit, or the request where the limit stays, gets smaller. */
  readonly isDecrease: boolean;
}

/** The effect of new resources on a running container. */
export type ResizeNeed =
  | { readonly kind: "none" }
  | { readonly kind: "restart" }
  | { readonly kind: "update"; readonly changes: readonly ResourceChange[] };

/** A resource of a container that changes. */
export type ResourceChange = Omit<ContainerResize, "id" | "name">;

/** The order in which resources are changed, as in the kubelet. */
export const resizableResources: readonly ResizableResource[] = ["memory", "cpu"];

/** Returns the containers whose resources may change while they run: regular ones and sidecars. */
export function resizableContainersOf(pod: Pod): readonly Container[] {
  return [...initContainersOf(pod).filter(isSidecar), ...regularContainersOf(pod)];
}

/**
 * Returns the resources that a container runs with: its own, with the pod's limits of CPU and memory where it has none. This is what is kept
 * as actuated, since a change of the pod's limits changes such containers as well.
 */
export function resourcesToActuate(pod: Pod, container: Container): ResourceRequirements {
  const { requests } = container.resources ?? {};
  const limits = { ...container.resources?.limits };
  if (pod.spec)
    for (const name of resizableResources) {
      const limit = effectiveLimit(pod.spec, container, name);
      if (limit) limits[name] = limit.toString();
    }
  return { ...(requests && { requests }), ...(Object.keys(limits).length > 0 && { limits }) };
}

/**
 * Returns how a running container gets the resources of the Pod. `resizePolicy` decides about a restart; a container whose resources are not
 * known is never restarted for them: it is updated, which changes nothing if it has them.
 */
export function resizeNeed(
  pod: Pod,
  container: Container,
  actuated: ResourceRequirements | undefined,
): ResizeNeed {
  const wanted = resourcesToActuate(pod, container);
  const changed = resizableResources.filter(
    (name) => actuated === undefined || !hasEqualAmounts(wanted, actuated, [name]),
  );
  if (changed.length === 0) return { kind: "none" };
  const needsRestart = changed.some((name) =>
    container.resizePolicy?.some(
      ({ resourceName, restartPolicy }) => resourceName === name && restartPolicy === "RestartContainer",
    ),
  );
  if (needsRestart && actuated !== undefined) return { kind: "restart" };
  let current = actuated ?? {};
  const changes = changed.map((resource): ResourceChange => {
    const isDecrease = decreases(resource, current, wanted);
    current = withResource(current, wanted, resource);
    return { resource, resources: current, isDecrease };
  });
  return { kind: "update", changes };
}

/**
 * Returns whether a running container has other resources than the Pod. One whose resources are not known, because an earlier version of this
 * program has started it, does not count.
 */
export function isResizing(
  pod: Pod,
  observed: ObservedPod,
  actuated: Readonly<Record<string, ResourceRequirements>>,
): boolean {
  return resizableContainersOf(pod).some((container) => {
    const current = actuated[container.name];
    if (current === undefined || newestInstance(observed, container.name)?.state !== "running") return false;
    return resizeNeed(pod, container, current).kind !== "none";
  });
}

/** Returns whether resources are the same amounts, however they are written: of these names, or of all that either has. */
export function hasEqualAmounts(
  one: ResourceRequirements,
  other: ResourceRequirements,
  names?: readonly string[],
): boolean {
  return (["limits", "requests"] as const).every((field) =>
    (names ?? [...Object.keys(one[field] ?? {}), ...Object.keys(other[field] ?? {})]).every((name) => {
      const [amount, otherAmount] = [amountOf(one[field], name), amountOf(other[field], name)];
      if (amount === undefined || otherAmount === undefined) return amount === otherAmount;
      return amount.compare(otherAmount) === 0;
    }),
  );
}

/** Returns the resources with one resource as it is in others. */
function withResource(
  current: ResourceRequirements,
  wanted: ResourceRequirements,
  name: ResizableResource,
): ResourceRequirements {
  const merged = (field: "requests" | "limits") => {
    const { [name]: _, ...rest } = current[field] ?? {};
    const amount = wanted[field]?.[name];
    return amount === undefined ? rest : { ...rest, [name]: amount };
  };
  return { requests: merged("requests"), limits: merged("limits") };
}

function decreases(
  name: ResizableResource,
  current: ResourceRequirements,
  wanted: ResourceRequirements,
): boolean {
  const limits = compare(amountOf(current.limits, name), amountOf(wanted.limits, name));
  if (limits !== 0) return limits > 0;
  return compare(amountOf(current.requests, name), amountOf(wanted.requests, name)) > 0;
}

/** Compares amounts; none counts as the largest one. */
function compare(one: ParsedQuantity | undefined, other: ParsedQuantity | undefined): number {
  if (one === undefined || other === undefined) return one === other ? 0 : one === undefined ? 1 : -1;
  return one.compare(other);
}

/**
 * Returns the message of the events ResizeStarted, ResizeCompleted, ResizeDeferred, ResizeInfeasible and ResizeError: what happens, and the
 * resources as JSON.
 *
 * @param what such as "Pod resize started"
 */
export function resizeMessage(
  what: string,
  pod: Pod,
  { generation, error }: { readonly generation: number | undefined; readonly error?: string },
): string {
  const of = (containers: readonly Container[]) =>
    containers.map(({ name, resources = {} }) => {
      const { limits, requests } = resources;
      return { name, resources: { ...(limits && { limits }), ...(requests && { requests }) } };
    });
  const sidecars = initContainersOf(pod).filter(isSidecar);
  const details = {
    ...(sidecars.length > 0 && { initContainers: of(sidecars) }),
    containers: of(regularContainersOf(pod)),
    ...(generation !== undefined && { generation }),
    ...(error !== undefined && { error }),
  };
  return `${what}: ${JSON.stringify(details)}`;
}
