import type { Usages } from "../read-usage.js";
import type { ContainerUsage, PodUsage } from "../usage.js";
import type { Families } from "./families.js";
import { containerMetrics, networkMetrics, podMetrics } from "./kubelet-names.js";

/** Metrics by the kubelet's names, from figures. */
export function addStats(
  families: Families,
  containers: Usages<ContainerUsage>,
  pods: Usages<PodUsage>,
  podsCreatedAtNanos: ReadonlyMap<string, bigint>,
  ids: boolean,
): void {
  // The kubelet's labels can name only one of two pods of one name, or of two attempts of a container, and the first one counts: all
  // of the newest pod come before all of the others, so that no container of an older pod stands among the figures of the newest.
  const newestPod = (a = "", b = "") =>
    Number((podsCreatedAtNanos.get(b) ?? 0n) - (podsCreatedAtNanos.get(a) ?? 0n));
  // Of one pod the newest containers come first already.
  for (const usage of [...containers.items].sort((a, b) => newestPod(a.podId, b.podId))) {
    if (!usage.cpu && !usage.memory) continue;
    const { id, name, podId = "", podName, podNamespace, podUid } = usage;
    const more = ids ? { container_id: id, pod_id: podId, pod_uid: podUid } : {};
    const labels = { container: name, namespace: podNamespace, pod: podName, ...more };
    for (const metric of containerMetrics) {
      const reading = metric.read(usage);
      if (reading) families.add(metric, labels, reading.value, reading.atNanos);
    }
  }
  for (const usage of [...pods.items].sort((a, b) => newestPod(a.id, b.id) || b.attempt - a.attempt)) {
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
}
