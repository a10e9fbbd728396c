import { unlimitedBytes } from "../from-messages.js";
import type { ContainerUsage, PodUsage, SwapStats } from "../usage.js";
import { formatSeconds, type MetricInfo } from "./families.js";

/** A value with the time of its reading. */
export interface Reading {
  readonly value: string;
  readonly atNanos: bigint;
}

/** A metric of pods or of containers. */
export interface Metric<T> extends MetricInfo {
  /** Returns the value; undefined when the runtime does not report it. */
  read(usage: T): Reading | undefined;
}

const inSeconds = (nanos: bigint | undefined, atNanos: bigint): Reading | undefined =>
  nanos === undefined ? undefined : { value: formatSeconds(nanos), atNanos };

function whole<T extends { readonly atNanos: bigint }>(
  section: T | undefined,
  read: (section: T) => bigint | undefined,
): Reading | undefined {
  const value = section && read(section);
  return section && value !== undefined ? { value: `${value}`, atNanos: section.atNanos } : undefined;
}

function swapLimit({ usageBytes = 0n, availableBytes }: SwapStats): bigint | undefined {
  if (availableBytes === undefined) return undefined;
  const limitBytes = usageBytes + availableBytes;
  return limitBytes < unlimitedBytes ? limitBytes : undefined;
}

/** Sums up the swap usage of the containers, as the kubelet does, since CRI has none of pods; undefined when any running one is missing. */
function podSwap({ containers }: PodUsage): Reading | undefined {
  let [usageBytes, atNanos] = [0n, 0n];
  const running = containers.filter(({ cpu, memory }) => cpu ?? memory);
  for (const { swap } of running) {
    if (swap?.usageBytes === undefined) return undefined;
    usageBytes += swap.usageBytes;
    if (swap.atNanos > atNanos) atNanos = swap.atNanos;
  }
  return running.length > 0 ? { value: `${usageBytes}`, atNanos } : undefined;
}

// The names and labels are those of the kubelet's /metrics/resource and /metrics/cadvisor, so that existing dashboards work.

/** Labels: container, namespace, pod. */
export const containerMetrics: readonly Metric<ContainerUsage>[] = [
  {
    name: "container_cpu_usage_seconds_total",
    help: "CPU time of the container since its start, summed over all cores.",
    type: "counter",
    read: ({ cpu }) => cpu && inSeconds(cpu.usageNanos, cpu.atNanos),
  },
  {
    name: "container_memory_working_set_bytes",
    help: "Working set of the container: memory that cannot be reclaimed easily.",
    type: "gauge",
    read: ({ memory }) => whole(memory, ({ workingSetBytes }) => workingSetBytes),
  },
  {
    name: "container_memory_usage_bytes",
    help: "Memory of the container, including all caches.",
    type: "gauge",
    read: ({ memory }) => whole(memory, ({ usageBytes }) => usageBytes),
  },
  {
    name: "container_memory_rss",
    help: "Anonymous memory of the container in bytes.",
    type: "gauge",
    read: ({ memory }) => whole(memory, ({ rssBytes }) => rssBytes),
  },
  {
    name: "container_swap_usage_bytes",
    help: "Swap usage of the container.",
    type: "gauge",
    read: ({ swap }) => whole(swap, ({ usageBytes }) => usageBytes),
  },
  {
    name: "container_swap_limit_bytes",
    help: "Swap limit of the container.",
    type: "gauge",
    read: ({ swap }) => whole(swap, swapLimit),
  },
  {
    name: "container_fs_usage_bytes",
    help: "Disk usage of the container's writable layer.",
    type: "gauge",
    read: ({ writableLayer }) => whole(writableLayer, ({ usedBytes }) => usedBytes),
  },
  {
    name: "container_start_time_seconds",
    help: "Creation time of the container, in seconds since 1970.",
    type: "gauge",
    // The value is constant, so it gets the time of the scrape.
    read: ({ createdAt }) => createdAt && { value: `${createdAt.getTime() / 1000}`, atNanos: 0n },
  },
];

/** Labels: namespace, pod. */
export const podMetrics: readonly Metric<PodUsage>[] = [
  {
    name: "pod_cpu_usage_seconds_total",
    help: "CPU time of the pod since its start, summed over all containers and cores.",
    type: "counter",
    // A sum of running containers is not a counter: it decreases when one of them ends.
    read: ({ cpu, message: { linux, windows } }) =>
      cpu && (linux ?? windows)?.cpu && inSeconds(cpu.usageNanos, cpu.atNanos),
  },
  {
    name: "pod_memory_working_set_bytes",
    help: "Working set of the pod: memory that cannot be reclaimed easily.",
    type: "gauge",
    read: ({ memory }) => whole(memory, ({ workingSetBytes }) => workingSetBytes),
  },
  {
    name: "pod_swap_usage_bytes",
    help: "Swap usage of the pod's containers.",
    type: "gauge",
    read: podSwap,
  },
];

/** Labels: interface, namespace, pod. They are metrics of pods, despite their names. */
export const networkMetrics = [
  {
    name: "container_network_receive_bytes_total",
    help: "Bytes that the pod received.",
    type: "counter",
    field: "rxBytes",
  },
  {
    name: "container_network_transmit_bytes_total",
    help: "Bytes that the pod sent.",
    type: "counter",
    field: "txBytes",
  },
  {
    name: "container_network_receive_errors_total",
    help: "Receive errors of the pod.",
    type: "counter",
    field: "rxErrors",
  },
  {
    name: "container_network_transmit_errors_total",
    help: "Transmit errors of the pod.",
    type: "counter",
    field: "txErrors",
  },
] as const satisfies readonly (MetricInfo & { readonly field: string })[];

/** The same series under its new and its old name, as in the kubelet. */
export const scrapeErrors: readonly MetricInfo[] = [
  {
    name: "resource_scrape_error",
    help: "1 if any usage data could not be read from the runtime, otherwise 0.",
    type: "gauge",
  },
  {
    name: "scrape_error",
    help: "The old name of resource_scrape_error.",
    type: "gauge",
  },
];

/**
 * A metric of this package. Labels: kind, name, namespace, pod, reason; only kind and reason when the runtime reports no objects of that
 * kind.
 */
export const failedUsage: MetricInfo = {
  name: "cri_stats_failed",
  help: "1 for each running pod or container without usage data, and for each kind that the runtime does not report.",
  type: "gauge",
};
