import { stat, statfs } from "node:fs/promises";
import { codeOf } from "../core/index.js";

/** The space of a file system. */
export interface DiskSpace {
  /** Identifies the file system: the device of its files. */
  readonly device: bigint;
  readonly capacityBytes: bigint;
  /** The space that unprivileged processes may still use. */
  readonly availableBytes: bigint;
  /** 0 for file systems without a fixed number of inodes, such as btrfs. */
  readonly inodes: bigint;
  readonly inodesFree: bigint;
}

/** Measures the file system of a path. Resolves with undefined for a path that does not exist on this host. */
export type MeasureDisk = (path: string) => Promise<DiskSpace | undefined>;

/** Measures by statfs. Rejects with Node's error. */
export const measureDisk: MeasureDisk = async (path) => {
  try {
    const [{ dev }, space] = await Promise.all([
      stat(path, { bigint: true }),
      statfs(path, { bigint: true }),
    ]);
    return {
      device: dev,
      capacityBytes: space.blocks * space.bsize,
      availableBytes: space.bavail * space.bsize,
      inodes: space.files,
      inodesFree: space.ffree,
    };
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return undefined;
    throw error;
  }
};
