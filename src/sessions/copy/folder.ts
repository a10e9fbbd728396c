import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, isError } from "../../core/index.js";

const { O_DIRECTORY = 0, O_NOFOLLOW = 0 } = constants;
/** Linux: opens a folder without reading it, which also works for a folder without permissions. Node has no name for it. */
const O_PATH = 0o10000000;
/** The number of folders that stay open on the way to the current one. */
const openLimit = 64;

/**
 * A folder whose entries another process cannot redirect. On Linux it is open, and its entries are reached by its descriptor: a parent
 * that is replaced by a link in the meantime has no effect. Other systems have no such path; there, each folder is checked before
 * it is used.
 */
export class Folder {
  /** The path for messages. */
  readonly shown: string;
  readonly #handle: FileHandle | undefined;

  private constructor(shown: string, handle: FileHandle | undefined) {
    this.shown = shown;
    this.#handle = handle;
  }

  /** Opens a folder that the caller chose, so its path may lead through links. */
  static async open(path: string): Promise<Folder> {
    if (process.platform !== "linux") return new Folder(path, undefined);
    const handle = await open(path, O_PATH | O_DIRECTORY);
    const [own, byDescriptor] = await Promise.all([
      handle.stat({ bigint: true }),
      stat(`/proc/self/fd/${handle.fd}`, { bigint: true }).catch(() => undefined),
    ]);
    if (own.ino === byDescriptor?.ino && own.dev === byDescriptor.dev) return new Folder(path, handle);
    // Without /proc.
    await handle.close();
    return new Folder(path, undefined);
  }

  /** Opens a folder in this one. Rejects with ENOTDIR for a link. */
  async enter(name: string): Promise<Folder> {
    const shown = this.pathOf(name);
    if (this.#handle)
      return new Folder(shown, await this.at(name, (path) => open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW)));
    if ((await lstat(shown)).isDirectory()) return new Folder(shown, undefined);
    throw Object.assign(new Error(`ENOTDIR: not a directory, open '${shown}'`), { code: "ENOTDIR" });
  }

  /**
   * Calls back with a path that leads to the entry of this name in this folder. The last part may be a link: use functions that do
   * not follow it. Errors name the path of {@link shown} instead.
   */
  at<Result>(name: string, work: (path: string) => Promise<Result>): Promise<Result> {
    return this.#named(this.pathOf(name), work, `/${name}`);
  }

  /** Calls back with a path of the folder itself, which may be followed. */
  self<Result>(work: (path: string) => Promise<Result>): Promise<Result> {
    return this.#named(this.shown, work, "");
  }

  /** Returns the path of an entry for messages. */
  pathOf(name: string): string {
    return join(this.shown, name);
  }

  /** Returns the status of the folder itself. */
  status(): Promise<Stats> {
    return this.self((path) => stat(path));
  }

  /** Returns the status of an entry; undefined if it does not exist. */
  async statusOf(name: string): Promise<Stats | undefined> {
    return this.at(name, (path) =>
      lstat(path).catch((error) => {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      }),
    );
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  async #named<Result>(shown: string, work: (path: string) => Promise<Result>, end: string): Promise<Result> {
    if (!this.#handle) return work(shown);
    const path = `/proc/self/fd/${this.#handle.fd}${end}`;
    try {
      return await work(path);
    } catch (error) {
      if (isError(error) && codeOf(error) !== undefined) renamePath(error, path, shown);
      throw error;
    }
  }
}

/** Replaces a path in an error of Node, also where it is logged as a cause. */
function renamePath(error: NodeJS.ErrnoException, path: string, shown: string): void {
  error.message = error.message.replaceAll(path, shown);
  error.stack = error.stack?.replaceAll(path, shown) ?? "";
  if (error.path === path) error.path = shown;
}

/** Opens a folder in another one, and may create it. */
export type EnterFolder = (parent: Folder, name: string, path: readonly string[]) => Promise<Folder>;

/** The way from a folder to the folder in use. Consecutive entries mostly share it, so it stays open. */
export class FolderPath {
  readonly #root: Folder;
  readonly #enter: EnterFolder;
  /** The open folders below the root, outermost first. */
  readonly #open: { readonly name: string; readonly folder: Folder }[] = [];
  /** The folder in use, where it is deeper than the limit. */
  #deepest: Folder | undefined;

  constructor(root: Folder, enter: EnterFolder = (parent, name) => parent.enter(name)) {
    this.#root = root;
    this.#enter = enter;
  }

  /** Returns the folder at a path relative to the root. It is valid until the next call. */
  async go(path: readonly string[]): Promise<Folder> {
    const shared = path.findIndex((name, at) => this.#open[at]?.name !== name);
    await this.#leave(shared < 0 ? path.length : shared);
    let folder = this.#open.at(-1)?.folder ?? this.#root;
    for (const [at, name] of [...path.entries()].slice(this.#open.length)) {
      const next = await this.#enter(folder, name, path.slice(0, at + 1));
      if (at < openLimit) this.#open.push({ name, folder: next });
      else {
        await this.#deepest?.close();
        this.#deepest = next;
      }
      folder = next;
    }
    return folder;
  }

  async close(): Promise<void> {
    await this.#leave(0);
  }

  /** Closes the folders below the first `depth` ones. */
  async #leave(depth: number): Promise<void> {
    await this.#deepest?.close();
    this.#deepest = undefined;
    for (const { folder } of this.#open.splice(depth).reverse()) await folder.close();
  }
}
