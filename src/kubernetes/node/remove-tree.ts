import type { Dirent } from "node:fs";
import { rename, rmdir, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { codeOf } from "../../core/index.js";
import { type EntryName, OpenFolder } from "./open-folder.js";
import { volumeError } from "./volume-error.js";

/** Folders deeper than this are moved up before they are emptied, so that few descriptors are open. */
const depthLimit = 32;
/** Entries that are held in memory at a time. */
const batch = 1000;

/**
 * Removes a file, a link or a folder with its content, from one mount only: where something is mounted, it rejects and keeps it. A folder
 * that another process replaces by a link leads nowhere else. What does not exist is removed already.
 */
export async function removeTree(path: string): Promise<void> {
  const parent = await OpenFolder.open(dirname(path)).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (!parent) return;
  try {
    await new TreeRemoval(path, await parent.mountId()).remove(parent, basename(path));
  } finally {
    await parent.close();
  }
}

/** One call of {@link removeTree}. */
class TreeRemoval {
  readonly #shown: string;
  readonly #mountId: number;
  /** Where folders that are too deep are moved to. */
  #top: OpenFolder | undefined;
  #moved = 0;

  constructor(shown: string, mountId: number) {
    this.#shown = shown;
    this.#mountId = mountId;
  }

  async remove(parent: OpenFolder, name: EntryName, depth = 0): Promise<void> {
    const status = await parent.statusOf(name);
    if (status === undefined) return;
    if (!status.isDirectory()) return await gone(unlink(parent.entry(name)));
    const folder = await parent.enter(name);
    try {
      if ((await folder.mountId()) !== this.#mountId)
        throw volumeError(this.#shown, "is not removed: something is mounted in it");
      if (depth === 0) this.#top = folder;
      await this.#empty(folder, depth);
    } finally {
      await folder.close();
    }
    await gone(rmdir(parent.entry(name)));
  }

  async #empty(folder: OpenFolder, depth: number): Promise<void> {
    let entries: readonly Dirent<Buffer>[];
    do {
      entries = await folder.entries(batch);
      for (const entry of entries)
        if (depth >= depthLimit && entry.isDirectory()) await this.#moveUp(folder, entry.name);
        else await this.remove(folder, entry.name, depth + 1);
    } while (entries.length > 0);
  }

  /** The scans of the topmost folder find it again. */
  async #moveUp(folder: OpenFolder, name: EntryName): Promise<void> {
    const top = this.#top;
    if (!top) return;
    const target = `cri-sdk-removed-${process.pid}-${this.#moved++}`;
    await rename(folder.entry(name), top.entry(target));
  }
}

/** What another process removed in the meantime is gone, too. */
async function gone(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}
