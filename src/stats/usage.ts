import type { ContainerStats, PodSandboxStats, WindowsContainerStats } from "../../gen/runtime/v1/api_pb.js";

// Counters and sizes are bigint, without rounding: the nanoseconds of one core exceed the safe integers after 104 days. Computed values
// are numbers.

/** CPU usage. */
export interface CpuStats {
  /** The time of the reading, truncated to milliseconds; undefined when the runtime does not report it. */
  readonly at: Date | undefined;
  /** CRI `timestamp`: the time of the reading in nanoseconds since 1970; 0 when the runtime does not report it. */
  readonly atNanos: bigint;
  /** CRI `usage_core_nano_seconds`: the CPU time since the start, summed over all cores, in nanoseconds. */
  readonly usageNanos: bigint | undefined;
  /** `usageNanos` in seconds. */
  readonly usageSeconds: number | undefined;
  /**
   * The number of used cores, such as 1.5. Computed from two samples where possible; otherwise CRI `usage_nano_cores`, which the runtime
   * averages over an interval of its choice. Undefined if the runtime reports 0: containerd does so for busy containers, too, after a
   * single reading.
   */
  readonly cores: number | undefined;
  /** CRI `psi`: time that tasks waited for a CPU. */
  readonly psi: ResourcePressure | undefined;
}

/** Memory usage, in bytes. */
export interface MemoryStats {
  /** The time of the reading. */
  readonly at: Date | undefined;
  /** CRI `timestamp`, in nanoseconds since 1970; 0 when the runtime does not report it. */
  readonly atNanos: bigint;
  /** CRI `working_set_bytes`: memory that cannot be reclaimed easily. The kubelet decides evictions by it. */
  readonly workingSetBytes: bigint | undefined;
  /** CRI `usage_bytes`: all memory, including caches. */
  readonly usageBytes: bigint | undefined;
  /** CRI `rss_bytes`: anonymous memory. */
  readonly rssBytes: bigint | undefined;
  /**
   * CRI `available_bytes`: the limit minus the working set. Undefined without a limit, for which containerd reports 0, and CRI-O about
   * 2^63.
   */
  readonly availableBytes: bigint | undefined;
  /** CRI `page_faults`: the number since the start. */
  readonly pageFaults: bigint | undefined;
  /** CRI `major_page_faults`: the page faults that read from disk. */
  readonly majorPageFaults: bigint | undefined;
  /** CRI `commit_memory_bytes`; only on Windows. */
  readonly committedBytes: bigint | undefined;
  /** CRI `psi`: time that tasks waited for memory. */
  readonly psi: ResourcePressure | undefined;
}

/** Swap usage, in bytes. */
export interface SwapStats {
  /** The time of the reading. */
  readonly at: Date | undefined;
  /** CRI `timestamp`, in nanoseconds since 1970; 0 when the runtime does not report it. */
  readonly atNanos: bigint;
  /** CRI `swap_usage_bytes`. */
  readonly usageBytes: bigint | undefined;
  /** CRI `swap_available_bytes`; meaningless without a limit. */
  readonly availableBytes: bigint | undefined;
}

/** The disk usage of a container's writable layer. The runtime measures it periodically; see `at`. */
export interface WritableLayerUsage {
  /** The time of the measurement. */
  readonly at: Date | undefined;
  /** CRI `timestamp`, in nanoseconds since 1970. */
  readonly atNanos: bigint;
  /** CRI `fs_id.mountpoint`: a folder in the file system of the layer. */
  readonly mountpoint: string;
  /** CRI `used_bytes`. */
  readonly usedBytes: bigint | undefined;
  /** CRI `inodes_used`. */
  readonly inodesUsed: bigint | undefined;
}

/** Pressure stall information (PSI) of the Linux kernel. Requires cgroup v2. */
export interface ResourcePressure {
  /** CRI `Some`: the time in which at least one task waited. */
  readonly some: PressureShare | undefined;
  /** CRI `Full`: the time in which all tasks waited. */
  readonly full: PressureShare | undefined;
}

/** A share of time, over several windows. */
export interface PressureShare {
  /** CRI `Total`: the time since the start. In nanoseconds by CRI's definition; some runtimes report the kernel's microseconds. */
  readonly total: bigint;
  /** CRI `Avg10`: percent of the last 10 seconds, from 0 to 100. */
  readonly avg10Percent: number;
  /** CRI `Avg60`: percent of the last 60 seconds. */
  readonly avg60Percent: number;
  /** CRI `Avg300`: percent of the last 300 seconds. */
  readonly avg300Percent: number;
}

