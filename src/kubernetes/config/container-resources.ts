import { oomScoreAdj, pageSizeName, parseQuantity, swapLimit } from "../../pods/index.js";
import type { Container, PodSpec } from "../api/index.js";
import { isCriticalPod } from "../critical-pods.js";
import { aggregateContainers } from "../defaults/index.js";
import { StartError } from "../start-error.js";
import type { NodeFacts } from "./node-facts.js";
import { podQosClass } from "./pod-resources.js";
import type { ContainerView, PodView } from "./pod-view.js";
import { amountOf, effectiveLimit, type LinuxResources, linuxResources } from "./resources.js";

/** LinuxContainerResources of a container. */
export interface ContainerLinuxResources extends LinuxResources {
  readonly oomScoreAdj: bigint;
  readonly memorySwapLimitInBytes: bigint;
  readonly hugepageLimits: { readonly pageSize: string; readonly limit: bigint }[];
}

/** Returns LinuxContainerResources with the kubelet's numbers: CPU, memory, OOM score, huge pages, swap and memory QoS. */
export function containerResources(
  view: PodView,
  one: ContainerView,
  node: NodeFacts,
): ContainerLinuxResources {
  const { container } = one;
  const resources = linuxResources(
    {
      cpuRequest: amountOf(container.resources?.requests, "cpu"),
      cpuLimit: effectiveLimit(view.spec, container, "cpu"),
      memoryLimit: effectiveLimit(view.spec, container, "memory"),
    },
    node,
  );
  return {
    ...resources,
    oomScoreAdj: BigInt(containerOomScore(view, one, node)),
    memorySwapLimitInBytes: hasSwapV1(node) ? resources.memoryLimitInBytes : 0n,
    hugepageLimits: hugepageLimits(view.spec, one, node),
    unified: {
      ...resources.unified,
      ...swapFiles(view, container, node),
      ...memoryQos(view, container, node),
    },
  };
}

function containerOomScore(view: PodView, { container, kind }: ContainerView, node: NodeFacts): number {
  const { spec } = view;
  const podRequest = spec.resources?.requests?.memory;
  return oomScoreAdj({
    qos: podQosClass(view.pod),
    memoryCapacityBytes: node.memoryBytes,
    memoryRequest: container.resources?.requests?.memory,
    nodeCritical: spec.priorityClassName === "system-node-critical" && isCriticalPod(view.pod),
    regularRequests:
      kind === "sidecar" ? spec.containers.map(({ resources }) => resources?.requests?.memory) : undefined,
    podLevel:
      podRequest === undefined
        ? undefined
        : {
            memoryRequest: podRequest,
            containersRequest: aggregateContainers(spec, "requests").get("memory")?.toString() ?? 0,
            containers: spec.containers.length + (spec.initContainers?.length ?? 0),
          },
  });
}

const hugepagePrefix = "hugepages-";

/**
 * Returns a limit for each page size of the node, 0 without one: a container gets no huge pages that it does not request. Without the
 * hugetlb controller, limits of 0 are left out, since runc fails on them.
 */
function hugepageLimits(
  spec: PodSpec,
  { container, path }: ContainerView,
  node: NodeFacts,
): { pageSize: string; limit: bigint }[] {
  const limits = { ...spec.resources?.limits, ...container.resources?.limits };
  const bySize = new Map<string, bigint>();
  for (const [name, amount] of Object.entries(limits)) {
    if (!name.startsWith(hugepagePrefix)) continue;
    const pageSize = pageSizeName(parseQuantity(name.slice(hugepagePrefix.length)).value());
    const limit = parseQuantity(amount).value();
    if (limit > 0n && !node.hugePageSizes.includes(pageSize))
      throw new StartError(
        "CreateContainerConfigError",
        `${path}.resources.limits[${name}]: the node has no huge pages of this size, only ${node.hugePageSizes.join(", ") || "none"}`,
      );
    bySize.set(pageSize, limit);
  }
  return node.hugePageSizes
    .map((pageSize) => ({ pageSize, limit: bySize.get(pageSize) ?? 0n }))
    .filter(({ limit }) => node.hasHugetlbController || limit > 0n);
}

/** On cgroup v1, the limit of memory and swap together equals that of memory: no swap. */
function hasSwapV1({ hasSwapController, cgroupVersion }: NodeFacts): boolean {
  return hasSwapController && cgroupVersion === 1;
}

/** Returns `memory.swap.max`: 0 unless the node has LimitedSwap, and nothing without a swap controller. */
function swapFiles(view: PodView, { resources }: Container, node: NodeFacts): Record<string, string> {
  if (!node.hasSwapController || node.cgroupVersion === 1) return {};
  if (node.swapBehavior === "NoSwap") return { "memory.swap.max": "0" };
  const limit = swapLimit({
    qos: podQosClass(view.pod),
    memoryCapacityBytes: node.memoryBytes,
    swapCapacityBytes: node.swapBytes,
    memoryRequest: resources?.requests?.memory ?? 0,
    memoryLimit: resources?.limits?.memory,
    critical: isCriticalPod(view.pod),
  });
  return { "memory.swap.max": String(limit) };
}

/** The part of the memory between request and limit from which on a container is slowed down. */
const throttlingFactor = 0.9;

/**
 * Returns the files of memory QoS: the request is protected as `node.memoryQos` says, and `memory.high` slows a container down before it
 * reaches its limit, or the node's memory.
 */
function memoryQos(view: PodView, { resources }: Container, node: NodeFacts): Record<string, string> {
  if (node.memoryQos === "off" || node.cgroupVersion === 1) return {};
  const request = amountOf(resources?.requests, "memory")?.value() ?? 0n;
  const limit = amountOf(resources?.limits, "memory")?.value() ?? 0n;
  const files: Record<string, string> = {};
  if (node.memoryQos === "None") Object.assign(files, { "memory.min": "0", "memory.low": "0" });
  else if (request > 0n)
    files[podQosClass(view.pod) === "Guaranteed" ? "memory.min" : "memory.low"] = String(request);
  const upper = limit === 0n ? (amountOf(node.allocatable, "memory")?.value() ?? 0n) : limit;
  if (request === limit || upper === 0n) return files;
  // In floating point, like the kubelet, so that the results are equal to the byte.
  const throttled = Math.floor(Number(request) + (Number(upper) - Number(request)) * throttlingFactor);
  const high = BigInt(Math.trunc(throttled / node.pageSizeBytes)) * BigInt(node.pageSizeBytes);
  if (high > request) files["memory.high"] = String(high);
  return files;
}
