import { link, lstat, rename, unlink } from "node:fs/promises";
import { codeOf } from "../../core/index.js";
import { compressRotatedLogs, removeExcessLogs, unusedRotatedName } from "../../logs/index.js";

/** How a log is rotated. */
export interface RotateLogOptions {
  readonly maxFiles: number;
  /** The time in the name of the rotated file. */
  readonly time: Date;
  /** Makes the runtime write to a new file at the path. */
  readonly reopen: () => Promise<void>;
}

/** Returns the size of the log at a path; undefined where there is none, and 0 for what is not a regular file. */
export async function logSize(path: string): Promise<number | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? stats.size : 0;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Rotates a log to which a runtime writes, as the kubelet does: the file gets a name with the time, the runtime opens a new one, and the
 * older rotated files are compressed. Nothing is lost if the process ends in between: the runtime writes to the renamed file until it has
 * opened the new one, and a path without a file is opened again by the next check.
 *
 * Rejects when the runtime does not reopen the log, which then has its old name again; and when older files cannot be compressed.
 */
export async function rotateLog(path: string, { maxFiles, time, reopen }: RotateLogOptions): Promise<void> {
  // The new file and the one that is being renamed count as well. Frees space first: the disk may be full.
  await removeExcessLogs(path, maxFiles - 2);
  const rotated = await unusedRotatedName(path, time);
  await rename(path, rotated);
  try {
    await reopen();
  } catch (error) {
    await restore(rotated, path);
    throw error;
  }
  await compressRotatedLogs(path);
}

/** Gives a file its old name again, unless the runtime has created a new one in the meantime: a link never replaces a file. */
async function restore(rotated: string, path: string): Promise<void> {
  try {
    await link(rotated, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return;
    throw error;
  }
  await unlink(rotated);
}
