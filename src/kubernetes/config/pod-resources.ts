import { cgroupParent, podResources, type QosClass, qosClass, type ResourcesSpec } from "../../pods/index.js";
import type { Pod, PodSpec, ResourceRequirements } from "../api/index.js";
import type { NodeFacts } from "./node-facts.js";
import { isSidecar, type PodView } from "./pod-view.js";
import { amountOf, type LinuxResources, linuxResources, unlessZero } from "./resources.js";

/** Returns the CPU and memory of requests and limits in the form that the arithmetic of `src/pods` takes. */
export function resourcesSpec(resources: ResourceRequirements | undefined): ResourcesSpec {
  const { requests = {}, limits = {} } = resources ?? {};
  return {
    cpu: limits.cpu,
    memory: limits.memory,
    requests: { cpu: requests.cpu, memory: requests.memory },
  };
}

function initContainers({ initContainers = [] }: PodSpec) {
  return initContainers.map((container) => ({
    resources: resourcesSpec(container.resources),
    sidecar: isSidecar(container),
  }));
}

/**
 * Returns the QoS class of a Pod: `status.qosClass` where it is set, since it never changes; otherwise by CPU and memory of its regular
 * and init containers, or of the pod alone where `spec.resources` is set.
 */
export function podQosClass(pod: Pod): QosClass {
  const known = pod.status?.qosClass;
  if (known === "Guaranteed" || known === "Burstable" || known === "BestEffort") return known;
  const { containers, resources, ...rest } = pod.spec ?? { containers: [] };
  return qosClass(
    containers.map((container) => resourcesSpec(container.resources)),
    {
      initContainers: initContainers({ containers, ...rest }),
      pod: resources && resourcesSpec(resources),
    },
  );
}

/** Returns the sums of requests and limits over the containers of a Pod, without pod-level resources and overhead. */
export function containerSums(spec: PodSpec): ResourcesSpec {
  return podResources({
    containers: spec.containers.map(({ resources }) => resourcesSpec(resources)),
    initContainers: initContainers(spec),
  });
}

/** Returns the resources of a Pod: the sums over its containers, replaced by what the pod sets itself; without overhead. */
function podSums(spec: PodSpec): ResourcesSpec {
  const sums = containerSums(spec);
  const { requests = {}, limits = {} } = spec.resources ?? {};
  return {
    cpu: limits.cpu ?? sums.cpu,
    memory: limits.memory ?? sums.memory,
    requests: { cpu: requests.cpu ?? sums.requests?.cpu, memory: requests.memory ?? sums.requests?.memory },
  };
}

/**
 * Returns LinuxPodSandboxConfig.resources: the sums over the containers, or the pod-level resources, without overhead. Runtimes do not
 * apply it to the pod's cgroup.
 */
export function sandboxResources(spec: PodSpec, node: NodeFacts): LinuxResources {
  const { cpu, memory, requests } = podSums(spec);
  const amounts = { ...present("cpu", cpu), ...present("memory", memory) };
  return linuxResources(
    {
      cpuRequest: amountOf(present("cpu", requests?.cpu), "cpu"),
      cpuLimit: amountOf(amounts, "cpu"),
      memoryLimit: amountOf(amounts, "memory"),
    },
    node,
  );
}

function present(name: string, amount: ResourcesSpec["cpu"]): Record<string, string> {
  return amount === undefined ? {} : { [name]: String(amount) };
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
export function podCgroupParent(view: PodView, node: NodeFacts): string {
  if (node.cgroupDriver === undefined) return "";
  return cgroupParent({
    uid: view.uid,
    driver: node.cgroupDriver,
    qos: podQosClass(view.pod),
    root: [...node.cgroupRoot.split("/").filter(Boolean), "kubepods"],
  });
}

/** Returns the memory limit of the whole pod; undefined unless the pod, or each of its containers, has one. */
export function podMemoryLimit(spec: PodSpec): bigint | undefined {
  const all = [...spec.containers, ...(spec.initContainers ?? [])];
  const isLimited =
    unlessZero(amountOf(spec.resources?.limits, "memory")) !== undefined ||
    all.every(({ resources }) => unlessZero(amountOf(resources?.limits, "memory")) !== undefined);
  if (!isLimited) return undefined;
  return amountOf(present("memory", podSums(spec).memory), "memory")?.value();
}
