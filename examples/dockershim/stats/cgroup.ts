// The cgroup of a container, v1 or v2, and the formats of its files.
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface SystemFolders {
  /** Where cgroupfs is mounted: `/sys/fs/cgroup`. */
  readonly cgroupRoot: string;
  /** Where procfs is mounted: `/proc`. */
  readonly procRoot: string;
}

/** v1 has a directory for each controller; v2 has one, under the controller "". */
export class Cgroup {
  readonly isUnified: boolean;
  readonly #directories: ReadonlyMap<string, string>;

  constructor(directories: ReadonlyMap<string, string>) {
    // With both mounted, v2 has no controllers.
    this.isUnified = !directories.has("cpuacct");
    this.#directories = directories;
  }

  /** The cgroup that contains this one. */
  get parent(): Cgroup {
    return new Cgroup(
      new Map([...this.#directories].map(([controller, path]) => [controller, dirname(path)])),
    );
  }

  get name(): string {
    return basename(this.#main);
  }

  /** Returns the content of a file, such as `memory.stat`; undefined if the kernel lacks it or the cgroup no longer exists. */
  read(file: string): string | undefined {
    const controller = this.isUnified ? "" : file.slice(0, file.indexOf("."));
    const directory = this.#directories.get(controller);
    return directory === undefined ? undefined : readText(join(directory, file));
  }

  /** Returns the number in a file; undefined for `max`. */
  number(file: string): bigint | undefined {
    return toInteger(this.read(file));
  }

  /** Returns the content of a file with lines such as `pgfault 1237`. */
  table(file: string): ReadonlyMap<string, bigint> | undefined {
    const lines = this.read(file)?.split("\n");
    return (
      lines &&
      new Map(lines.map((line) => line.split(" ")).map(([key = "", value]) => [key, toInteger(value) ?? 0n]))
    );
  }

  /** Returns the processes in the cgroup and in those below it. */
  processes(): number[] {
    return processesBelow(this.#main);
  }

  get #main(): string {
    return this.#directories.get(this.isUnified ? "" : "cpuacct") ?? "";
  }
}

/** Finds the cgroup of a container by its main process; undefined if that has ended. */
export function findCgroup(id: string, pid: number, folders: SystemFolders): Cgroup | undefined {
  const text = readText(join(folders.procRoot, `${pid}`, "cgroup")) ?? "";
  const directories = new Map<string, string>();
  // Such as `4:cpu,cpuacct:/docker/ID` for v1 and `0::/system.slice/docker-ID.scope` for v2.
  for (const [, controllers = "", path = ""] of text.matchAll(/^\d+:([^:]*):(.*)$/gm)) {
    const own = upToContainer(path, id);
    if (own === undefined) continue;
    for (const controller of controllers.split(","))
      directories.set(controller, join(folders.cgroupRoot, controller, own));
  }
  return directories.size > 0 ? new Cgroup(directories) : undefined;
}

/**
 * Returns the path up to the container's own cgroup: the process may have made others below it. Undefined if the process does
 * not belong to this container: its number was reused.
 */
function upToContainer(path: string, id: string): string | undefined {
  const names = path.split("/");
  const depth = names.findIndex((name) => name.includes(id));
  return depth < 0 ? undefined : names.slice(0, depth + 1).join("/");
}

function processesBelow(directory: string): number[] {
  const own = readText(join(directory, "cgroup.procs"))?.split("\n").filter(Boolean).map(Number) ?? [];
  return [...own, ...subdirectories(directory).flatMap(processesBelow)];
}

function subdirectories(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name));
  } catch {
    return [];
  }
}

/** Returns the content of a kernel's file; undefined if it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

export function toInteger(text: string | undefined): bigint | undefined {
  const trimmed = text?.trim() ?? "";
  return /^-?\d+$/.test(trimmed) ? BigInt(trimmed) : undefined;
}
