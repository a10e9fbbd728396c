import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readlink,
  realpath,
  rmdir,
  unlink,
} from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../../core/index.js";
import { ensureFolder } from "./folders.js";
import { isWithin, mountsWithin, readMountTable } from "./mount-table.js";
import type { Mounts } from "./mounts.js";
import { isSameFile, OpenFolder, pathOf } from "./open-folder.js";
import { volumeError } from "./volume-error.js";

/** As in the kernel. */
const linkLimit = 40;
/** Folders that are open at a time. */
const depthLimit = 256;

/** A part of a volume that is open. */
export interface OpenedSubPath {
  readonly handle: FileHandle;
  /** Its path at the moment when it was opened. Another process may have replaced it since. */
  readonly realPath: string;
}

/**
 * Opens a part of a volume, and creates missing folders with the mode of the volume. Links are followed as long as they stay in the
 * volume. Each part of the path is opened on its own, relative to the one before and without following links, so that nothing that
 * containers do to the volume in the meantime can lead out of it.
 *
 * @param what the field, for errors
 * @param volumePath the path of the volume itself may lead through links
 */
export async function openSubPath(what: string, volumePath: string, subPath: string): Promise<OpenedSubPath> {
  const parts = partsOf(subPath);
  if (subPath.startsWith("/") || subPath.includes("\0") || parts.includes(".."))
    throw volumeError(what, `must be relative, without "..", got ${JSON.stringify(subPath)}`);
  const walk = new Walk(what, await realpath(volumePath), await OpenFolder.open(volumePath));
  try {
    const handle = await walk.open(parts);
    return { handle, realPath: await walk.realPathOf(handle) };
  } finally {
    await walk.close();
  }
}

/** The way through a volume. */
class Walk {
  readonly #what: string;
  /** The path of the volume without links. */
  readonly #root: string;
  /** The open folders from the volume to the current one. */
  readonly #open: OpenFolder[];

  constructor(what: string, root: string, folder: OpenFolder) {
    this.#what = what;
    this.#root = root;
    this.#open = [folder];
  }

  async open(parts: readonly string[]): Promise<FileHandle> {
    let left = [...parts];
    let links = 0;
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      if (name === "..") {
        await this.#leave();
        continue;
      }
      const handle = await this.#openOrCreate(name);
      const status = await handle.stat();
      if (status.isDirectory()) {
        this.#open.push(OpenFolder.of(handle));
        if (this.#open.length > depthLimit) throw this.#error(`is deeper than ${depthLimit} folders`);
      } else if (status.isSymbolicLink()) {
        await handle.close();
        if (++links > linkLimit) throw this.#error(`leads through more than ${linkLimit} links`);
        // Whatever is read here is resolved in the volume, also where the link was replaced in the meantime.
        left = [...(await this.#follow(await readlink(this.#here.entry(name)))), ...left];
      } else if (left.length === 0) return handle;
      else {
        await handle.close();
        throw this.#error(`${name} is not a folder`);
      }
    }
    const last = this.#here;
    return await open(last.path, pathOnly);
  }

  /** Returns the path of an open file. Rejects where it is outside of the volume by now. */
  async realPathOf(handle: FileHandle): Promise<string> {
    const path = await readlink(pathOf(handle));
    if (isWithin(path, this.#root)) return path;
    await handle.close();
    throw this.#error("leads out of the volume");
  }

  async close(): Promise<void> {
    for (const folder of this.#open) await folder.close();
  }

  get #here(): OpenFolder {
    const folder = this.#open.at(-1);
    if (!folder) throw this.#error("leads out of the volume");
    return folder;
  }

  async #leave(): Promise<void> {
    if (this.#open.length === 1) throw this.#error("leads out of the volume");
    await this.#open.pop()?.close();
  }

  /** Returns the parts of the target of a link, and enters the volume again for an absolute one. */
  async #follow(target: string): Promise<string[]> {
    if (!target.startsWith("/")) return partsOf(target);
    if (!isWithin(target, this.#root))
      throw this.#error("is or contains a link that leads out of the volume");
    while (this.#open.length > 1) await this.#leave();
    return partsOf(target.slice(this.#root.length));
  }

  async #openOrCreate(name: string): Promise<FileHandle> {
    try {
      return await this.#here.openEntry(name);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    const { mode } = await (this.#open[0] ?? this.#here).status();
    try {
      await mkdir(this.#here.entry(name), 0o700);
    } catch (error) {
      // Another container was faster.
      if (codeOf(error) === "EEXIST") return await this.#here.openEntry(name);
      throw error;
    }
    const handle = await this.#here.openEntry(name);
    // Not by mkdir(): the umask would change it. By the descriptor: the folder may be a link by now.
    try {
      if ((await handle.stat()).isDirectory()) await chmod(pathOf(handle), mode & 0o7777);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  #error(text: string): Error {
    return volumeError(this.#what, text);
  }
}

const pathOnly = 0o10000000;

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/**
 * Binds an open part of a volume to a path, where runtimes find it. What is bound there already stays if it is the same file or folder,
 * and is replaced otherwise.
 */
export async function bindSubPath(
  what: string,
  mounts: Mounts,
  part: FileHandle,
  target: string,
): Promise<void> {
  const status = await part.stat({ bigint: true });
  await ensureFolder(dirname(target));
  // The kernel reports paths without links.
  const realTarget = `${await realpath(dirname(target))}/${target.slice(dirname(target).length + 1)}`;
  if (mountsWithin(await readMountTable(), realTarget).length > 0) {
    if (isSameFile(await lstat(target, { bigint: true }), status)) return;
    await mounts.unmountWithin(target);
  }
  await removeTarget(target);
  if (status.isDirectory()) await mkdir(target, 0o750);
  else await (await open(target, "wx", 0o640)).close();
  await mounts.bind(part.fd, target);
  if (!isSameFile(await lstat(target, { bigint: true }), status))
    throw volumeError(what, `${target} is not what was bound there`);
}

/** Removes the file or the empty folder that something is bound to. */
async function removeTarget(target: string): Promise<void> {
  try {
    await unlink(target);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    if (codeOf(error) !== "EISDIR" && codeOf(error) !== "EPERM") throw error;
    await rmdir(target);
  }
}
