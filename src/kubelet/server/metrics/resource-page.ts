import { containerMetrics, Families, formatFamilies, podMetrics } from "../../../stats/index.js";
import type { KubeletView } from "../../kubelet-view.js";
import type { NodeUsage } from "../usage/node-usage.js";
import type { KubeletUsage } from "../usage/usage-reader.js";

/** The metrics of containers and pods on `/metrics/resource`, from which metrics-server answers `kubectl top`. */
const resourceNames: ReadonlySet<string> = new Set([
  "container_cpu_usage_seconds_total",
  "container_memory_working_set_bytes",
  "container_swap_usage_bytes",
  "container_swap_limit_bytes",
  "pod_cpu_usage_seconds_total",
  "pod_memory_working_set_bytes",
  "pod_swap_usage_bytes",
]);

const nodeInfos = {
  cpu: {
    name: "node_cpu_usage_seconds_total",
    help: "CPU time of the node since its start, summed over all cores.",
    type: "counter",
  },
  memory: {
    name: "node_memory_working_set_bytes",
    help: "Working set of the node: memory that cannot be reclaimed easily.",
    type: "gauge",
  },
  swap: { name: "node_swap_usage_bytes", help: "Swap usage of the node.", type: "gauge" },
} as const;

const startTime = {
  name: "container_start_time_seconds",
  help: "Start time of the container, in seconds since 1970.",
  type: "gauge",
} as const;

const scrapeError = {
  name: "resource_scrape_error",
  help: "1 if any usage data could not be read, otherwise 0.",
  type: "gauge",
} as const;

/** Returns the page `/metrics/resource`; usage that is undefined could not be read. */
export function resourcePage(
  { pods }: Pick<KubeletView, "pods">,
  usage: KubeletUsage | undefined,
  node: NodeUsage,
): string {
  const families = new Families();
  addNode(families, node);
  for (const { pod, observed } of pods()) {
    const { uid, name, namespace } = pod.metadata;
    for (const container of usage?.containers.get(uid) ?? []) {
      // An instance that has ended has no usage.
      if (!container.cpu && !container.memory) continue;
      const labels = { container: container.name, namespace, pod: name };
      for (const metric of containerMetrics) {
        const reading = resourceNames.has(metric.name) ? metric.read(container) : undefined;
        if (reading) families.add(metric, labels, reading.value, reading.atNanos);
      }
      const startedAtNanos = observed.containers.find(({ id }) => id === container.id)?.startedAtNanos ?? 0n;
      // The time of the value is that of the scrape.
      if (startedAtNanos > 0n) families.add(startTime, labels, `${Number(startedAtNanos) / 1e9}`);
    }
    const podUsage = usage?.pods.get(uid);
    for (const metric of podUsage ? podMetrics : []) {
      const reading = podUsage && resourceNames.has(metric.name) ? metric.read(podUsage) : undefined;
      if (reading) families.add(metric, { namespace, pod: name }, reading.value, reading.atNanos);
    }
  }
  const isComplete = usage?.isComplete === true && node.cpuNanos !== undefined && node.memory !== undefined;
  families.add(scrapeError, {}, isComplete ? "0" : "1");
  return formatFamilies(families.sorted(), "text", true);
}

function addNode(families: Families, { cpuNanos, memory, atNanos }: NodeUsage): void {
  if (cpuNanos !== undefined)
    families.add(nodeInfos.cpu, {}, `${Number(cpuNanos / 1_000_000n) / 1_000}`, atNanos);
  if (!memory) return;
  families.add(nodeInfos.memory, {}, `${memory.workingSetBytes}`, atNanos);
  families.add(nodeInfos.swap, {}, `${memory.swapUsageBytes}`, atNanos);
}
