import { join } from "node:path";
import type { Cri } from "../../cri.js";
import { type Clock, type NodeFacts, podLogFolder, volumeFolder } from "../../kubernetes/index.js";
import type { ContainerUsage } from "../../stats/index.js";
import { withClockDeadline } from "../clock-waits.js";
import type { KubeletPod } from "../kubelet-view.js";
import { FolderUsages } from "./folder-usages.js";
import type { ContainerConsumption, EvictionCandidate, PodConsumption, VolumeConsumption } from "./policy.js";

/** What {@link PodConsumptions} reads. */
export interface PodConsumptionParts {
  readonly cri: { readonly stats: Pick<Cri["stats"], "containers" | "pods"> };
  readonly clock: Clock;
  readonly facts: () => Pick<NodeFacts, "rootDir" | "podLogsDir">;
}

/** What is measured of pods. */
export interface Measurement {
  /** Memory and writable layers, which the runtime reports. */
  readonly usage: boolean;
  /** Volumes and logs, which are read from the disk. */
  readonly files: boolean;
  /** Processes. */
  readonly processes: boolean;
}

/** A runtime that hangs must not delay evictions for long. */
const timeoutMs = 20_000;

/** Measures what pods use. */
export class PodConsumptions {
  readonly #parts: PodConsumptionParts;
  readonly #folders = new FolderUsages();

  constructor(parts: PodConsumptionParts) {
    this.#parts = parts;
  }

  /** Measures pods. Values that cannot be measured are missing. Rejects with the reason of the signal. */
  async measure(
    pods: readonly KubeletPod[],
    what: Measurement,
    signal: AbortSignal,
  ): Promise<readonly EvictionCandidate[]> {
    const [containers, processes] = await Promise.all([
      what.usage ? this.#containers(signal) : undefined,
      what.processes ? this.#processes(signal) : undefined,
    ]);
    const candidates: EvictionCandidate[] = [];
    for (const { pod } of pods) {
      signal.throwIfAborted();
      const usages = containers?.get(pod.metadata.uid);
      const consumption: PodConsumption = {
        memoryBytes: sum(usages?.map(({ memory }) => memory?.workingSetBytes)),
        processes: processes?.get(pod.metadata.uid),
        containers: await this.#ofContainers(pod, usages ?? [], what, signal),
        volumes: what.files ? await this.#ofVolumes(pod, signal) : new Map(),
      };
      candidates.push({ pod, consumption });
    }
    if (what.files) this.#folders.forgetOthers();
    return candidates;
  }

  async #ofContainers(
    pod: KubeletPod["pod"],
    usages: readonly ContainerUsage[],
    { files }: Measurement,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ContainerConsumption>> {
    const logFolder = podLogFolder(this.#parts.facts().podLogsDir, pod.metadata);
    const { containers, initContainers, ephemeralContainers = [] } = pod.spec;
    const result = new Map<string, ContainerConsumption>();
    for (const { name } of [...containers, ...initContainers, ...ephemeralContainers]) {
      const own = usages.filter((usage) => usage.name === name);
      const layers = own.flatMap(({ writableLayer }) => writableLayer ?? []);
      const bytes = sum(layers.map(({ usedBytes }) => usedBytes));
      result.set(name, {
        memoryBytes: sum(own.map(({ memory }) => memory?.workingSetBytes)),
        writableLayer:
          bytes === undefined
            ? undefined
            : { bytes, inodes: sum(layers.map(({ inodesUsed }) => inodesUsed)) ?? 0n },
        logs: files ? await this.#folders.of(join(logFolder, name), signal) : { bytes: 0n, inodes: 0n },
      });
    }
    return result;
  }

  async #ofVolumes(
    { metadata, spec }: KubeletPod["pod"],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, VolumeConsumption>> {
    const result = new Map<string, VolumeConsumption>();
    for (const { name, emptyDir } of spec.volumes ?? []) {
      if (!emptyDir) continue;
      const folder = volumeFolder(this.#parts.facts().rootDir, metadata.uid, "emptyDir", name);
      const isMemory = emptyDir.medium === "Memory" || emptyDir.medium?.startsWith("HugePages") === true;
      result.set(name, { ...(await this.#folders.of(folder, signal)), isMemory });
    }
    return result;
  }

  async #containers(
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly ContainerUsage[]> | undefined> {
    const { clock, cri } = this.#parts;
    const list = await withClockDeadline(clock, timeoutMs, signal, "usage of containers", (aborted) =>
      cri.stats.containers({}, { signal: aborted }),
    ).catch(() => undefined);
    if (!list) return undefined;
    const byPod = new Map<string, ContainerUsage[]>();
    for (const usage of list.items) byPod.set(usage.podUid, [...(byPod.get(usage.podUid) ?? []), usage]);
    return byPod;
  }

  async #processes(signal: AbortSignal): Promise<ReadonlyMap<string, bigint> | undefined> {
    const { clock, cri } = this.#parts;
    const list = await withClockDeadline(clock, timeoutMs, signal, "usage of pods", (aborted) =>
      cri.stats.pods({}, { signal: aborted }),
    ).catch(() => undefined);
    return (
      list &&
      new Map(list.items.flatMap(({ uid, processCount }) => (processCount ? [[uid, processCount]] : [])))
    );
  }
}

/** Returns the sum of the amounts that are known; undefined without any. */
function sum(amounts: readonly (bigint | undefined)[] | undefined): bigint | undefined {
  const known = (amounts ?? []).filter((amount) => amount !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, amount) => total + amount, 0n);
}

/** Returns what a container uses of a disk: its writable layer and its logs. */
export function diskBytes({ writableLayer, logs }: ContainerConsumption): bigint {
  return (writableLayer?.bytes ?? 0n) + logs.bytes;
}
