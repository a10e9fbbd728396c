import type { Stats } from "node:fs";
import { chmod, lstat, mkdir, readlink, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { codeOf } from "../../core/index.js";
import { copyFailed, unsafeArchive } from "./errors.js";
import { Folder, FolderPath } from "./folder.js";
import { refuseFolderPath } from "./paths.js";

/** The place of an entry: its path below the destination, and the open folder that contains it. */
export interface Place {
  readonly parts: readonly string[];
  readonly folder: Folder;
  readonly name: string;
}

interface Opened {
  readonly folder: Folder;
  /** The way to the current entry, whose folders are created. */
  readonly path: FolderPath;
  /** The way to an earlier entry. */
  readonly earlier: FolderPath;
}

/**
 * The file or folder of this machine that a copy is written to. Other processes may change it meanwhile: folders below it are opened
 * without following links, and entries are reached relative to them.
 */
export class Destination implements AsyncDisposable {
  readonly #target: string;
  readonly #path: string;
  #opened: Opened | undefined;

  constructor(target: string) {
    this.#target = target;
    this.#path = resolve(target);
  }

  /**
   * Opens the folder of an entry, which is created if necessary, and calls back with its place. Without parts, that of the destination
   * itself; rejects with `invalid_request` if only a folder can have its path.
   */
  async at<Result>(parts: readonly string[], work: (place: Place) => Promise<Result>): Promise<Result> {
    const name = parts.at(-1);
    if (name !== undefined) return work({ parts, name, folder: await this.folder(parts.slice(0, -1)) });
    refuseFolderPath(this.#target);
    // The caller chose the destination's parent, so it may be a link.
    const parent = dirname(this.#path);
    await mkdir(parent, { recursive: true });
    const folder = await Folder.open(parent);
    try {
      return await work({ parts, name: basename(this.#path), folder });
    } finally {
      await folder.close();
    }
  }

  /** Opens a folder, which is created if necessary. It is valid until the next call. */
  async folder(parts: readonly string[]): Promise<Folder> {
    return (await this.#open()).path.go(parts);
  }

  /** Opens a folder that is about to be filled by its owner, and gets its mode afterwards. */
  async folderToFill(parts: readonly string[]): Promise<Folder> {
    // Other users must not read it before it has its mode.
    const { path } = await this.#open(0o700);
    const name = parts.at(-1);
    if (name !== undefined)
      await (await path.go(parts.slice(0, -1)))
        .at(name, (created) => mkdir(created, 0o700))
        .catch((error) => {
          if (codeOf(error) !== "EEXIST") throw error;
        });
    const folder = await path.go(parts);
    const { mode } = await folder.status();
    // An earlier copy may have left it without write permission. Only its owner can change that.
    if ((mode & 0o700) !== 0o700)
      await folder.self((self) => chmod(self, (mode & 0o7777) | 0o700)).catch(() => undefined);
    return folder;
  }

  /** Returns the status of an earlier entry; undefined if there is none, or if the way to it leads through a link. */
  async statusOf(parts: readonly string[]): Promise<Stats | undefined> {
    const name = parts.at(-1);
    if (name === undefined) return undefined;
    const folder = await this.earlierFolder(parts).catch(() => undefined);
    return folder?.statusOf(name);
  }

  /** Returns the target of an earlier link. */
  async readLink(parts: readonly string[]): Promise<string> {
    return (await this.earlierFolder(parts)).at(parts.at(-1) ?? "", (path) => readlink(path));
  }

  /** Returns the existing folder of an earlier entry. Other than by {@link folder}, the folder in use stays valid. */
  async earlierFolder(parts: readonly string[]): Promise<Folder> {
    return (await this.#open()).earlier.go(parts.slice(0, -1));
  }

  /**
   * Checks whether a link in a folder leads to a path inside the destination. `..` is accepted only after an existing folder, which
   * stays a folder: after a link, or after a name that may still become a link, it could lead anywhere.
   */
  async staysInside(folder: readonly string[], target: string): Promise<boolean> {
    if (isAbsolute(target)) return false;
    const current = [...folder];
    let isReal = true;
    for (const part of target.split(sep === "/" ? "/" : /[/\\]/)) {
      if (part === "" || part === ".") continue;
      if (part !== "..") {
        current.push(part);
        isReal &&= await this.#isRealFolder(current);
      } else if (!isReal || current.pop() === undefined) return false;
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { folder, path, earlier } = this.#opened ?? {};
    await path?.close();
    await earlier?.close();
    await folder?.close();
  }

  async #isRealFolder(parts: readonly string[]): Promise<boolean> {
    const { folder } = await this.#open();
    const stats = await folder.at(join(...parts), (path) => lstat(path)).catch(() => undefined);
    return stats?.isDirectory() ?? false;
  }

  /** Opens the destination, which is created if necessary. It may be a link to a folder, since the caller chose it. */
  async #open(mode?: number): Promise<Opened> {
    if (this.#opened) return this.#opened;
    const path = this.#path;
    const stats = await stat(path).catch(() => undefined);
    if (stats && !stats.isDirectory()) throw copyFailed(`${path}: exists and is not a folder`);
    if (!stats) {
      await mkdir(dirname(path), { recursive: true });
      await mkdir(path, mode);
    }
    const folder = await Folder.open(path);
    const earlier = new FolderPath(folder);
    this.#opened = { folder, path: new FolderPath(folder, enterOrCreate), earlier };
    return this.#opened;
  }
}

async function enterOrCreate(parent: Folder, name: string, parts: readonly string[]): Promise<Folder> {
  try {
    return await parent.enter(name).catch(async (error) => {
      if (codeOf(error) !== "ENOENT") throw error;
      await parent.at(name, (path) => mkdir(path));
      return parent.enter(name);
    });
  } catch (error) {
    if (codeOf(error) !== "ENOTDIR" && codeOf(error) !== "ELOOP") throw error;
    if ((await parent.statusOf(name))?.isSymbolicLink())
      throw unsafeArchive(parts.join("/"), "would be written to through a link");
    throw copyFailed(`${parent.pathOf(name)}: exists and is not a folder`);
  }
}
