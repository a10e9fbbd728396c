// The state of containers that is kept between two readings.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Cgroup, findCgroup, type SystemFolders } from "./cgroup.js";
import { CpuRate } from "./cpu-rate.js";
import { DiskUsage, refreshAll } from "./disk-usage.js";
import type { RunningContainer } from "./targets.js";
import { type CgroupUsage, readUsage } from "./usage.js";

export interface Tracked {
  readonly pid: number;
  readonly cgroup: Cgroup;
  readonly cpuRate: CpuRate;
  /** Undefined for pause containers and other storage drivers. */
  readonly diskUsage: DiskUsage | undefined;
  usedAtMs: number;
}

type Target = Pick<RunningContainer, "id" | "pid"> & Partial<Pick<RunningContainer, "writableLayer">>;

/** Containers without a reading for this long are forgotten: most likely they have ended. */
const forgetAfterMs = 300_000;

/** The containers, and pause containers, that were read lately. */
export class Tracker {
  readonly folders: SystemFolders;
  readonly #tracked = new Map<string, Tracked>();
  #tidiedAtMs = 0;

  constructor({ cgroupRoot = "/sys/fs/cgroup", procRoot = "/proc" }: Partial<SystemFolders> = {}) {
    this.folders = { cgroupRoot, procRoot };
  }

  /** Returns the state of a container; undefined if it has ended. */
  get({ id, pid, writableLayer }: Target): Tracked | undefined {
    const usedAtMs = performance.now();
    this.#tidy(usedAtMs);
    const known = this.#tracked.get(id);
    if (known?.pid === pid) {
      known.usedAtMs = usedAtMs;
      return known;
    }
    const cgroup = findCgroup(id, pid, this.folders);
    if (!cgroup) return undefined;
    const diskUsage = writableLayer && new DiskUsage(writableLayer.path);
    const tracked = { pid, cgroup, cpuRate: new CpuRate(), diskUsage, usedAtMs };
    this.#tracked.set(id, tracked);
    return tracked;
  }

  /** Reads the usage of a container; undefined if it has ended. Its cgroup may exist a moment longer. */
  read({ cgroup, pid }: Tracked): CgroupUsage | undefined {
    const usage = readUsage(cgroup);
    return existsSync(join(this.folders.procRoot, `${pid}`)) ? usage : undefined;
  }

  /** Counts the files of the containers whose disk usage is unknown or old. */
  async refreshDiskUsage(containers: readonly Target[]): Promise<void> {
    const usages = containers.map((container) => this.get(container)?.diskUsage);
    await refreshAll(usages.filter((usage) => usage !== undefined));
  }

  #tidy(nowMs: number): void {
    if (nowMs - this.#tidiedAtMs < forgetAfterMs) return;
    this.#tidiedAtMs = nowMs;
    for (const [id, { usedAtMs }] of this.#tracked)
      if (nowMs - usedAtMs > forgetAfterMs) this.#tracked.delete(id);
  }
}
