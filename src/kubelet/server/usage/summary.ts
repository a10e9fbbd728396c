import { type ObservedContainer, timeText } from "../../../kubernetes/index.js";
import type {
  ContainerUsage,
  CpuStats as CpuReading,
  MemoryStats as MemoryReading,
  PodUsage,
  SwapStats as SwapReading,
} from "../../../stats/index.js";
import type { KubeletPod, KubeletView } from "../../kubelet-view.js";
import { type DiskUse, usedBy } from "./file-systems.js";
import type { NodeUsage } from "./node-usage.js";
import type {
  ContainerStats,
  CpuStats,
  FsStats,
  InterfaceStats,
  MemoryStats,
  NetworkStats,
  NodeStats,
  PodStats,
  Summary,
  SwapStats,
  VolumeStats,
} from "./summary-types.js";
import type { KubeletUsage } from "./usage-reader.js";

/** What a Pod uses of disks. */
export interface PodDiskUse {
  /** By the name of a container. */
  readonly logs: ReadonlyMap<string, DiskUse>;
  readonly volumes: readonly { readonly stats: VolumeStats; readonly isEphemeral: boolean }[];
}

/** What a summary is made of. */
export interface SummaryInput {
  readonly view: Pick<KubeletView, "nodeName" | "pods">;
  readonly usage: KubeletUsage;
  readonly node: NodeUsage;
  /** The rate of the node's CPU, in billionths of a core. */
  readonly nodeNanoCores: number | undefined;
  /** The file systems of the pods' files, of images and of writable layers. */
  readonly nodeFs: FsStats | undefined;
  readonly imageFs: FsStats | undefined;
  readonly containerFs: FsStats | undefined;
  /** By the uid of the Pod. */
  readonly disks: ReadonlyMap<string, PodDiskUse>;
}

/** Puts a summary together, as the kubelet's `/stats/summary`. Pods without a sandbox are missing, as there. */
export function summaryOf(input: SummaryInput): Summary {
  const pods = input.view.pods().flatMap((pod) => {
    const sandbox = pod.observed.sandboxes[0];
    return sandbox ? [podStats(pod, sandbox.createdAtNanos, input)] : [];
  });
  return { node: nodeStats(input), pods };
}

function nodeStats({ view, node, nodeNanoCores, nodeFs, imageFs, containerFs }: SummaryInput): NodeStats {
  const time = timeOf(node.atNanos);
  const { memory, processes, cpuNanos } = node;
  return {
    nodeName: view.nodeName,
    startTime: timeOf(BigInt(Math.trunc(node.bootedAtMs ?? 0)) * 1_000_000n),
    cpu:
      cpuNanos === undefined
        ? undefined
        : { time, usageNanoCores: nodeNanoCores, usageCoreNanoSeconds: cpuNanos },
    memory: memory && {
      time,
      availableBytes: memory.capacityBytes - memory.workingSetBytes,
      usageBytes: memory.usageBytes,
      workingSetBytes: memory.workingSetBytes,
      rssBytes: memory.rssBytes,
      pageFaults: memory.pageFaults,
      majorPageFaults: memory.majorPageFaults,
    },
    network: networkStats(time, node.interfaces),
    fs: nodeFs,
    runtime: { imageFs, containerFs },
    rlimit: processes && { time, maxpid: processes.max, curproc: processes.current },
    swap: memory && {
      time,
      swapAvailableBytes: memory.swapAvailableBytes,
      swapUsageBytes: memory.swapUsageBytes,
    },
  };
}

