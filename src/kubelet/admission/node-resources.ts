import { type DefaultedPod, isCriticalPod, type Node, podRequests } from "../../kubernetes/index.js";
import { type ParsedQuantity, parseQuantity } from "../../pods/index.js";
import type { AdmissionCheck, AdmissionRejection } from "../admission-check.js";
import { checkedRequest } from "./checked-request.js";

/**
 * Refuses pods that request more than the node has left: `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `OutOfephemeral-storage`, or `OutOf` and
 * the name of another resource. Leaves critical pods to {@link makeRoomForCriticalPod} where others can be stopped for them.
 */
export const checkNodeResources: AdmissionCheck = checkedRequest(
  "checkNodeResources",
  ({ pod, node, others, preempt }) => {
    if (preempt !== undefined && isCriticalPod(pod)) return undefined;
    const [shortage] = shortagesOf(pod, node, others);
    return shortage && outOf(shortage);
  },
);

/** A resource of which a node has less left than a Pod requests. CPU counts in thousandths, everything else in whole units. */
export interface Shortage {
  readonly resource: string;
  readonly requested: bigint;
  readonly used: bigint;
  readonly capacity: bigint;
}

/**
 * Returns the resources that a node lacks for one more Pod, in the kubelet's order: pods, cpu, memory, ephemeral-storage, others by name.
 * Extended resources that the node does not have are ignored, since they may belong to the cluster.
 *
 * Source: scheduler, noderesources.Fits; kubelet, removeMissingExtendedResources.
 */
export function shortagesOf(
  pod: DefaultedPod,
  node: Node,
  others: readonly DefaultedPod[],
): readonly Shortage[] {
  const allocatable = new Map(
    Object.entries(node.status?.allocatable ?? {}).map(([name, amount]) => [name, parseQuantity(amount)]),
  );
  const capacityOf = (name: string) => count(name, allocatable.get(name));
  const shortages: Shortage[] = [];
  const podCapacity = capacityOf("pods");
  if (BigInt(others.length) + 1n > podCapacity)
    shortages.push({ resource: "pods", requested: 1n, used: BigInt(others.length), capacity: podCapacity });

  const requests = requestsOf(pod);
  const usages = others.map(requestsOf);
  for (const resource of [...requests.keys()].sort(byKubeletOrder)) {
    if (isExtended(resource) && !allocatable.has(resource)) continue;
    const requested = count(resource, requests.get(resource));
    const used = usages.reduce((sum, usage) => sum + count(resource, usage.get(resource)), 0n);
    const capacity = capacityOf(resource);
    if (requested > 0n && requested > capacity - used)
      shortages.push({ resource, requested, used, capacity });
  }
  return shortages;
}

/** The requests of Pods, each of which is counted at the admission of all later ones. */
const known = new WeakMap<DefaultedPod["spec"], ReadonlyMap<string, ParsedQuantity>>();

/** Returns what a Pod requests, as {@link podRequests} does. */
export function requestsOf({ spec }: DefaultedPod): ReadonlyMap<string, ParsedQuantity> {
  const requests = known.get(spec) ?? podRequests(spec);
  known.set(spec, requests);
  return requests;
}

/** Returns the rejection for a resource that is short, such as `OutOfcpu`. */
export function outOf({ resource, requested, used, capacity }: Shortage): AdmissionRejection {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, ${amounts}`,
  };
}

/** Returns the amount of a resource as schedulers count it. */
export function count(resource: string, amount: ParsedQuantity | undefined): bigint {
  if (amount === undefined) return 0n;
  return resource === "cpu" ? amount.milliValue() : amount.value();
}

const firstResources = ["cpu", "memory", "ephemeral-storage"];

function byKubeletOrder(a: string, b: string): number {
  const rank = (name: string) => firstResources.indexOf(name) + 1 || firstResources.length + 1;
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

/** Reports whether a resource has a domain that is not Kubernetes' own. */
function isExtended(resource: string): boolean {
  const [domain, name] = resource.split("/");
  return name !== undefined && domain !== "kubernetes.io" && !domain?.endsWith(".kubernetes.io");
}
