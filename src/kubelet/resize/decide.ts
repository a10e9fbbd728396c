import {
  type DefaultedPod,
  hasEqualAmounts,
  isStaticPod,
  type Node,
  type PendingResize,
  podQosClass,
  podRequest,
  resizableContainersOf,
} from "../../kubernetes/index.js";
import { parseQuantity } from "../../pods/index.js";

/** Why a resize is refused for good. */
export type Infeasible = PendingResize & { readonly reason: "Infeasible" };

/**
 * Returns why a node can never give a Pod the resources that it wants; undefined if it may. Beside the rules of the kubelet, those of the
 * API are applied that keep a pod's QoS class and its limits: Pods of other sources have passed no API server.
 *
 * @param allocated the same Pod with the resources that it has now
 */
export function infeasible(
  pod: DefaultedPod,
  allocated: DefaultedPod,
  node: Pick<Node, "status">,
  hasSwap: boolean,
): Infeasible | undefined {
  const refuse = (message: string): Infeasible => ({ reason: "Infeasible", message });
  if (isStaticPod(pod)) return refuse("In-place resize of static-pods is not supported");
  if (qosOf(pod) !== qosOf(allocated)) return refuse("Pod QOS Class may not change as a result of resizing");
  if (changesOthers(pod, allocated)) return refuse("only cpu and memory resources are mutable");
  const removed = removedResource(pod, allocated);
  if (removed !== undefined) return refuse(`resource ${removed} cannot be removed`);
  if (hasSwap && changesMemoryInPlace(pod, allocated))
    return refuse("In-place resize of containers with swap is not supported.");
  for (const name of ["cpu", "memory"] as const) {
    const available = node.status?.allocatable?.[name];
    const requested = podRequest(pod.spec, name);
    if (available === undefined || requested === undefined) continue;
    const capacity = parseQuantity(available);
    if (requested.compare(capacity) <= 0) continue;
    const amounts = [requested, capacity].map((it) => (name === "cpu" ? it.milliValue() : it.value()));
    return refuse(
      `Node didn't have enough capacity: ${name}, requested: ${amounts[0]}, capacity: ${amounts[1]}`,
    );
  }
  return undefined;
}

/** Returns the class by the resources, whatever the status says. */
function qosOf({ status: _, ...pod }: DefaultedPod) {
  return podQosClass(pod);
}

/** The resources that change in place. */
const mutable: readonly string[] = ["cpu", "memory"];

/** Returns whether other resources than CPU and memory would change. */
function changesOthers(pod: DefaultedPod, allocated: DefaultedPod): boolean {
  return [...pairs(pod, allocated)].some(([container, before]) => {
    const names = [container, before].flatMap(({ limits, requests }) =>
      Object.keys({ ...limits, ...requests }),
    );
    return !hasEqualAmounts(
      container,
      before,
      names.filter((name) => !mutable.includes(name)),
    );
  });
}

/** Returns a limit or request that the Pod had and has no more, such as `limits[cpu] of container "web"`. */
function removedResource(pod: DefaultedPod, allocated: DefaultedPod): string | undefined {
  for (const [container, before] of pairs(pod, allocated))
    for (const field of ["limits", "requests"] as const) {
      const name = Object.keys(before[field] ?? {}).find((key) => container[field]?.[key] === undefined);
      if (name !== undefined) return `${field}[${name}]`;
    }
  return undefined;
}

/** Returns whether a container gets other memory without a restart: the swap that it may use depends on its memory. */
function changesMemoryInPlace(pod: DefaultedPod, allocated: DefaultedPod): boolean {
  const before = new Map(resizableContainersOf(allocated).map((it) => [it.name, it.resources]));
  return resizableContainersOf(pod).some(({ name, resources = {}, resizePolicy = [] }) => {
    const restarts = resizePolicy.some(
      (it) => it.resourceName === "memory" && it.restartPolicy === "RestartContainer",
    );
    return !restarts && !hasEqualAmounts(resources, before.get(name) ?? {}, ["memory"]);
  });
}

function* pairs(pod: DefaultedPod, allocated: DefaultedPod) {
  const before = new Map(resizableContainersOf(allocated).map((it) => [it.name, it.resources]));
  for (const { name, resources = {} } of resizableContainersOf(pod))
    yield [resources, before.get(name) ?? {}] as const;
}
