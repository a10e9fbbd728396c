import type { FailedUsage, Usages } from "../read-usage.js";
import type { ContainerUsage, PodUsage } from "../usage.js";
import type { Families } from "./families.js";
import { containerMetrics, failedUsage, networkMetrics, podMetrics, scrapeErrors } from "./kubelet-names.js";

/** Metrics by the kubelet's names, from figures. */
export function addStats(
  families: Families,
  containers: Usages<ContainerUsage>,
  pods: Usages<PodUsage>,
  ids: boolean,
): void {
  // The newest comes first: of two attempts of one container the kubelet's labels can name only one.
  for (const usage of containers.items) {
    if (!usage.cpu && !usage.memory) continue;
    const { id, name, podId = "", podName, podNamespace, podUid } = usage;
    const more = ids ? { container_id: id, pod_id: podId, pod_uid: podUid } : {};
    const labels = { container: name, namespace: podNamespace, pod: podName, ...more };
    for (const metric of containerMetrics) {
      const reading = metric.read(usage);
      if (reading) families.add(metric, labels, reading.value, reading.atNanos);
    }
  }
  for (const usage of [...pods.items].sort((a, b) => b.attempt - a.attempt)) {
    const { id, name, namespace, uid, network } = usage;
    const labels = { namespace, pod: name, ...(ids ? { pod_id: id, pod_uid: uid } : {}) };
    for (const metric of podMetrics) {
      const reading = metric.read(usage);
      if (reading) families.add(metric, labels, reading.value, reading.atNanos);
    }
    for (const one of network?.interfaces ?? [])
      for (const { of, ...metric } of networkMetrics) {
        const value = one[of];
        if (value !== undefined)
          families.add(metric, { interface: one.name, ...labels }, `${value}`, network?.atNanos);
      }
  }
  addFailures(families, [...pods.failed, ...containers.failed], 0);
}

/** What could not be had, by name, and how many others were left out. */
export function addFailures(families: Families, failed: readonly FailedUsage[], others: number): void {
  for (const { kind, name, namespace, error } of failed)
    families.add(failedUsage, { kind, name, namespace, reason: error.reason }, "1");
  for (const info of scrapeErrors) families.add(info, {}, failed.length + others > 0 ? "1" : "0");
}
