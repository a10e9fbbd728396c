import type { BigIntStats } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../core/index.js";

/** What the files in a folder occupy. */
export interface FolderUse {
  /** The space of their blocks. */
  readonly bytes: bigint;
  /** The number of files and folders, the folder itself included. */
  readonly inodes: bigint;
}

const blockBytes = 512n;

/**
 * Measures what a folder occupies, as `du -x` does: links are not followed, a file with several names counts once, and other file systems
 * below the folder do not count. Files that vanish meanwhile are ignored; a missing folder occupies nothing. Rejects with the signal's reason.
 */
export async function folderUse(folder: string, signal: AbortSignal): Promise<FolderUse> {
  let bytes = 0n;
  let inodes = 0n;
  /** Files with several names. */
  const counted = new Set<bigint>();
  const top = await statOf(folder);
  if (!top) return { bytes, inodes };
  const folders: string[] = [];
  const count = (path: string, stats: BigIntStats) => {
    if (stats.dev !== top.dev || (stats.nlink > 1n && !stats.isDirectory() && counted.has(stats.ino))) return;
    if (stats.nlink > 1n && !stats.isDirectory()) counted.add(stats.ino);
    bytes += stats.blocks * blockBytes;
    inodes++;
    if (stats.isDirectory()) folders.push(path);
  };
  count(folder, top);
  for (let next = folders.pop(); next !== undefined; next = folders.pop())
    for await (const name of namesIn(next)) {
      signal.throwIfAborted();
      const path = join(next, name);
      const stats = await statOf(path);
      if (stats) count(path, stats);
    }
  return { bytes, inodes };
}

async function* namesIn(folder: string): AsyncGenerator<string, void, undefined> {
  try {
    for await (const { name } of await opendir(folder)) yield name;
  } catch (error) {
    // Containers may remove folders and their permissions at any time.
    if (codeOf(error) === undefined) throw error;
  }
}

async function statOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}
