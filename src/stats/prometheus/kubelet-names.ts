import type { ContainerUsage, PodUsage, SwapUsage } from "../usage.js";
import { type MetricInfo, secondsText } from "./families.js";

/** A value with the time of its reading; undefined where the runtime does not tell it. */
export interface Reading {
  readonly value: string;
  readonly atNanos: bigint;
}

/** A metric of things of one kind. */
export interface Metric<T> extends MetricInfo {
  read(usage: T): Reading | undefined;
}

const inSeconds = (nanos: bigint | undefined, atNanos: bigint): Reading | undefined =>
  nanos === undefined ? undefined : { value: secondsText(nanos), atNanos };

function whole<T extends { readonly atNanos: bigint }>(
  section: T | undefined,
  read: (section: T) => bigint | undefined,
): Reading | undefined {
  const value = section && read(section);
  return section && value !== undefined ? { value: `${value}`, atNanos: section.atNanos } : undefined;
}

/** Sums of 64 bits above this come from a limit that is not set: the kernel then has the largest number that it can. */
const noLimitBytes = 1n << 62n;

function swapLimit({ usageBytes = 0n, availableBytes }: SwapUsage): bigint | undefined {
  if (availableBytes === undefined) return undefined;
  const limitBytes = usageBytes + availableBytes;
  return limitBytes < noLimitBytes ? limitBytes : undefined;
}

/** CRI has swap space of containers only. Added up, as by the kubelet; undefined while one that runs does not tell it. */
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

// The names and labels are those of the kubelet's /metrics/resource and /metrics/cadvisor, so that dashboards fit.

/** Labels: container, namespace, pod. */
export const containerMetrics: readonly Metric<ContainerUsage>[] = [
  {
    name: "container_cpu_usage_seconds_total",
    help: "CPU time of the container since its start, all cores together.",
    type: "counter",
    read: ({ cpu }) => cpu && inSeconds(cpu.usageNanos, cpu.atNanos),
  },
  {
    name: "container_memory_working_set_bytes",
    help: "Memory of the container that cannot be freed easily.",
    type: "gauge",
    read: ({ memory }) => whole(memory, ({ workingSetBytes }) => workingSetBytes),
  },
  {
    name: "container_memory_usage_bytes",
    help: "Memory of the container with all its caches.",
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
    help: "Swap space that the container uses.",
    type: "gauge",
    read: ({ swap }) => whole(swap, ({ usageBytes }) => usageBytes),
  },
  {
    name: "container_swap_limit_bytes",
    help: "Swap space that the container may use.",
    type: "gauge",
    read: ({ swap }) => whole(swap, swapLimit),
  },
  {
    name: "container_fs_usage_bytes",
    help: "Disk space of what the container wrote outside its volumes.",
    type: "gauge",
    read: ({ writableLayer }) => whole(writableLayer, ({ usedBytes }) => usedBytes),
  },
  {
    name: "container_start_time_seconds",
    help: "When the container was made, in seconds since 1970.",
    type: "gauge",
    // It never changes, and so is as new as the page.
    read: ({ createdAt }) => createdAt && { value: `${createdAt.getTime() / 1000}`, atNanos: 0n },
  },
];

/** Labels: namespace, pod. */
export const podMetrics: readonly Metric<PodUsage>[] = [
  {
    name: "pod_cpu_usage_seconds_total",
    help: "CPU time of the pod since its start, all its containers and cores together.",
    type: "counter",
    read: ({ cpu }) => cpu && inSeconds(cpu.usageNanos, cpu.atNanos),
  },
  {
    name: "pod_memory_working_set_bytes",
    help: "Memory of the pod that cannot be freed easily.",
    type: "gauge",
    read: ({ memory }) => whole(memory, ({ workingSetBytes }) => workingSetBytes),
  },
  {
    name: "pod_swap_usage_bytes",
    help: "Swap space that the containers of the pod use.",
    type: "gauge",
    read: podSwap,
  },
];

/** Labels: interface, namespace, pod. The kubelet has these for pods, in spite of their names. */
export const networkMetrics = [
  {
    name: "container_network_receive_bytes_total",
    help: "Bytes that the pod received.",
    type: "counter",
    of: "rxBytes",
  },
  {
    name: "container_network_transmit_bytes_total",
    help: "Bytes that the pod sent.",
    type: "counter",
    of: "txBytes",
  },
  {
    name: "container_network_receive_errors_total",
    help: "Errors while the pod received.",
    type: "counter",
    of: "rxErrors",
  },
  {
    name: "container_network_transmit_errors_total",
    help: "Errors while the pod sent.",
    type: "counter",
    of: "txErrors",
  },
] as const satisfies readonly (MetricInfo & { readonly of: string })[];

/** Under its old name and its new one, as the kubelet has it. */
export const scrapeErrors: readonly MetricInfo[] = [
  {
    name: "resource_scrape_error",
    help: "1 if some figures could not be had from the runtime, else 0.",
    type: "gauge",
  },
  {
    name: "scrape_error",
    help: "The older name of resource_scrape_error.",
    type: "gauge",
  },
];

/** Ours. Labels: kind, name, namespace, pod, reason; of what the runtime does not have at all, kind and reason. */
export const failedUsage: MetricInfo = {
  name: "cri_stats_failed",
  help: "1 for each pod and container that runs and whose figures the runtime did not give; and if it has none of that kind.",
  type: "gauge",
};
