import { type BigIntStats, constants, type Dirent, type Stats } from "node:fs";
import { type FileHandle, lstat, open, opendir, readFile } from "node:fs/promises";
import { codeOf } from "../../core/index.js";

const { O_DIRECTORY, O_NOFOLLOW } = constants;
/** Linux: opens an entry of any kind without reading it, with no effect on it. Node has no name for it. */
const O_PATH = 0o10000000;

/** The name of an entry. Linux allows names that are not UTF-8. */
export type EntryName = string | Buffer;

/**
 * An open folder. Its entries are reached by its descriptor, so that another process which replaces it, or a folder above it, by a link
 * cannot lead elsewhere. Linux only.
 */
export class OpenFolder {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Opens a folder by its path, which may lead through links. */
  static async open(path: string): Promise<OpenFolder> {
    return new OpenFolder(await open(path, O_PATH | O_DIRECTORY));
  }

  /** Opens a folder in this one. Rejects with ENOTDIR for a link. */
  async enter(name: EntryName): Promise<OpenFolder> {
    // Node's open() takes a Buffer, too.
    return new OpenFolder(await open(this.entry(name), O_PATH | O_DIRECTORY | O_NOFOLLOW));
  }

  /** Takes over a descriptor of a folder, from {@link openEntry}. */
  static of(handle: FileHandle): OpenFolder {
    return new OpenFolder(handle);
  }

  /** Opens an entry of any kind. A link is opened itself, and not what it leads to. */
  openEntry(name: EntryName): Promise<FileHandle> {
    return open(this.entry(name), O_PATH | O_NOFOLLOW);
  }

  get fd(): number {
    return this.#handle.fd;
  }

  /** A path of the folder itself, which may be followed. */
  get path(): string {
    return pathOf(this.#handle);
  }

  /** Returns a path of an entry. Its last part may be a link: use functions that do not follow it. */
  entry(name: EntryName): string | Buffer {
    return typeof name === "string"
      ? `${this.path}/${name}`
      : Buffer.concat([Buffer.from(`${this.path}/`), name]);
  }

  status(): Promise<Stats> {
    return this.#handle.stat();
  }

  /** Returns the status of an entry, without following a link; undefined if there is none. */
  async statusOf(name: EntryName): Promise<Stats | undefined> {
    try {
      return await lstat(this.entry(name));
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Returns the first entries, at most `limit`. */
  async entries(limit: number = Number.POSITIVE_INFINITY): Promise<readonly Dirent<Buffer>[]> {
    // @types/node has no overload for the encoding "buffer", which Node's opendir supports.
    const folder = await opendir(this.path, { encoding: "buffer" as BufferEncoding });
    const found: Dirent<Buffer>[] = [];
    for await (const entry of folder) {
      found.push(entry as unknown as Dirent<Buffer>);
      if (found.length >= limit) break;
    }
    return found;
  }

  /** Returns the id of the mount that the folder belongs to: two mounts of one file system differ. */
  async mountId(): Promise<number> {
    const text = await readFile(`/proc/self/fdinfo/${this.fd}`, "latin1");
    return Number(/^mnt_id:\s*(\d+)$/m.exec(text)?.[1]);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** Returns a path that leads to what a descriptor has open, and to nothing else. */
export function pathOf(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

/** Reports whether two statuses are of the same file. */
export function isSameFile(one: BigIntStats, other: BigIntStats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}
