// The metrics of a container, under the names that cAdvisor gave them.
import { MetricType } from "cri-sdk/v1";
import type { CgroupDetails } from "./details.js";
import type { DiskSpace } from "./disk-usage.js";
import { counter, gauge, labelled, type Metric, type Sample } from "./metric.js";
import type { FileSystem, OpenFiles } from "./processes.js";
import type { CgroupUsage } from "./usage.js";

/** A container at one moment. */
export interface MeasuredContainer {
  readonly usage: CgroupUsage;
  readonly details: CgroupDetails;
  readonly processes: number;
  readonly openFiles: OpenFiles;
  readonly maxOpenFiles: bigint | undefined;
  /** The writable layer. */
  readonly files: DiskSpace | undefined;
  readonly fileSystem: FileSystem | undefined;
  /** Translates `MAJOR:MINOR`. */
  readonly deviceName: (device: string) => string;
  readonly startedAt: bigint;
  readonly timestamp: bigint;
}

const { COUNTER, GAUGE } = MetricType;

export const containerMetrics: readonly Metric<MeasuredContainer>[] = [
  labelled(COUNTER, "container_cpu_usage_seconds_total", ["cpu"], "CPU time, in seconds.", ({ usage }) => [
    [usage.cpuNanos / 1_000_000_000n, "total"],
  ]),
  counter("container_cpu_user_seconds_total", "CPU time in user mode, in seconds.", (c) =>
    seconds(c.details.userNanos),
  ),
  counter("container_cpu_system_seconds_total", "CPU time in the kernel, in seconds.", (c) =>
    seconds(c.details.systemNanos),
  ),
  counter(
    "container_cpu_cfs_periods_total",
    "Periods of the CPU quota that have passed.",
    (c) => c.details.periods,
  ),
  counter(
    "container_cpu_cfs_throttled_periods_total",
    "Periods with throttling.",
    (c) => c.details.throttledPeriods,
  ),
  counter("container_cpu_cfs_throttled_seconds_total", "Time of throttling, in seconds.", (c) =>
    seconds(c.details.throttledNanos),
  ),
  ...pressureMetrics("cpu", "a CPU"),
  ...pressureMetrics("memory", "memory"),
  ...pressureMetrics("io", "input and output"),
  gauge("container_memory_usage_bytes", "Memory with all caches.", (c) => c.usage.memory?.used),
  gauge(
    "container_memory_working_set_bytes",
    "Memory without inactive file cache.",
    (c) => c.usage.memory?.workingSet,
  ),
  gauge("container_memory_rss", "Anonymous memory, in bytes.", (c) => c.usage.memory?.rss),
  gauge("container_memory_swap", "Swap in use, in bytes.", (c) => c.usage.memory?.swap?.used ?? 0n),
  gauge("container_memory_cache", "File cache, in bytes.", (c) => c.details.fileCache),
  gauge("container_memory_mapped_file", "Mapped files, in bytes.", (c) => c.details.mappedFiles),
  gauge("container_memory_kernel_usage", "Memory of the kernel, in bytes.", (c) => c.details.kernelMemory),
  gauge("container_memory_max_usage_bytes", "Highest memory usage.", (c) => c.details.maxMemory),
  counter(
    "container_memory_failcnt",
    "How often the memory limit was reached.",
    (c) => c.details.memoryFailures,
  ),
  counter("container_oom_events_total", "Processes killed for lack of memory.", (c) => c.details.oomKills),
  labelled(
    COUNTER,
    "container_memory_failures_total",
    ["failure_type", "scope"],
    "Page faults.",
    ({ usage: { memory } }) =>
      ["container", "hierarchy"].flatMap((scope): Sample[] =>
        memory
          ? [
              [memory.faults, "pgfault", scope],
              [memory.majorFaults, "pgmajfault", scope],
            ]
          : [],
      ),
  ),
  fileSystemMetric("usage_bytes", "Size of the writable layer.", (_, files) => files?.bytes),
  fileSystemMetric("limit_bytes", "Size of the file system.", ({ bytes }) => bytes),
  fileSystemMetric("inodes_total", "Inodes of the file system.", ({ inodes }) => inodes),
  fileSystemMetric("inodes_free", "Free inodes of the file system.", ({ freeInodes }) => freeInodes),
  ioMetric("reads_bytes_total", "Bytes read from a device.", "readBytes"),
  ioMetric("reads_total", "Reads from a device.", "reads"),
  ioMetric("writes_bytes_total", "Bytes written to a device.", "writtenBytes"),
  ioMetric("writes_total", "Writes to a device.", "writes"),
  labelled(
    COUNTER,
    "container_blkio_device_usage_total",
    ["device", "major", "minor", "operation"],
    "Bytes read from and written to a device.",
    ({ details, deviceName }) =>
      details.io.flatMap(({ device, readBytes, writtenBytes }): Sample[] => {
        const [name, [major = "", minor = ""]] = [deviceName(device), device.split(":")];
        return [
          [readBytes, name, major, minor, "Read"],
          [writtenBytes, name, major, minor, "Write"],
        ];
      }),
  ),
  gauge("container_processes", "Processes.", (c) => BigInt(c.processes)),
  gauge("container_threads", "Threads.", (c) => c.details.threads),
  gauge("container_threads_max", "Limit of threads; 0 for none.", (c) => c.details.maxThreads ?? 0n),
  gauge("container_file_descriptors", "Open file descriptors.", (c) => BigInt(c.openFiles.descriptors)),
  gauge("container_sockets", "Open sockets.", (c) => BigInt(c.openFiles.sockets)),
  labelled(
    GAUGE,
    "container_ulimits_soft",
    ["ulimit"],
    "Soft limits of the main process.",
    ({ maxOpenFiles }) => (maxOpenFiles === undefined ? [] : [[maxOpenFiles, "max_open_files"]]),
  ),
  gauge("container_spec_cpu_period", "Period of the CPU quota, in microseconds.", (c) => c.details.cpuPeriod),
  gauge("container_spec_cpu_quota", "CPU quota, in microseconds; 0 for none.", (c) => c.details.cpuQuota),
  gauge("container_spec_cpu_shares", "CPU shares.", (c) => c.details.cpuShares),
  gauge("container_spec_memory_limit_bytes", "Memory limit; 0 for none.", (c) => c.usage.memory?.limit ?? 0n),
  gauge(
    "container_spec_memory_swap_limit_bytes",
    "Limit of memory and swap; 0 for none.",
    (c) => c.details.memoryAndSwapLimit ?? 0n,
  ),
  gauge(
    "container_spec_memory_reservation_limit_bytes",
    "Memory reservation; 0 for none.",
    (c) => c.details.memoryReservation ?? 0n,
  ),
  gauge("container_start_time_seconds", "Start, in seconds since 1970.", (c) => seconds(c.startedAt)),
  gauge("container_last_seen", "Time of the reading, in seconds since 1970.", (c) => seconds(c.timestamp)),
];

