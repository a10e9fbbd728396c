import { checkArgument } from "../../core/index.js";
import {
  cgroupParent,
  type ParsedQuantity,
  parseQuantity,
  type QosClass,
  qosClassOf,
  unlessZero,
} from "../../pods/index.js";
import type { Pod, PodSpec, ResourceRequirements, Resources } from "../api/index.js";
import { keyed } from "../argument-checks.js";
import {
  aggregateContainers,
  type DefaultedPod,
  defaultPodResources,
  type ResourceSums,
} from "../defaults/index.js";
import type { NodeFacts } from "./node-facts.js";
import { amountOf, type LinuxResources, linuxResources } from "./resources.js";

/**
 * Returns the QoS class of a Pod: `status.qosClass` where it is set, since it never changes; otherwise by CPU and memory of its regular
 * and init containers, or of the pod alone where `spec.resources` is set.
 */
export function podQosClass(pod: Pod): QosClass {
  checkArgument("podQosClass", "pod", pod, keyed);
  const known = pod.status?.qosClass;
  if (known === "Guaranteed" || known === "Burstable" || known === "BestEffort") return known;
  if (pod.spec === undefined) return "BestEffort";
  const ofPod = defaultPodResources(pod.spec);
  if (ofPod) return qosClassOf([amountsOf(ofPod)]);
  return qosClassOf(
    [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(({ resources = {} }) =>
      // The default of the API: a limit is also the request.
      amountsOf({ ...resources, requests: { ...resources.limits, ...resources.requests } }),
    ),
  );
}

function amountsOf({ requests, limits }: ResourceRequirements) {
  const of = (list: Resources | undefined) => ({
    cpu: amountOf(list, "cpu"),
    memory: amountOf(list, "memory"),
  });
  return { requests: of(requests), limits: of(limits) };
}

/** Returns what a Pod requests or may use of a resource: the sum over its containers, or what the pod sets itself; without overhead. */
function podAmount(spec: PodSpec, of: "requests" | "limits", name: string): ParsedQuantity | undefined {
  return amountOf(spec.resources?.[of], name) ?? aggregateContainers(spec, of).get(name);
}

/**
 * Returns what a whole Pod requests of a resource, as schedulers count it: the sum over its containers, or what the pod sets itself, with
 * overhead. Undefined when it requests none.
 *
 * @param name such as `cpu`, `memory` or `example.com/device`
 */
export function podRequest(spec: PodSpec, name: string): ParsedQuantity | undefined {
  return podRequests(spec).get(name);
}

/** Returns the limit of a whole Pod: as {@link podRequest}, but overhead counts only where there is a limit. */
export function podLimit(spec: PodSpec, name: string): ParsedQuantity | undefined {
  const limit = unlessZero(podAmount(spec, "limits", name));
  const overhead = amountOf(spec.overhead, name);
  return overhead === undefined ? limit : limit?.plus(overhead);
}

/** Returns what a whole Pod requests of each resource: {@link podRequest} by the name of the resource. */
export function podRequests(spec: PodSpec): ResourceSums {
  const sums = new Map(aggregateContainers(spec, "requests"));
  for (const [name, amount] of amountsIn(spec.resources?.requests)) sums.set(name, amount);
  for (const [name, amount] of amountsIn(spec.overhead))
    sums.set(name, sums.get(name)?.plus(amount) ?? amount);
  return sums;
}

function amountsIn(resources: Resources = {}): (readonly [string, ParsedQuantity])[] {
  return Object.entries(resources).map(([name, amount]) => [name, parseQuantity(amount)] as const);
}

/**
 * Returns LinuxPodSandboxConfig.resources: the sums over the containers, or the pod-level resources, without overhead. Runtimes do not
 * apply it to the pod's cgroup.
 */
export function sandboxResources(spec: PodSpec, node: NodeFacts): LinuxResources {
  return linuxResources(
    {
      cpuRequest: podAmount(spec, "requests", "cpu"),
      cpuLimit: podAmount(spec, "limits", "cpu"),
      memoryLimit: podAmount(spec, "limits", "memory"),
    },
    node,
  );
}

/** Returns LinuxPodSandboxConfig.overhead: undefined when the Pod has none. */
export function sandboxOverhead({ overhead }: PodSpec, node: NodeFacts): LinuxResources | undefined {
  if (overhead === undefined || Object.keys(overhead).length === 0) return undefined;
  const cpu = amountOf(overhead, "cpu");
  return linuxResources({ cpuRequest: cpu, cpuLimit: cpu, memoryLimit: amountOf(overhead, "memory") }, node);
}

/**
 * Returns LinuxPodSandboxConfig.cgroup_parent: `kubepods`, the QoS class and the pod's uid below `node.cgroupRoot`, in the form of the
 * runtime's cgroup driver; "" when the driver is unknown: then the runtime chooses.
 */
export function podCgroupParent(
  pod: DefaultedPod,
  node: Pick<NodeFacts, "cgroupDriver" | "cgroupRoot">,
): string {
  if (node.cgroupDriver === undefined) return "";
  return cgroupParent({
    uid: pod.metadata.uid,
    driver: node.cgroupDriver,
    qos: podQosClass(pod),
    root: [...node.cgroupRoot.split("/").filter(Boolean), "kubepods"],
  });
}

/** Returns the memory limit of the whole pod; undefined unless the pod, or each of its containers, has one. */
export function podMemoryLimit(spec: PodSpec): bigint | undefined {
  return isLimited(spec, "memory") ? podAmount(spec, "limits", "memory")?.value() : undefined;
}

/**
 * Returns the limit that holds for all containers of a Pod together, with overhead: that of its cgroup. Undefined unless the pod, or each of
 * its containers, has one.
 *
 * @param name `cpu` or `memory`
 */
export function podCgroupLimit(spec: PodSpec, name: string): ParsedQuantity | undefined {
  return isLimited(spec, name) ? podLimit(spec, name) : undefined;
}

function isLimited(spec: PodSpec, name: string): boolean {
  const has = ({ resources }: { readonly resources?: ResourceRequirements }) =>
    unlessZero(amountOf(resources?.limits, name)) !== undefined;
  return has(spec) || [...spec.containers, ...(spec.initContainers ?? [])].every(has);
}
