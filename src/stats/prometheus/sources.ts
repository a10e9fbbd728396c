import { type MetricDescriptor, MetricType, type PodSandboxMetrics } from "../../../gen/runtime/v1/api_pb.js";
import { type CallOptions, type CriError, isCriError } from "../../core/index.js";
import { allOrAbort } from "../calls.js";
import { loopback } from "../from-messages.js";
import {
  type ContainerStatsResult,
  type FailedUsage,
  readContainerStats,
  readOrigins,
  readPods,
  type StatsParts,
  toContainerUsages,
  type UsageList,
} from "../read-usage.js";
import type { ContainerUsage, PodUsage } from "../usage.js";
import type { Families } from "./families.js";
import {
  containerMetrics,
  failedUsage,
  networkMetrics,
  podMetrics,
  scrapeErrors,
} from "./kubelet-metrics.js";

/**
 * Adds the runtime's own metrics. If they are optional, returns false when they lack CPU or memory: CRI-O has only those that its
 * configuration names, by default just the time when a container was last seen.
 */
export async function addRuntimeMetrics(
  families: Families,
  { runtime, lists }: StatsParts,
  nextCall: () => CallOptions,
  isOptional: boolean,
): Promise<boolean> {
  try {
    const { descriptors } = await runtime.listMetricDescriptors({}, nextCall());
    if (descriptors.length === 0 && isOptional) return false;
    const pods = await lists.podSandboxMetrics(nextCall()).collect();
    if (isOptional && !hasUsage(pods)) return false;
    addMetrics(families, descriptors, pods);
    return true;
  } catch (error) {
    if (isOptional && isCriError(error) && error.reason === "unimplemented") return false;
    throw error;
  }
}

/** Reports whether metrics have both CPU and memory usage of any pod or container, by the kubelet's names. */
function hasUsage(pods: readonly PodSandboxMetrics[]): boolean {
  const all = pods.flatMap(({ metrics, containerMetrics }) => [
    ...metrics,
    ...containerMetrics.flatMap(({ metrics }) => metrics),
  ]);
  return [/^(?:container|pod)_cpu_/, /^(?:container|pod)_memory_/].every((name) =>
    all.some((metric) => name.test(metric.name)),
  );
}

/**
 * Reads the usage and adds the kubelet's metrics of it. A runtime that reports only containers or only pods contributes these, and a
 * series reports the others as missing. Rejects with `unimplemented` when it reports neither.
 */
export async function addUsage(
  families: Families,
  parts: StatsParts,
  call: CallOptions,
  ids: boolean,
): Promise<void> {
  const [containerStats, podUsages, origins] = await allOrAbort(call.signal, [
    (signal) => orUnimplemented<ContainerStatsResult>(readContainerStats(parts, {}, { ...call, signal })),
    (signal) => orUnimplemented<UsageList<PodUsage>>(readPods(parts, {}, { ...call, signal })),
    (signal) => readOrigins(parts.lists, {}, { ...call, signal }),
  ]);
  if (isCriError(containerStats) && isCriError(podUsages)) throw containerStats;
  const empty = { items: [], failed: [] };
  const containers = toContainerUsages(isCriError(containerStats) ? empty : containerStats, origins);
  const pods = isCriError(podUsages) ? empty : podUsages;
  // The kubelet's labels cannot distinguish two pods with the same name, or two attempts of a container, and the first one counts. So
  // the whole newest pod comes first: no container of an older pod is mixed with it.
  const newestFirst = (a = "", b = "") =>
    Number((origins.podsCreatedAtNanos.get(b) ?? 0n) - (origins.podsCreatedAtNanos.get(a) ?? 0n));
  // The containers of a pod are sorted by age already, newest first.
  for (const usage of [...containers.items].sort((a, b) => newestFirst(a.podId, b.podId)))
    addContainer(families, usage, ids);
  for (const usage of [...pods.items].sort((a, b) => newestFirst(a.id, b.id) || b.attempt - a.attempt))
    addPod(families, usage, ids);
  const failed = [...pods.failed, ...containers.failed];
  for (const one of failed) addFailed(families, one, ids);
  const unimplemented = Object.entries({ containers: containerStats, pods: podUsages }).filter(([, found]) =>
    isCriError(found),
  );
  for (const [kind] of unimplemented) families.add(failedUsage, { kind, reason: "unimplemented" }, "1");
  addScrapeErrors(families, failed.length + unimplemented.length);
}