/** The network traffic of a pod since its creation. */
export interface NetworkStats {
  /** The time of the reading; undefined on containerd, which does not report it. */
  readonly at: Date | undefined;
  /** CRI `timestamp`, in nanoseconds since 1970; 0 when the runtime does not report it. */
  readonly atNanos: bigint;
  /** CRI `default_interface` first, then `interfaces`; the loopback interface last, which CRI-O reports as the default one. */
  readonly interfaces: readonly InterfaceStats[];
}

/** The network traffic of one interface. */
export interface InterfaceStats {
  /** The name of the interface in the pod, such as `eth0`. */
  readonly name: string;
  /** Received bytes since the interface was created. */
  readonly rxBytes: bigint | undefined;
  /** Sent bytes since the interface was created. */
  readonly txBytes: bigint | undefined;
  /** Undefined on Windows, which counts dropped packets instead. */
  readonly rxErrors: bigint | undefined;
  /** As `rxErrors`, for sent packets. */
  readonly txErrors: bigint | undefined;
  /** Only on Windows. */
  readonly rxDroppedPackets: bigint | undefined;
  /** Only on Windows. */
  readonly txDroppedPackets: bigint | undefined;
}

/** The pod and the creation time of a container, which CRI's stats lack. */
export interface ContainerOrigin {
  /** The id of the sandbox. */
  readonly podId: string;
  /** The name of the pod. */
  readonly podName: string;
  /** The namespace of the pod. */
  readonly podNamespace: string;
  /** The uid of the pod. */
  readonly podUid: string;
  /** The creation time of the container. */
  readonly createdAt: Date | undefined;
}

/** The resource usage of a container. */
export interface ContainerUsage {
  /** The full id. */
  readonly id: string;
  /** ContainerMetadata.name. */
  readonly name: string;
  /** ContainerMetadata.attempt. */
  readonly attempt: number;
  /** The id of the sandbox; undefined from {@link containerUsage} without an origin. */
  readonly podId: string | undefined;
  /** The pod's name; this field and the two below are "" when unknown. */
  readonly podName: string;
  /** The pod's namespace. */
  readonly podNamespace: string;
  /** The pod's uid. */
  readonly podUid: string;
  /** The labels of the container. */
  readonly labels: Readonly<Record<string, string>>;
  /** The creation time of the container; undefined when unknown. */
  readonly createdAt: Date | undefined;
  /** The time of the first of the readings below that has one. */
  readonly at: Date | undefined;
  /** Undefined for a container that is not running. */
  readonly cpu: CpuStats | undefined;
  /** Undefined for a container that is not running. */
  readonly memory: MemoryStats | undefined;
  /** Undefined when the runtime does not report it. */
  readonly swap: SwapStats | undefined;
  /** Undefined until the first measurement, which takes containerd some seconds. */
  readonly writableLayer: WritableLayerUsage | undefined;
  /** CRI `io.psi`: time that tasks waited for I/O. */
  readonly ioPsi: ResourcePressure | undefined;
  /** The CRI message. */
  readonly message: ContainerStats | WindowsContainerStats;
}

/** The resource usage of a pod: the sum of its containers and its own process. */
export interface PodUsage {
  /** The id of the sandbox. */
  readonly id: string;
  /** PodSandboxMetadata.name. */
  readonly name: string;
  /** PodSandboxMetadata.namespace. */
  readonly namespace: string;
  /** PodSandboxMetadata.uid. */
  readonly uid: string;
  /** PodSandboxMetadata.attempt. */
  readonly attempt: number;
  /** The labels of the sandbox. */
  readonly labels: Readonly<Record<string, string>>;
  /** The time of the first of the readings below that has one. */
  readonly at: Date | undefined;
  /**
   * The sum of the running containers where the runtime reports none of the pod, as CRI-O with cgroupfs: it then decreases when a container
   * ends. Undefined when there is neither.
   */
  readonly cpu: CpuStats | undefined;
  /** As `cpu`. */
  readonly memory: MemoryStats | undefined;
  /** Undefined when the runtime does not report it. */
  readonly network: NetworkStats | undefined;
  /** CRI `process_count`. containerd counts only the sandbox's own process; CRI-O with cgroupfs reports none. */
  readonly processCount: bigint | undefined;
  /** CRI `io.psi`: time that tasks waited for I/O. */
  readonly ioPsi: ResourcePressure | undefined;
  /** The running containers of the pod. */
  readonly containers: readonly ContainerUsage[];
  /** The CRI message. */
  readonly message: PodSandboxStats;
}
