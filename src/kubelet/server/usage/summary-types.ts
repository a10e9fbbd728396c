// The types of stats.k8s.io/v1alpha1. Numbers of 64 bits are written as JSON numbers, as the kubelet does. Times are RFC 3339.

/** What `/stats/summary` answers. */
export interface Summary {
  readonly node: NodeStats;
  readonly pods: readonly PodStats[];
}

/** The usage of the node. */
export interface NodeStats {
  readonly nodeName: string;
  readonly startTime: string;
  readonly cpu?: CpuStats | undefined;
  readonly memory?: MemoryStats | undefined;
  readonly network?: NetworkStats | undefined;
  readonly fs?: FsStats | undefined;
  readonly runtime?: { readonly imageFs?: FsStats | undefined; readonly containerFs?: FsStats | undefined };
  readonly rlimit?: { readonly time: string; readonly maxpid: bigint; readonly curproc: bigint } | undefined;
  readonly swap?: SwapStats | undefined;
}

/** The usage of a Pod. */
export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime: string;
  readonly containers: readonly ContainerStats[];
  readonly cpu?: CpuStats | undefined;
  readonly memory?: MemoryStats | undefined;
  readonly network?: NetworkStats | undefined;
  readonly volume?: readonly VolumeStats[] | undefined;
  readonly "ephemeral-storage"?: FsStats | undefined;
  readonly process_stats?: { readonly process_count: bigint } | undefined;
  readonly swap?: SwapStats | undefined;
}

/** The usage of a container. */
export interface ContainerStats {
  readonly name: string;
  readonly startTime: string;
  readonly cpu?: CpuStats | undefined;
  readonly memory?: MemoryStats | undefined;
  readonly rootfs?: FsStats | undefined;
  readonly logs?: FsStats | undefined;
  readonly swap?: SwapStats | undefined;
}

/** CPU: the rate in billionths of a core, and the time since the start. */
export interface CpuStats {
  readonly time: string;
  readonly usageNanoCores?: number | undefined;
  readonly usageCoreNanoSeconds?: bigint | undefined;
}

/** Memory in bytes. */
export interface MemoryStats {
  readonly time: string;
  readonly availableBytes?: bigint | undefined;
  readonly usageBytes?: bigint | undefined;
  readonly workingSetBytes?: bigint | undefined;
  readonly rssBytes?: bigint | undefined;
  readonly pageFaults?: bigint | undefined;
  readonly majorPageFaults?: bigint | undefined;
}

/** Swap in bytes. */
export interface SwapStats {
  readonly time: string;
  readonly swapAvailableBytes?: bigint | undefined;
  readonly swapUsageBytes?: bigint | undefined;
}

/** The traffic of one interface. */
export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes?: bigint | undefined;
  readonly rxErrors?: bigint | undefined;
  readonly txBytes?: bigint | undefined;
  readonly txErrors?: bigint | undefined;
}

/** The traffic of the default interface, and of all. */
export interface NetworkStats extends InterfaceStats {
  readonly time: string;
  readonly interfaces: readonly InterfaceStats[];
}

/** A file system, and what is used of it: in a list of one owner, what that owner uses. */
export interface FsStats {
  readonly time: string;
  readonly availableBytes?: bigint | undefined;
  readonly capacityBytes?: bigint | undefined;
  readonly usedBytes?: bigint | undefined;
  readonly inodesFree?: bigint | undefined;
  readonly inodes?: bigint | undefined;
  readonly inodesUsed?: bigint | undefined;
}

/** A volume of a Pod. */
export interface VolumeStats extends FsStats {
  readonly name: string;
  readonly pvcRef?: { readonly name: string; readonly namespace: string } | undefined;
}

/** Writes a summary as JSON; a bigint becomes a number with all its digits. */
export function summaryJson(summary: Summary): string {
  // JSON.stringify has no way to write a number of more than 53 bits, so it is marked, and the marks are removed.
  const marked = JSON.stringify(summary, (_key, value: unknown) =>
    typeof value === "bigint" ? `\u0000${value}` : value,
  );
  return marked.replaceAll(/"\\u0000(-?\d+)"/g, "$1");
}
