// The metrics of ListMetricDescriptors and ListPodSandboxMetrics, which kubelets pass on at /metrics/cadvisor.
import { create } from "@bufbuild/protobuf";
import {
  type Metric,
  type MetricDescriptor,
  MetricDescriptorSchema,
  MetricSchema,
  MetricType,
  type PodSandboxMetrics,
  PodSandboxMetricsSchema,
} from "../../../../gen/runtime/v1/api_pb.js";
import type { DetailedUsage } from "../driver.js";
import type { Container, Sandbox } from "../objects.js";
import type { RuntimeState } from "../runtime-state.js";
import type { DiskUsages, MeasuredDiskUsage } from "./disk-usage.js";
import { filterSandboxes } from "./filters.js";

/** A value, with the values of the labels that only this metric has. */
type Sample = readonly [value: bigint, ...labelValues: string[]];

interface MetricSource<T> {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Labels in addition to those that all metrics have. */
  readonly labels: readonly string[];
  read(source: T): readonly Sample[];
}

/** A container with its usage, at one moment. */
interface Measured {
  readonly container: Container;
  readonly usage: DetailedUsage;
  readonly files: MeasuredDiskUsage;
  readonly now: bigint;
}

/** In the order of CRI-O, which kubelets have been tested with. */
const commonLabels = ["id", "image", "namespace", "pod", "container"];

/** The `container` label of a pod's own metrics. */
const podContainer = "POD";

const seconds = (nanos: bigint) => nanos / 1_000_000_000n;

/** The storage is not split by device. */
const device = "";

function counter<T>(name: string, help: string, labels: string[], read: (source: T) => readonly Sample[]) {
  return { name, help, type: MetricType.COUNTER, labels, read };
}

function gauge<T>(name: string, help: string, labels: string[], read: (source: T) => readonly Sample[]) {
  return { name, help, type: MetricType.GAUGE, labels, read };
}

/** Metrics of one value. */
const one =
  (read: (usage: DetailedUsage, container: Container) => bigint | number) =>
  ({ usage, container }: Measured): readonly Sample[] => [[BigInt(read(usage, container))]];

/** What cgroups count, and no process of a host has without one of its own: nothing is throttled, killed or kept from growing. */
const noCgroup = one(() => 0n);

/** Limits of the config, or of the latest update. */
const limit = (read: (resources: Container["resources"]) => bigint | undefined) =>
  one((_, { resources }) => read(resources) ?? 0n);

