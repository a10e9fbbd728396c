import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../../core/index.js";
import type { CgroupLimits } from "./limits.js";

/** The memory of a cgroup, in bytes. */
export interface CgroupMemory {
  /** Undefined for none. */
  readonly limitBytes: bigint | undefined;
  readonly usageBytes: bigint;
}

/** A setting of a cgroup: the file of a controller, and what is written to it. */
interface Setting {
  readonly controller: Controller;
  readonly file: string;
  readonly text: string;
  /** What it replaces must be smaller, where only raising is wanted. Undefined: it has no order, and belongs to the setting after it. */
  readonly amount?: Amount | undefined;
}

type Controller = "cpu" | "memory" | "pids" | "hugetlb";
type Amount = bigint | "unlimited";

/** The controllers for which a cgroup is created on version 1. The runtime creates those of the others. */
const controllers: readonly Controller[] = ["cpu", "memory", "pids", "hugetlb"];
/** The controllers that are passed on to cgroups below on version 2. */
const delegated: readonly string[] = ["cpu", "cpuset", "io", "memory", "pids", "hugetlb"];
/** From here on, version 1 means that memory is not limited: the largest multiple of a page. */
const unlimitedMemory = 2n ** 62n;

/**
 * The cgroups of this node as files. On version 1, each controller has its own hierarchy; those that the node lacks are left out. On
 * version 2, the controllers that the node has are passed on to each cgroup that is created.
 */
export class CgroupFiles {
  readonly #mount: string;
  readonly #version: 1 | 2;

  constructor(mount: string, version: 1 | 2) {
    this.#mount = mount;
    this.#version = version;
  }

