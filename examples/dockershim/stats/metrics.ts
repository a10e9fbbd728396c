// CRI's metrics of pods and containers, which a kubelet passes on at /metrics/cadvisor.
import { containerMetrics, type MeasuredContainer } from "./container-metrics.js";
import { readDetails } from "./details.js";
import { descriptorOf, samplesOf } from "./metric.js";
import { readInterfaces } from "./network.js";
import { networkMetrics } from "./network-metrics.js";
import { countOpenFiles, maxOpenFiles, readDeviceNames, readFileSystem } from "./processes.js";
import { now, type ReadyPod, type RunningContainer } from "./targets.js";
import { TimeSlice } from "./time-slice.js";
import type { Tracker } from "./tracker.js";

/** The `container` label of a pod's own metrics, as cAdvisor has it. */
const podContainer = "POD";

/** The MetricDescriptors of all metrics. */
export const metricDescriptors = [...containerMetrics.map(descriptorOf), ...networkMetrics.map(descriptorOf)];

/** Measures pods and their containers in detail. Those that have ended are left out. */
export class Metrics {
  readonly #tracker: Tracker;

  constructor(tracker: Tracker) {
    this.#tracker = tracker;
  }

  /** Returns the PodSandboxMetrics of each pod. */
  async pods(pods: readonly ReadyPod[]) {
    await this.#tracker.refreshDiskUsage(pods.flatMap(({ containers }) => containers));
    const { procRoot } = this.#tracker.folders;
    const deviceName = readDeviceNames(procRoot);
    const slice = new TimeSlice();
    const all = [];
    for (const pod of pods) {
      const pause = this.#tracker.get(pod);
      if (!pause || !this.#tracker.read(pause)) continue;
      const { id, pid, metadata, hostNetwork } = pod;
      const names = { namespace: metadata.namespace, pod: metadata.name };
      const members = [];
      for (const container of pod.containers) {
        const source = await this.#measure(container, deviceName, slice);
        if (!source) continue;
        const labels = {
          id: container.id,
          image: container.image,
          ...names,
          container: container.metadata.name,
        };
        const metrics = samplesOf(containerMetrics, source, labels, source.timestamp);
        members.push({ containerId: container.id, metrics });
      }
      const interfaces = hostNetwork ? [] : readInterfaces(pid, procRoot);
      const labels = { id, image: "", ...names, container: podContainer };
      const metrics = samplesOf(networkMetrics, interfaces, labels, now());
      all.push({ podSandboxId: id, metrics, containerMetrics: members });
    }
    return all;
  }

  async #measure(
    container: RunningContainer,
    deviceName: (device: string) => string,
    slice: TimeSlice,
  ): Promise<MeasuredContainer | undefined> {
    const tracked = this.#tracker.get(container);
    const usage = tracked && this.#tracker.read(tracked);
    if (!tracked || !usage) return undefined;
    const { procRoot } = this.#tracker.folders;
    const { pid, cgroup, diskUsage } = tracked;
    const processes = cgroup.processes();
    let [descriptors, sockets] = [0, 0];
    for (const process of processes) {
      const open = countOpenFiles(process, procRoot);
      descriptors += open.descriptors;
      sockets += open.sockets;
      if (slice.isOver) await slice.pause();
    }
    return {
      ...{
        usage,
        details: readDetails(cgroup),
        processes: processes.length,
        openFiles: { descriptors, sockets },
      },
      ...{ maxOpenFiles: maxOpenFiles(pid, procRoot), files: diskUsage?.last, deviceName },
      fileSystem: diskUsage && readFileSystem(diskUsage.path),
      ...{ startedAt: container.startedAt, timestamp: now() },
    };
  }
}