function podStats(pod: KubeletPod, createdAtNanos: bigint, input: SummaryInput): PodStats {
  const { usage, node, nodeFs, disks } = input;
  const { name, namespace, uid } = pod.pod.metadata;
  const podUsage = usage.pods.get(uid);
  const disk = disks.get(uid);
  const containers = (usage.containers.get(uid) ?? []).flatMap((container) => {
    const observed = pod.observed.containers.find(({ id }) => id === container.id);
    // The usage of instances that have ended is not the Pod's any more.
    return observed?.state === "running" ? [containerStats(container, observed, disk, input)] : [];
  });
  const time = timeOf(node.atNanos);
  const volumes = disk?.volumes ?? [];
  const ephemeral = [
    ...containers.flatMap(({ rootfs, logs }) => [rootfs, logs]),
    ...volumes.filter(({ isEphemeral }) => isEphemeral).map(({ stats }) => stats),
  ].filter((one) => one !== undefined);
  return {
    podRef: { name, namespace, uid },
    startTime: timeOf(createdAtNanos),
    containers,
    cpu: cpuStats(podUsage?.cpu),
    memory: memoryStats(podUsage?.memory),
    network: podUsage?.network && networkStats(readAt(podUsage.network, time), podUsage.network.interfaces),
    ...(volumes.length > 0 && { volume: volumes.map(({ stats }) => stats) }),
    "ephemeral-storage": usedBy(
      nodeFs,
      { bytes: sum(ephemeral, "usedBytes"), inodes: sum(ephemeral, "inodesUsed") },
      time,
    ),
    process_stats: processStats(podUsage),
    swap: sumOfSwap(containers, time),
  };
}

function containerStats(
  container: ContainerUsage,
  { startedAtNanos }: ObservedContainer,
  disk: PodDiskUse | undefined,
  { node, nodeFs, containerFs }: SummaryInput,
): ContainerStats {
  const time = timeOf(node.atNanos);
  const { name, cpu, memory, swap, writableLayer } = container;
  const layer = writableLayer && { bytes: writableLayer.usedBytes, inodes: writableLayer.inodesUsed };
  return {
    name,
    startTime: timeOf(startedAtNanos),
    cpu: cpuStats(cpu),
    memory: memoryStats(memory),
    rootfs: usedBy(containerFs, layer, writableLayer ? readAt(writableLayer, time) : time),
    logs: usedBy(nodeFs, disk?.logs.get(name), time),
    swap: swapStats(swap),
  };
}

function cpuStats(cpu: CpuReading | undefined): CpuStats | undefined {
  if (!cpu) return undefined;
  const { cores, usageNanos } = cpu;
  const usageNanoCores = cores === undefined ? undefined : Math.round(cores * 1e9);
  return { time: timeOf(cpu.atNanos), usageNanoCores, usageCoreNanoSeconds: usageNanos };
}

function memoryStats(memory: MemoryReading | undefined): MemoryStats | undefined {
  if (!memory) return undefined;
  const { availableBytes, usageBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults } = memory;
  const numbers = { availableBytes, usageBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults };
  return { time: timeOf(memory.atNanos), ...numbers };
}

function swapStats(swap: SwapReading | undefined): SwapStats | undefined {
  if (!swap) return undefined;
  const { availableBytes: swapAvailableBytes, usageBytes: swapUsageBytes } = swap;
  return { time: timeOf(swap.atNanos), swapAvailableBytes, swapUsageBytes };
}

function sumOfSwap(containers: readonly ContainerStats[], time: string): SwapStats | undefined {
  const all = containers.flatMap(({ swap }) => swap ?? []);
  return all.length === 0 ? undefined : { time, swapUsageBytes: sum(all, "swapUsageBytes") };
}

function networkStats(time: string, interfaces: readonly InterfaceStats[]): NetworkStats | undefined {
  const all = interfaces
    .filter(({ name }) => name !== "lo")
    .map(({ name, rxBytes, rxErrors, txBytes, txErrors }) => ({
      name,
      rxBytes,
      rxErrors,
      txBytes,
      txErrors,
    }));
  const [first] = all;
  return first && { time, ...first, interfaces: all };
}

function processStats(usage: PodUsage | undefined): PodStats["process_stats"] {
  return usage?.processCount === undefined ? undefined : { process_count: usage.processCount };
}

function sum<K extends string>(all: readonly { readonly [key in K]?: bigint | undefined }[], key: K): bigint {
  return all.reduce((total, one) => total + (one[key] ?? 0n), 0n);
}

/** The time of a reading, for which a runtime may have none. */
function readAt({ atNanos }: { readonly atNanos: bigint }, time: string): string {
  return atNanos === 0n ? time : timeOf(atNanos);
}

/** A time in RFC 3339 with whole seconds, as `metav1.Time` is written. */
function timeOf(nanos: bigint): string {
  return timeText(new Date(Number(nanos / 1_000_000n)));
}
