// Details of a container's processes and of its file system, for metrics.
import { lstatSync, readdirSync, readlinkSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { readText } from "./cgroup.js";

export interface OpenFiles {
  readonly descriptors: number;
  readonly sockets: number;
}

/** Counts the open files of a process; none if it has ended. */
export function countOpenFiles(pid: number, procRoot: string): OpenFiles {
  const folder = join(procRoot, `${pid}`, "fd");
  const descriptors = attempt(() => readdirSync(folder)) ?? [];
  const targets = descriptors.map((name) => attempt(() => readlinkSync(join(folder, name))));
  return {
    descriptors: descriptors.length,
    sockets: targets.filter((target) => target?.startsWith("socket:")).length,
  };
}

/** Returns how many files a process may open; undefined for no limit. */
export function maxOpenFiles(pid: number, procRoot: string): bigint | undefined {
  const found = /^Max open files +(\d+)/m.exec(readText(join(procRoot, `${pid}`, "limits")) ?? "");
  return found?.[1] === undefined ? undefined : BigInt(found[1]);
}

export interface FileSystem {
  /** `MAJOR:MINOR`. */
  readonly device: string;
  readonly bytes: bigint;
  readonly inodes: bigint;
  readonly freeInodes: bigint;
}

/** Reads the size of the file system that a directory is on. */
export function readFileSystem(path: string): FileSystem | undefined {
  return attempt(() => {
    const { blocks, bsize, files, ffree } = statfsSync(path, { bigint: true });
    const { dev } = lstatSync(path);
    // As glibc encodes them, for numbers of up to 12 and 20 bits.
    const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
    return { device, bytes: blocks * bsize, inodes: files, freeInodes: ffree };
  });
}

/** Returns a function that translates `MAJOR:MINOR` into a name such as `/dev/sda1`, if it is of a disk. */
export function readDeviceNames(procRoot: string): (device: string) => string {
  const text = readText(join(procRoot, "partitions")) ?? "";
  const names = new Map(
    [...text.matchAll(/^ *(\d+) +(\d+) +\d+ (\S+)$/gm)].map(([, major, minor, name]) => [
      `${major}:${minor}`,
      `/dev/${name}`,
    ]),
  );
  return (device) => names.get(device) ?? device;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