/** CRI's values are integers: seconds are rounded down. */
const containerSources: readonly MetricSource<Measured>[] = [
  counter(
    "container_cpu_usage_seconds_total",
    "CPU time of the container, in seconds.",
    ["cpu"],
    ({ usage }) => [[seconds(usage.cpuNanos), "total"]],
  ),
  counter(
    "container_cpu_user_seconds_total",
    "CPU time in user mode, in seconds.",
    [],
    one((u) => seconds(u.userNanos)),
  ),
  counter(
    "container_cpu_system_seconds_total",
    "CPU time in the kernel, in seconds.",
    [],
    one((u) => seconds(u.systemNanos)),
  ),
  counter("container_cpu_cfs_periods_total", "Periods of a CPU quota that have passed.", [], noCgroup),
  counter(
    "container_cpu_cfs_throttled_periods_total",
    "Periods in which a CPU quota was exceeded.",
    [],
    noCgroup,
  ),
  counter(
    "container_cpu_cfs_throttled_seconds_total",
    "Time for which a CPU quota stopped the container.",
    [],
    noCgroup,
  ),
  gauge(
    "container_memory_usage_bytes",
    "Memory of the container.",
    [],
    one((u) => u.memoryBytes),
  ),
  gauge(
    "container_memory_working_set_bytes",
    "Working set of the container.",
    [],
    one((u) => u.memoryBytes),
  ),
  gauge(
    "container_memory_rss",
    "Resident memory that is not mapped from files.",
    [],
    one((u) => u.ownMemoryBytes),
  ),
  gauge(
    "container_memory_cache",
    "Resident memory that is mapped from files.",
    [],
    one((u) => u.fileMemoryBytes),
  ),
  gauge(
    "container_memory_mapped_file",
    "Resident memory that is mapped from files.",
    [],
    one((u) => u.fileMemoryBytes),
  ),
  gauge(
    "container_memory_max_usage_bytes",
    "Sum of the largest memory of each process.",
    [],
    one((u) => u.maxMemoryBytes),
  ),
  gauge(
    "container_memory_swap",
    "Memory in swap.",
    [],
    one((u) => u.swapBytes),
  ),
  gauge("container_memory_kernel_usage", "Memory of the kernel for the container.", [], noCgroup),
  counter("container_memory_failcnt", "How often a memory limit was reached.", [], noCgroup),
  counter(
    "container_memory_failures_total",
    "Page faults of the container.",
    ["failure_type", "scope"],
    ({ usage }) =>
      ["container", "hierarchy"].flatMap((scope): Sample[] => [
        [usage.minorFaults + usage.majorFaults, "pgfault", scope],
        [usage.majorFaults, "pgmajfault", scope],
      ]),
  ),
  counter("container_oom_events_total", "Processes that were killed for lack of memory.", [], noCgroup),
  gauge("container_fs_usage_bytes", "Size of the container's own files.", ["device"], ({ files }) => [
    [files.bytes, device],
  ]),
  gauge(
    "container_fs_limit_bytes",
    "Size of the file system with the container's files.",
    ["device"],
    ({ usage }) => [[usage.fileSystem?.bytes ?? 0n, device]],
  ),
  gauge("container_fs_inodes_total", "Inodes of the file system.", ["device"], ({ usage }) => [
    [usage.fileSystem?.inodes ?? 0n, device],
  ]),
  gauge("container_fs_inodes_free", "Free inodes of the file system.", ["device"], ({ usage }) => [
    [usage.fileSystem?.freeInodes ?? 0n, device],
  ]),
  counter("container_fs_reads_bytes_total", "Bytes that were read from storage.", ["device"], ({ usage }) => [
    [usage.readBytes, device],
  ]),
  counter("container_fs_reads_total", "Read calls.", ["device"], ({ usage }) => [[usage.reads, device]]),
  counter(
    "container_fs_writes_bytes_total",
    "Bytes that were written to storage.",
    ["device"],
    ({ usage }) => [[usage.writtenBytes, device]],
  ),
  counter("container_fs_writes_total", "Write calls.", ["device"], ({ usage }) => [[usage.writes, device]]),
  counter(
    "container_blkio_device_usage_total",
    "Bytes that were transferred.",
    ["device", "major", "minor", "operation"],
    ({ usage }) => [
      [usage.readBytes, device, "", "", "Read"],
      [usage.writtenBytes, device, "", "", "Write"],
    ],
  ),
  gauge(
    "container_processes",
    "Running processes.",
    [],
    one((u) => u.processes),
  ),
  gauge(
    "container_threads",
    "Running threads.",
    [],
    one((u) => u.threads),
  ),
  gauge("container_threads_max", "Most threads that the container may have; 0 for no limit.", [], noCgroup),
  gauge(
    "container_file_descriptors",
    "Open file descriptors.",
    [],
    one((u) => u.openFiles),
  ),
  gauge(
    "container_sockets",
    "Open sockets.",
    [],
    one((u) => u.sockets),
  ),
  gauge(
    "container_ulimits_soft",
    "Soft limits of the main process.",
    ["ulimit"],
    ({ usage: { maxOpenFiles } }) => (maxOpenFiles === undefined ? [] : [[maxOpenFiles, "max_open_files"]]),
  ),
  gauge(
    "container_spec_cpu_period",
    "Period of the CPU quota, in microseconds.",
    [],
    limit((r) => r?.cpuPeriod || defaultCpuPeriod),
  ),
  gauge(
    "container_spec_cpu_quota",
    "CPU quota, in microseconds; 0 for none.",
    [],
    limit((r) => atLeastZero(r?.cpuQuota)),
  ),
  gauge(
    "container_spec_cpu_shares",
    "CPU shares.",
    [],
    limit((r) => r?.cpuShares || defaultCpuShares),
  ),
  gauge(
    "container_spec_memory_limit_bytes",
    "Memory limit; 0 for none.",
    [],
    limit((r) => r?.memoryLimitInBytes),
  ),
  gauge(
    "container_spec_memory_swap_limit_bytes",
    "Limit of memory and swap; 0 for none.",
    [],
    limit((r) => r?.memorySwapLimitInBytes),
  ),
  gauge("container_spec_memory_reservation_limit_bytes", "Memory reservation; CRI has none.", [], noCgroup),
  gauge(
    "container_start_time_seconds",
    "Start of the container, in seconds since 1970.",
    [],
    one((_, { startedAt }) => seconds(startedAt)),
  ),
  gauge("container_last_seen", "Time of this measurement, in seconds since 1970.", [], ({ now }) => [
    [seconds(now)],
  ]),
];

const defaultCpuPeriod = 100_000n;
const defaultCpuShares = 1_024n;

