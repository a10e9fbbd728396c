// CRI's stats, read from cgroup files and /proc. The engine's own stats call takes up to two seconds for a container.
import {
  cpuMessage,
  ioMessage,
  layerMessage,
  memoryMessage,
  networkMessage,
  swapMessage,
} from "./messages.js";
import { readInterfaces } from "./network.js";
import { now, type ReadyPod, type RunningContainer } from "./targets.js";
import { TimeSlice } from "./time-slice.js";
import type { Tracker } from "./tracker.js";
import { readUsage, sumUsage } from "./usage.js";

/** Measures containers and pods. Those that have ended are left out. */
export class Stats {
  readonly #tracker: Tracker;

  constructor(tracker: Tracker) {
    this.#tracker = tracker;
  }

  /** Returns the ContainerStats of each container. */
  async containers(containers: readonly RunningContainer[]) {
    await this.#tracker.refreshDiskUsage(containers);
    const slice = new TimeSlice();
    const all = [];
    for (const container of containers) {
      const measured = this.#measure(container);
      if (measured) all.push(measured.stats);
      if (slice.isOver) await slice.pause();
    }
    return all;
  }

  /** Returns the PodSandboxStats of each pod. */
  async pods(pods: readonly ReadyPod[]) {
    await this.#tracker.refreshDiskUsage(pods.flatMap(({ containers }) => containers));
    const slice = new TimeSlice();
    const all = [];
    for (const pod of pods) {
      const stats = this.#pod(pod);
      if (stats) all.push(stats);
      if (slice.isOver) await slice.pause();
    }
    return all;
  }

  #pod(pod: ReadyPod) {
    const { id, pid, metadata, labels, annotations, hostNetwork } = pod;
    const pause = this.#tracker.get(pod);
    const pauseUsage = pause && this.#tracker.read(pause);
    if (!pause || !pauseUsage) return undefined;
    const members = pod.containers.map((one) => this.#measure(one)).filter((one) => one !== undefined);
    const memberUsages = members.map(({ usage }) => usage);
    // The pod's own cgroup also counts what containers used that have ended.
    const { parent } = pause.cgroup;
    const podUsage = isOfPod(parent.name, metadata.uid) ? readUsage(parent) : undefined;
    const usage = podUsage ?? sumUsage([pauseUsage, ...memberUsages]);
    const processes = [pause, ...members.map(({ tracked }) => tracked)].flatMap(({ cgroup }) =>
      cgroup.processes(),
    );
    const timestamp = now();
    const interfaces = hostNetwork ? [] : readInterfaces(pid, this.#tracker.folders.procRoot);
    return {
      attributes: { id, metadata, labels, annotations },
      linux: {
        cpu: cpuMessage(usage, pause.cpuRate.next(usage.cpuNanos), timestamp),
        memory: memoryMessage(usage, timestamp),
        io: ioMessage(usage, timestamp),
        network: networkMessage(interfaces, timestamp),
        process: { timestamp, processCount: { value: BigInt(processes.length) } },
        containers: members.map(({ stats }) => stats),
      },
    };
  }

  #measure(container: RunningContainer) {
    const tracked = this.#tracker.get(container);
    const usage = tracked && this.#tracker.read(tracked);
    if (!tracked || !usage) return undefined;
    const { id, metadata, labels, annotations, writableLayer } = container;
    const timestamp = now();
    const files = tracked.diskUsage?.last;
    const stats = {
      attributes: { id, metadata, labels, annotations },
      cpu: cpuMessage(usage, tracked.cpuRate.next(usage.cpuNanos), timestamp),
      memory: memoryMessage(usage, timestamp),
      swap: usage.memory && swapMessage(usage.memory, timestamp),
      io: ioMessage(usage, timestamp),
      writableLayer: files && writableLayer && layerMessage(files, writableLayer.mountpoint),
    };
    return { tracked, usage, stats };
  }
}

/** Returns whether a cgroup belongs to one pod. Other parents may be shared by pods. */
function isOfPod(name: string, uid: string): boolean {
  // Kubelets name it `podUID`, or for systemd `kubepods-burstable-podUID.slice`, where the UID has no dashes.
  const unitUid = uid.replaceAll("-", "_");
  return uid !== "" && (name === uid || name.endsWith(`pod${uid}`) || name.endsWith(`pod${unitUid}.slice`));
}