  /**
   * Creates a cgroup and those above it.
   *
   * @param path from the root of the hierarchies, such as `/kubepods/burstable/podUID`
   */
  async create(path: string): Promise<void> {
    for (const hierarchy of await this.#hierarchies()) {
      let folder = hierarchy;
      for (const part of path.split("/").filter(Boolean)) {
        if (this.#version === 2) await this.#delegate(folder);
        folder = join(folder, part);
        await makeFolder(folder);
      }
    }
  }

  /** Sets limits of an existing cgroup. */
  async set(path: string, limits: CgroupLimits): Promise<void> {
    for (const setting of this.#settings(limits)) await this.#write(path, setting);
  }

  /** Sets those limits that are larger than the present ones. */
  async raise(path: string, limits: CgroupLimits): Promise<void> {
    for (const setting of this.#settings(limits)) {
      if (setting.amount === undefined) continue;
      const before = await this.#read(path, setting);
      if (before === undefined || isLess(before, setting.amount)) await this.#write(path, setting);
    }
  }

  /** Reads the memory of a cgroup; undefined where there is none, or no controller of memory. */
  async memory(path: string): Promise<CgroupMemory | undefined> {
    const [limit, usage] =
      this.#version === 2
        ? ["memory.max", "memory.current"]
        : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
    const usageBytes = amountIn(await readOptional(join(this.#folder(path, "memory"), usage)));
    if (typeof usageBytes !== "bigint") return undefined;
    const limitBytes = amountIn(await readOptional(join(this.#folder(path, "memory"), limit)));
    return { usageBytes, limitBytes: typeof limitBytes === "bigint" ? limitBytes : undefined };
  }

  /** Removes a cgroup from all hierarchies, including those where the runtime has created it. A cgroup that is not empty stays. */
  async remove(path: string): Promise<void> {
    const names = this.#version === 2 ? [""] : await readdir(this.#mount).catch(() => []);
    for (const name of names) await rmdir(join(this.#mount, name, path)).catch(() => undefined);
  }

  async #hierarchies(): Promise<readonly string[]> {
    if (this.#version === 2) return [this.#mount];
    const names = await readdir(this.#mount);
    return controllers.filter((name) => names.includes(name)).map((name) => join(this.#mount, name));
  }

  #folder(path: string, controller: Controller): string {
    return this.#version === 2 ? join(this.#mount, path) : join(this.#mount, controller, path);
  }

  /** Enables the controllers that a cgroup has for those below it. */
  async #delegate(folder: string): Promise<void> {
    const available = wordsOf(await readOptional(join(folder, "cgroup.controllers")));
    const file = join(folder, "cgroup.subtree_control");
    const enabled = wordsOf(await readOptional(file));
    const missing = delegated.filter((name) => available.includes(name) && !enabled.includes(name));
    if (missing.length > 0) await writeFile(file, missing.map((name) => `+${name}`).join(" "));
  }

  async #write(path: string, { controller, file, text }: Setting): Promise<void> {
    const target = join(this.#folder(path, controller), file);
    // Without the controller, the file does not exist, and there is nothing to limit.
    if ((await readOptional(target)) === undefined) return;
    await writeFile(target, text);
  }

  async #read(path: string, { controller, file }: Setting): Promise<Amount | undefined> {
    return amountIn(await readOptional(join(this.#folder(path, controller), file)));
  }

  #settings(limits: CgroupLimits): readonly Setting[] {
    return this.#version === 2 ? settingsV2(limits) : settingsV1(limits);
  }
}

function settingsV1(limits: CgroupLimits): Setting[] {
  const { cpuShares, cpuQuota, cpuPeriod, memoryBytes, pids, hugePages = {} } = limits;
  const settings: (Setting | undefined)[] = [
    cpuShares === undefined ? undefined : amount("cpu", "cpu.shares", cpuShares, "-1"),
    cpuPeriod === undefined
      ? undefined
      : { controller: "cpu", file: "cpu.cfs_period_us", text: String(cpuPeriod) },
    cpuQuota === undefined ? undefined : amount("cpu", "cpu.cfs_quota_us", cpuQuota, "-1"),
    memoryBytes === undefined ? undefined : amount("memory", "memory.limit_in_bytes", memoryBytes, "-1"),
    pids === undefined ? undefined : amount("pids", "pids.max", pids, "max"),
    ...Object.entries(hugePages).map(([size, bytes]) =>
      amount("hugetlb", `hugetlb.${size}.limit_in_bytes`, bytes, "-1"),
    ),
  ];
  return settings.filter((setting) => setting !== undefined);
}

function settingsV2(limits: CgroupLimits): Setting[] {
  const { cpuShares, cpuQuota, cpuPeriod, memoryBytes, pids, hugePages = {} } = limits;
  const settings: (Setting | undefined)[] = [
    cpuShares === undefined ? undefined : amount("cpu", "cpu.weight", cpuWeight(cpuShares), "max"),
    cpuQuota === undefined
      ? undefined
      : {
          ...amount("cpu", "cpu.max", cpuQuota, "max"),
          text: `${cpuQuota === "unlimited" ? "max" : cpuQuota}${cpuPeriod === undefined ? "" : ` ${cpuPeriod}`}`,
        },
    memoryBytes === undefined ? undefined : amount("memory", "memory.max", memoryBytes, "max"),
    pids === undefined ? undefined : amount("pids", "pids.max", pids, "max"),
    ...Object.entries(hugePages).map(([size, bytes]) =>
      amount("hugetlb", `hugetlb.${size}.max`, bytes, "max"),
    ),
  ];
  return settings.filter((setting) => setting !== undefined);
}

function amount(controller: Controller, file: string, value: Amount, unlimited: string): Setting {
  return { controller, file, text: value === "unlimited" ? unlimited : String(value), amount: value };
}

/** Converts the shares of version 1, 2 to 262,144, to the weight of version 2, 1 to 10,000, as the kubelet does. */
export function cpuWeight(shares: bigint): bigint {
  return 1n + ((shares - 2n) * 9999n) / 262_142n;
}

function isLess(one: Amount, other: Amount): boolean {
  if (one === "unlimited") return false;
  return other === "unlimited" || one < other;
}

/** Reads the first number of a file of a cgroup. */
function amountIn(text: string | undefined): Amount | undefined {
  const [word = ""] = wordsOf(text);
  if (word === "max" || word === "-1") return "unlimited";
  if (!/^\d+$/.test(word)) return undefined;
  const value = BigInt(word);
  return value >= unlimitedMemory ? "unlimited" : value;
}

function wordsOf(text: string | undefined): readonly string[] {
  return (text ?? "").split(/\s+/).filter(Boolean);
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Creates a folder, unless it exists. Those above it exist. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}
