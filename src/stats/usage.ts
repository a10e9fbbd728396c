import type { ContainerStats, PodSandboxStats, WindowsContainerStats } from "../../gen/runtime/v1/api_pb.js";

// What a runtime counts is bigint, exactly as it came: nanoseconds of CPU time pass what a number holds exactly within
// 104 days of one core. What is computed from it is a number.

/** CPU time. */
export interface CpuUsage {
  /** When it was read, cut to milliseconds; undefined where the runtime does not say. */
  readonly at: Date | undefined;
  /** CRI `timestamp`: when it was read, in nanoseconds since 1970; 0 where the runtime does not say. */
  readonly atNanos: bigint;
  /** CRI `usage_core_nano_seconds`: CPU time of all cores together since the start, in nanoseconds. */
  readonly usageNanos: bigint | undefined;
  /** The same in seconds. */
  readonly usageSeconds: number | undefined;
  /**
   * How many cores are in use: 1.5 is one and a half. From two samples where there are two; else CRI `usage_nano_cores`, which the
   * runtime averages over a time of its choice. A 0 of the runtime's is undefined here: containerd says it of a busy container, too,
   * while it has read it only once.
   */
  readonly cores: number | undefined;
  /** Waits for a CPU. */
  readonly psi: Pressure | undefined;
}

/** Memory, in bytes. */
export interface MemoryUsage {
  /** When it was read. */
  readonly at: Date | undefined;
  /** CRI `timestamp`, in nanoseconds since 1970; 0 where the runtime does not say. */
  readonly atNanos: bigint;
  /** CRI `working_set_bytes`: what cannot be freed easily. What limits and evictions look at. */
  readonly workingSetBytes: bigint | undefined;
  /** CRI `usage_bytes`: with all caches. */
  readonly usageBytes: bigint | undefined;
  /** CRI `rss_bytes`: anonymous memory. */
  readonly rssBytes: bigint | undefined;
  /** CRI `available_bytes`: the limit without the working set. Undefined without a limit, which containerd tells as 0. */
  readonly availableBytes: bigint | undefined;
  /** CRI `page_faults`, a count since the start. */
  readonly pageFaults: bigint | undefined;
  /** CRI `major_page_faults`: those that had to read a disk. */
  readonly majorPageFaults: bigint | undefined;
  /** CRI `commit_memory_bytes`, on Windows only. */
  readonly committedBytes: bigint | undefined;
  /** Waits for memory. */
  readonly psi: Pressure | undefined;
}

/** Swap space, in bytes. */
export interface SwapUsage {
  readonly at: Date | undefined;
  /** CRI `timestamp`, in nanoseconds since 1970; 0 where the runtime does not say. */
  readonly atNanos: bigint;
  /** CRI `swap_usage_bytes`. */
  readonly usageBytes: bigint | undefined;
  /** CRI `swap_available_bytes`; no meaning without a limit. */
  readonly availableBytes: bigint | undefined;
}

/** What a container has written outside its volumes. The runtime counts it from time to time: see `at`. */
export interface WritableLayerUsage {
  readonly at: Date | undefined;
  /** CRI `timestamp`, in nanoseconds since 1970. */
  readonly atNanos: bigint;
  /** CRI `fs_id.mountpoint`: a folder in the file system that it is on. */
  readonly mountpoint: string;
  readonly usedBytes: bigint | undefined;
  readonly inodesUsed: bigint | undefined;
}

/** Time lost by waiting, as the Linux kernel tells it. Needs cgroup v2. */
export interface Pressure {
  /** At least one task waited. */
  readonly some: PressureShare | undefined;
  /** All tasks waited at once. */
  readonly full: PressureShare | undefined;
}

/** A share of time. */
export interface PressureShare {
  /** CRI `Total`, a count since the start: nanoseconds by CRI's text, microseconds from runtimes that pass on the kernel's. */
  readonly total: bigint;
  /** Percent of the last 10 seconds, 0 to 100. */
  readonly avg10Percent: number;
  /** Percent of the last 60 seconds. */
  readonly avg60Percent: number;
  /** Percent of the last 300 seconds. */
  readonly avg300Percent: number;
}

/** Traffic of a pod since it exists. */
export interface NetworkUsage {
  /** When it was read; undefined on containerd, which does not say. */
  readonly at: Date | undefined;
  /** CRI `timestamp`, in nanoseconds since 1970; 0 where the runtime does not say. */
  readonly atNanos: bigint;
  /** CRI `default_interface` first, then `interfaces`. */
  readonly interfaces: readonly InterfaceUsage[];
}

/** Traffic of one interface. */
export interface InterfaceUsage {
  /** Its name in the pod, as `eth0`. */
  readonly name: string;
  readonly rxBytes: bigint | undefined;
  readonly txBytes: bigint | undefined;
  /** Undefined on Windows, which counts dropped packets. */
  readonly rxErrors: bigint | undefined;
  readonly txErrors: bigint | undefined;
  /** On Windows only. */
  readonly rxDroppedPackets: bigint | undefined;
  readonly txDroppedPackets: bigint | undefined;
}

/** What is known of a container besides its figures. Figures say only what labels say, and those may be missing. */
export interface ContainerOrigin {
  /** The sandbox's id. */
  readonly podId: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  /** When the container was made. */
  readonly createdAt: Date | undefined;
}

/** What a container uses. */
export interface ContainerUsage {
  /** The whole id. */
  readonly id: string;
  /** ContainerMetadata.name. */
  readonly name: string;
  /** ContainerMetadata.attempt. */
  readonly attempt: number;
  /** The sandbox's id; undefined from {@link containerUsage} when it was not told. */
  readonly podId: string | undefined;
  /** The pod's name; "" where nothing tells it. */
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date | undefined;
  /** When the first of the figures below was read that says so. */
  readonly at: Date | undefined;
  /** Undefined for a container that does not run. */
  readonly cpu: CpuUsage | undefined;
  /** Undefined for a container that does not run. */
  readonly memory: MemoryUsage | undefined;
  readonly swap: SwapUsage | undefined;
  /** Undefined until the runtime has counted, which takes containerd some seconds. */
  readonly writableLayer: WritableLayerUsage | undefined;
  /** Waits for input and output. */
  readonly ioPsi: Pressure | undefined;
  /** What the runtime said. */
  readonly message: ContainerStats | WindowsContainerStats;
}

/** What a pod uses, all its containers and its own process together. */
export interface PodUsage {
  /** The sandbox's id. */
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  /** When the first of the figures below was read that says so. */
  readonly at: Date | undefined;
  /** Undefined where the runtime tells nothing, as CRI-O of some pods. */
  readonly cpu: CpuUsage | undefined;
  readonly memory: MemoryUsage | undefined;
  readonly network: NetworkUsage | undefined;
  /** CRI `process_count`. containerd counts its own process of the pod only. */
  readonly processCount: bigint | undefined;
  /** Waits for input and output. */
  readonly ioPsi: Pressure | undefined;
  /** Its containers that run. */
  readonly containers: readonly ContainerUsage[];
  /** What the runtime said. */
  readonly message: PodSandboxStats;
}