function atLeastZero(value = 0n): bigint {
  return value > 0n ? value : 0n;
}

/** A pod's traffic is that of port-forward and host ports; connections to its address cannot be counted. */
const networkSources: readonly MetricSource<Sandbox>[] = (["receive", "transmit"] as const).flatMap(
  (direction) => {
    const bytes = ({ traffic }: Sandbox) => BigInt(direction === "receive" ? traffic.received : traffic.sent);
    const what = direction === "receive" ? "the pod received" : "the pod sent";
    const name = (kind: string) => `container_network_${direction}_${kind}_total`;
    const labels = ["interface"];
    const none = (): readonly Sample[] => [[0n, podInterface]];
    return [
      counter(name("bytes"), `Bytes that ${what}.`, labels, (sandbox: Sandbox) => [
        [bytes(sandbox), podInterface],
      ]),
      // Connections of loopback have no packets that could be counted, lost or damaged.
      counter(name("packets"), `Packets that ${what}.`, labels, none),
      counter(name("packets_dropped"), `Packets that ${what}, and that were dropped.`, labels, none),
      counter(name("errors"), `Errors of packets that ${what}.`, labels, none),
    ];
  },
);

const podInterface = "lo";

/** The descriptors of all metrics. */
export const metricDescriptors: readonly MetricDescriptor[] = [...containerSources, ...networkSources].map(
  ({ name, help, labels }) =>
    create(MetricDescriptorSchema, { name, help, labelKeys: [...commonLabels, ...labels] }),
);

/** Measures pods and their containers. */
export class Metrics {
  readonly #state: RuntimeState;
  readonly #disk: DiskUsages;
  /** The largest value of each counter of a container: one that ended must not make a counter go back. */
  readonly #counters = new WeakMap<Container, Map<string, bigint>>();

  constructor(state: RuntimeState, disk: DiskUsages) {
    this.#state = state;
    this.#disk = disk;
  }

  /** Returns the metrics of all ready pods and their running containers. */
  async ofPods(): Promise<PodSandboxMetrics[]> {
    const ready = [...filterSandboxes(this.#state, undefined)].filter(({ isReady }) => isReady);
    return Promise.all(ready.map((sandbox) => this.#ofPod(sandbox)));
  }

  async #ofPod(sandbox: Sandbox): Promise<PodSandboxMetrics> {
    const { name = "", namespace = "" } = sandbox.config.metadata ?? {};
    const now = this.#state.clock.now();
    const containers = await Promise.all(
      [...sandbox.containers].map((container) => this.#ofContainer(container)),
    );
    const labels = [sandbox.id, "", namespace, name, podContainer];
    return create(PodSandboxMetricsSchema, {
      podSandboxId: sandbox.id,
      metrics: networkSources.flatMap((source) => metricsOf(source, source.read(sandbox), labels, now)),
      containerMetrics: containers.filter((measured) => measured !== undefined),
    });
  }

  async #ofContainer(container: Container) {
    const { driver, clock } = this.#state;
    const usage = container.isRunning ? await driver.detailedUsage(container.driverContainer) : undefined;
    if (!usage) return undefined;
    const files = await this.#disk.of(container);
    const { name = "", namespace = "" } = container.sandbox.config.metadata ?? {};
    const image = container.status().image?.image ?? "";
    const labels = [container.id, image, namespace, name, container.config.metadata?.name ?? ""];
    const now = clock.now();
    const measured = { container, usage, files, now };
    const metrics = containerSources.flatMap((source) =>
      metricsOf(source, this.#monotonic(container, source, source.read(measured)), labels, now),
    );
    return { containerId: container.id, metrics };
  }

  #monotonic(
    container: Container,
    { name, type }: MetricSource<Measured>,
    samples: readonly Sample[],
  ): readonly Sample[] {
    if (type !== MetricType.COUNTER) return samples;
    const largest = this.#counters.get(container) ?? new Map<string, bigint>();
    this.#counters.set(container, largest);
    return samples.map(([value, ...labels]): Sample => {
      const key = [name, ...labels].join(" ");
      const before = largest.get(key) ?? 0n;
      const now = value > before ? value : before;
      largest.set(key, now);
      return [now, ...labels];
    });
  }
}

function metricsOf<T>(
  { name, type }: MetricSource<T>,
  samples: readonly Sample[],
  labels: readonly string[],
  timestamp: bigint,
): Metric[] {
  return samples.map(([value, ...more]) =>
    create(MetricSchema, {
      ...{ name, timestamp, metricType: type },
      labelValues: [...labels, ...more],
      value: { value },
    }),
  );
}
