import { statfs } from "node:fs/promises";
import type { FsStats } from "./summary-types.js";

/** Returns what statfs(2) reports of the file system of a path; undefined for a path that cannot be read. */
export async function fileSystem(path: string, time: string): Promise<FsStats | undefined> {
  try {
    const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path, { bigint: true });
    return {
      time,
      availableBytes: bavail * bsize,
      capacityBytes: blocks * bsize,
      usedBytes: (blocks - bfree) * bsize,
      inodesFree: ffree,
      inodes: files,
      inodesUsed: files - ffree,
    };
  } catch {
    return undefined;
  }
}

/** What is used of a file system by one owner. */
export interface DiskUse {
  readonly bytes: bigint | undefined;
  readonly inodes: bigint | undefined;
}

/** Returns a file system with what one owner uses of it. */
export function usedBy(
  file: FsStats | undefined,
  use: DiskUse | undefined,
  time: string,
): FsStats | undefined {
  if (!use) return undefined;
  const { availableBytes, capacityBytes, inodesFree, inodes } = file ?? {};
  const whole = { availableBytes, capacityBytes, inodesFree, inodes };
  return { time, ...whole, usedBytes: use.bytes, inodesUsed: use.inodes };
}
