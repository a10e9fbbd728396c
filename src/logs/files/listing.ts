import { stat } from "node:fs/promises";
import { FileMoved, isAbsent } from "./errors.js";
import type { LogCursorFile, LogFileIdentity } from "./identity.js";
import { type LogFile, openLogFile } from "./log-file.js";
import { type ListedFile, rotatedLogs } from "./rotated.js";

/**
 * The files of a log at one moment, the oldest first, and the one at the path last, where it is there. What is opened through it is
 * the file that was looked at first, and the same each time, or else it throws {@link FileMoved}: then its places mean nothing
 * any more.
 */
export class Listing {
  readonly path: string;
  readonly files: readonly ListedFile[];
  /** Which files they are, of those that were asked for: there may be many. */
  readonly #keys: Map<number, string | undefined>;
  readonly #opened: LogFileIdentity[] = [];

  private constructor(path: string, files: readonly ListedFile[], keys: Map<number, string | undefined>) {
    this.path = path;
    this.files = files;
    this.#keys = keys;
  }

  /** Rejects with Node's error where the folder cannot be read. */
  static async of(path: string): Promise<Listing> {
    // In this order: what is renamed between the two is seen twice, and not missed.
    const current = await keyAt(path);
    const files = [...(await rotatedLogs(path))];
    const keys = new Map<number, string | undefined>();
    const newest = files.at(-1);
    if (newest) keys.set(files.length - 1, await keyAt(newest.path));
    if (current !== undefined && keys.get(files.length - 1) !== current) {
      keys.set(files.length, current);
      files.push({ path, compressed: false });
    }
    return new Listing(path, files, keys);
  }

  /** The place of the file at the path; -1 for none. */
  get current(): number {
    return this.files.findIndex(({ path }) => path === this.path);
  }

  /** Device and inode of a file, as they were when it was asked for first; undefined for none. */
  async keyOf(index: number): Promise<string | undefined> {
    const listed = this.files[index];
    if (listed && !this.#keys.has(index)) this.#keys.set(index, await keyAt(listed.path));
    return this.#keys.get(index);
  }

  /** The place of the file that has a key; -1 for none. */
  async placeOfKey(key: string | undefined): Promise<number> {
    let index = key === undefined ? -1 : this.files.length - 1;
    while (index >= 0 && (await this.keyOf(index)) !== key) index--;
    return index;
  }

  /** Whether the same files are in another. */
  async isLike(other: Listing): Promise<boolean> {
    if (this.files.length !== other.files.length) return false;
    for (const [index, { path }] of this.files.entries()) {
      const isSame =
        path === other.files[index]?.path && (await this.keyOf(index)) === (await other.keyOf(index));
      if (!isSame) return false;
    }
    return true;
  }

  /** Rejects with what `isMoved` knows when it is not there any more. */
  async open(index: number): Promise<LogFile> {
    const listed = this.files[index];
    const key = await this.keyOf(index);
    if (listed === undefined || key === undefined) throw new FileMoved(this.path);
    const file = await openLogFile(listed);
    const { identity } = file;
    this.#opened[index] ??= identity;
    // An inode is used again soon, so that the first bytes are compared as well.
    if (identity.key === key && identity.isGrownFrom(this.#opened[index])) return file;
    await file.close();
    throw new FileMoved(listed.path);
  }

  /** The place of the file that a cursor remembers, by inode or else by how it begins; -1 for none. */
  async find(remembered: LogCursorFile): Promise<number> {
    const place = await this.placeOfKey(`${remembered.dev}:${remembered.ino}`);
    if (place >= 0 && !this.files[place]?.compressed && (await this.#identityOf(place)).is(remembered, false))
      return place;
    return this.#find(
      () => true,
      (identity) => identity.is(remembered, true),
    );
  }

  /** The place of an open file, which may have been compressed since it was opened; -1 for none. */
  async placeOf({ identity, compressed }: LogFile): Promise<number> {
    const place = await this.placeOfKey(identity.key);
    if (place >= 0 || compressed) return place;
    return this.#find(
      (file) => file.compressed,
      (other) => other.isLike(identity),
    );
  }

  async #find(
    isCandidate: (file: ListedFile) => boolean,
    isIt: (identity: LogFileIdentity) => boolean,
  ): Promise<number> {
    for (const [index, listed] of [...this.files.entries()].reverse())
      if (isCandidate(listed) && isIt(await this.#identityOf(index))) return index;
    return -1;
  }

  async #identityOf(index: number): Promise<LogFileIdentity> {
    const file = await this.open(index);
    await file.close();
    return file.identity;
  }
}

/** Which file is at a path; undefined for none. */
export async function keyAt(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