function pressureMetrics(resource: "cpu" | "memory" | "io", what: string): Metric<MeasuredContainer>[] {
  const name = (kind: string) => `container_pressure_${resource}_${kind}_seconds_total`;
  const total = ({ usage }: MeasuredContainer, kind: "Full" | "Some") =>
    seconds(usage.pressure[resource]?.[kind]?.Total);
  return [
    counter(name("stalled"), `Time in which all tasks waited for ${what}, in seconds.`, (one) =>
      total(one, "Full"),
    ),
    counter(name("waiting"), `Time in which any task waited for ${what}, in seconds.`, (one) =>
      total(one, "Some"),
    ),
  ];
}

function fileSystemMetric(
  name: string,
  help: string,
  read: (fileSystem: FileSystem, files: DiskSpace | undefined) => bigint | undefined,
): Metric<MeasuredContainer> {
  return labelled(GAUGE, `container_fs_${name}`, ["device"], help, ({ fileSystem, files, deviceName }) => {
    if (!fileSystem) return [];
    const value = read(fileSystem, files);
    return value === undefined ? [] : [[value, deviceName(fileSystem.device)]];
  });
}

function ioMetric(
  name: string,
  help: string,
  field: "reads" | "writes" | "readBytes" | "writtenBytes",
): Metric<MeasuredContainer> {
  return labelled(COUNTER, `container_fs_${name}`, ["device"], help, ({ details, deviceName }) =>
    details.io.map((one) => [one[field], deviceName(one.device)]),
  );
}

/** The values of metrics are whole numbers: seconds are rounded down. */
function seconds(nanos: bigint | undefined): bigint | undefined {
  return nanos === undefined ? undefined : nanos / 1_000_000_000n;
}