/** Adds metrics with the runtime's names, labels and help texts. Omits those without a valid descriptor. */
function addMetrics(
  families: Families,
  descriptors: readonly MetricDescriptor[],
  pods: readonly PodSandboxMetrics[],
): void {
  const byName = new Map(descriptors.map((descriptor) => [descriptor.name, descriptor]));
  let omitted = 0;
  for (const { metrics, containerMetrics } of pods)
    for (const metric of [...metrics, ...containerMetrics.flatMap(({ metrics }) => metrics)]) {
      const { name, labelValues, metricType, timestamp, value } = metric;
      const descriptor = byName.get(name);
      if (!value || descriptor?.labelKeys.length !== labelValues.length) {
        omitted++;
        continue;
      }
      const type = metricType === MetricType.COUNTER ? "counter" : "gauge";
      const labels = Object.fromEntries(descriptor.labelKeys.map((key, i) => [key, labelValues[i] ?? ""]));
      const info = { name, help: descriptor.help, type } as const;
      if (!families.add(info, labels, `${value.value}`, timestamp)) omitted++;
    }
  addScrapeErrors(families, omitted);
}

function addContainer(families: Families, usage: ContainerUsage, ids: boolean): void {
  if (!usage.cpu && !usage.memory) return;
  const { id, name, podId = "", podName, podNamespace, podUid } = usage;
  const idLabels = ids ? { container_id: id, pod_id: podId, pod_uid: podUid } : {};
  const labels = { container: name, namespace: podNamespace, pod: podName, ...idLabels };
  for (const metric of containerMetrics) {
    const reading = metric.read(usage);
    if (reading) families.add(metric, labels, reading.value, reading.atNanos);
  }
}

function addPod(families: Families, usage: PodUsage, ids: boolean): void {
  const { id, name, namespace, uid, network } = usage;
  const labels = { namespace, pod: name, ...(ids ? { pod_id: id, pod_uid: uid } : {}) };
  for (const metric of podMetrics) {
    const reading = metric.read(usage);
    if (reading) families.add(metric, labels, reading.value, reading.atNanos);
  }
  // As in the kubelet's pages, a sum over all interfaces must not count what never left the pod.
  const external = network?.interfaces.filter((one) => one.name !== loopback) ?? [];
  for (const one of external.length > 0 ? external : (network?.interfaces ?? []))
    for (const { field, ...metric } of networkMetrics) {
      const value = one[field];
      if (value !== undefined)
        families.add(metric, { interface: one.name, ...labels }, `${value}`, network?.atNanos);
    }
}

function addFailed(families: Families, failed: FailedUsage, ids: boolean): void {
  const { kind, id, name, namespace, podName, podId, podUid, error } = failed;
  const containerLabels = kind === "container" ? { container_id: id } : {};
  const idLabels = ids ? { ...containerLabels, pod_id: podId, pod_uid: podUid } : {};
  families.add(failedUsage, { kind, name, namespace, pod: podName, reason: error.reason, ...idLabels }, "1");
}

/** Adds the kubelet's series that report whether any value is missing. */
function addScrapeErrors(families: Families, missing: number): void {
  for (const info of scrapeErrors) families.add(info, {}, missing > 0 ? "1" : "0");
}

/** Resolves with the error, instead of rejecting, when the runtime does not implement the RPC. */
async function orUnimplemented<T>(reading: Promise<T>): Promise<T | CriError> {
  return reading.catch((error: unknown) => {
    if (isCriError(error) && error.reason === "unimplemented") return error;
    throw error;
  });
}
