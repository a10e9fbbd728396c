import { join } from "node:path";
import { monotonicMs } from "../../../core/index.js";
import { SingleFlight } from "../../../images/index.js";
import { type DefaultedVolume, podLogFolder, timeText, volumeFolder } from "../../../kubernetes/index.js";
import { folderUse } from "../../disk-use.js";
import type { KubeletPod } from "../../kubelet-view.js";
import { type DiskUse, fileSystem, usedBy } from "./file-systems.js";
import type { PodDiskUse } from "./summary.js";
import type { FsStats, VolumeStats } from "./summary-types.js";

/** The interval between two measurements of a folder, as in the kubelet (`volumeStatsAggPeriod`): a measurement visits every file. */
const freshMs = 60_000;

/** The sources of volumes that are filled on this node: what they occupy is measured. */
const filledKinds = ["emptyDir", "configMap", "secret", "downwardAPI", "projected"] as const;

interface Measured {
  readonly use: PodDiskUse;
  readonly atMs: number;
}

/** Measures the disks that Pods use: their logs and volumes. */
export class PodDisks {
  readonly #folders: { readonly rootDir: string; readonly podLogsDir: string };
  readonly #measured = new Map<string, Measured>();
  readonly #flights = new SingleFlight<PodDiskUse>();

  constructor(folders: { readonly rootDir: string; readonly podLogsDir: string }) {
    this.#folders = folders;
  }

  /** Returns the use of each Pod by its uid, at most a minute old. */
  async read(pods: readonly KubeletPod[], signal: AbortSignal): Promise<ReadonlyMap<string, PodDiskUse>> {
    const uids = new Set(pods.map(({ pod }) => pod.metadata.uid));
    for (const uid of this.#measured.keys()) if (!uids.has(uid)) this.#measured.delete(uid);
    const found = new Map<string, PodDiskUse>();
    // One after the other: to look at many files at once would delay the containers'.
    for (const pod of pods) found.set(pod.pod.metadata.uid, await this.#useOf(pod, signal));
    return found;
  }

  async #useOf(pod: KubeletPod, signal: AbortSignal): Promise<PodDiskUse> {
    const { uid } = pod.pod.metadata;
    const kept = this.#measured.get(uid);
    if (kept && monotonicMs() - kept.atMs < freshMs) return kept.use;
    const use = await this.#flights.join(uid, signal, (shared) => this.#measure(pod, shared));
    this.#measured.set(uid, { use, atMs: monotonicMs() });
    return use;
  }

  async #measure({ pod }: KubeletPod, signal: AbortSignal): Promise<PodDiskUse> {
    const { namespace, uid } = pod.metadata;
    const logFolder = podLogFolder(this.#folders.podLogsDir, pod.metadata);
    const { containers, initContainers = [], ephemeralContainers = [], volumes = [] } = pod.spec;
    const logs = new Map<string, DiskUse>();
    for (const container of [...containers, ...initContainers, ...ephemeralContainers]) {
      const use = await folderUse(join(logFolder, container.name), signal);
      if (use.inodes > 0n) logs.set(container.name, use);
    }
    const measured: PodDiskUse["volumes"][number][] = [];
    for (const volume of volumes) {
      const stats = await this.#volumeStats(volume, uid, signal);
      if (!stats) continue;
      const claim = volume.persistentVolumeClaim?.claimName;
      const isInMemory = volume.emptyDir?.medium === "Memory";
      measured.push({
        stats: { ...stats, ...(claim !== undefined && { pvcRef: { name: claim, namespace } }) },
        isEphemeral: filledKind(volume) !== undefined && !isInMemory,
      });
    }
    return { logs, volumes: measured };
  }

  /** Undefined for volumes without a folder of their own, such as those of hostPath. */
  async #volumeStats(
    volume: DefaultedVolume,
    uid: string,
    signal: AbortSignal,
  ): Promise<VolumeStats | undefined> {
    const kind = filledKind(volume);
    const folder = volumeFolder(this.#folders.rootDir, uid, kind ?? "plugin", volume.name);
    const time = timeText(new Date());
    const file = await fileSystem(folder, time);
    if (!file) return undefined;
    const stats: FsStats | undefined = kind ? usedBy(file, await folderUse(folder, signal), time) : file;
    return stats && { ...stats, name: volume.name };
  }
}

function filledKind(volume: DefaultedVolume): (typeof filledKinds)[number] | undefined {
  return filledKinds.find((name) => volume[name] !== undefined);
}
