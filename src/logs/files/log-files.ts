import { readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { sleep } from "../../core/index.js";
import { FileMoved, isAbsent } from "./errors.js";
import { GzipLogFile } from "./gzip-log-file.js";
import type { LogCursorFile, LogFileIdentity } from "./identity.js";
import { type LogFile, PlainLogFile } from "./log-file.js";
import { isTimeSuffix, type LogFileInfo, parseRotatedLogName, rotatedLogs } from "./rotation.js";

/** The maximum of attempts to list files whose names are changing, and the delay before each. */
const maxListings = 20;
const relistDelayMs = 5;

/** What follows a file of a log. */
export type Successor =
  /** Nothing: the file is the one at the log's path. */
  | { readonly kind: "none" }
  /** Nothing yet: the file was renamed or deleted, and no later file exists. */
  | { readonly kind: "missing" }
  /** The next file, open. */
  | { readonly kind: "file"; readonly file: LogFile }
  /** The file was deleted. This is the oldest later one; others between the two may have been deleted as well. */
  | { readonly kind: "lost"; readonly file: LogFile };

/** Where the next file is. */
interface NextFile {
  readonly kind: "file" | "lost";
  readonly listing: Listing;
  readonly index: number;
}

/** The neighbors of a file when it was opened. */
interface Neighbors {
  /** The file and those before it. */
  readonly passed: readonly LogFileInfo[];
  /** The key of the file after it. */
  readonly next: string | undefined;
}

/**
 * The files of one log while they are read one after the other: the file at the path, and the rotated ones. Each may be
 * renamed, compressed or deleted at any time.
 */
export class LogFiles {
  readonly path: string;
  /** The neighbors of each opened file. After its deletion, they show which files are later. */
  readonly #neighbors = new WeakMap<LogFile, Neighbors>();

  constructor(path: string) {
    this.path = path;
  }

  /** Rejects with Node's error when the folder cannot be read. */
  list(): Promise<Listing> {
    return Listing.of(this.path);
  }

  /** Opens a file whose successors will be read as well. Rejects as {@link Listing.open} does. */
  async open(listing: Listing, index: number): Promise<LogFile> {
    const next = await listing.keyOf(index + 1);
    const file = await listing.open(index);
    this.#neighbors.set(file, { passed: listing.files.slice(0, index + 1), next });
    return file;
  }

  /**
   * Finds what follows a file that was opened here. Rejects with an {@link isMoved} error when files were renamed meanwhile:
   * try again.
   */
  async after(file: LogFile): Promise<Successor> {
    if ((await keyAt(this.path)) === file.identity.key) return { kind: "none" };
    const next = await this.#next(file);
    if (next === undefined) return { kind: "missing" };
    const opened = await this.open(next.listing, next.index);
    try {
      // Another rotation may have happened in between, so that another file precedes this one.
      const now = await this.#next(file);
      const key = await now?.listing.keyOf(now.index);
      if (now?.kind !== next.kind || key !== opened.identity.key) throw new FileMoved(opened.path);
      return { kind: next.kind, file: opened };
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  async #next(file: LogFile): Promise<NextFile | undefined> {
    const listing = await this.list();
    const { files } = listing;
    const index = await listing.indexOf(file);
    if (index >= 0) return index + 1 < files.length ? { kind: "file", listing, index: index + 1 } : undefined;
    const { passed = [], next } = this.#neighbors.get(file) ?? {};
    const known = await listing.indexOfKey(next);
    if (known >= 0) return { kind: "file", listing, index: known };
    const latest = passed
      .map((info) => this.#timeOf(info))
      .reduce((one, other) => (one > other ? one : other), "");
    // Docker's numbers change and show no age. The file at the path is later than any that was deleted.
    const later = files.findIndex((info) => info.path === this.path || this.#timeOf(info) > latest);
    return later >= 0 ? { kind: "lost", listing, index: later } : undefined;
  }

  /** The time in a file's name, which sorts by age; empty for other names. */
  #timeOf(file: LogFileInfo): string {
    const suffix = suffixOf(file, this.path);
    return isTimeSuffix(suffix) ? suffix : "";
  }
}

/**
 * The files of a log at one moment: the oldest first, and the file at the path last, if it exists. Opening an entry returns the
 * file that was there when it was first examined, or throws {@link FileMoved}: then the indices are outdated.
 */
export class Listing {
  readonly path: string;
  readonly files: readonly LogFileInfo[];
  /** Keys by index. Filled on demand, because there may be many files, unless their names change. */
  readonly #keys: Map<number, string | undefined>;
  readonly #opened: LogFileIdentity[] = [];

  private constructor(path: string, files: readonly LogFileInfo[], keys: Map<number, string | undefined>) {
    this.path = path;
    this.files = files;
    this.#keys = keys;
  }

  /** Rejects with Node's error when the folder cannot be read. */
  static async of(path: string): Promise<Listing> {
    for (let attempt = 1; ; attempt++) {
      const { listing, isStable } = await Listing.#read(path);
      if (isStable || attempt === maxListings) return listing;
      await sleep(relistDelayMs);
    }
  }

  /** Lists the files once. It is not stable if the numbers in their names, as Docker's, have changed meanwhile. */
  static async #read(path: string): Promise<{ listing: Listing; isStable: boolean }> {
    // In this order a file that is renamed between the two steps is seen twice rather than missed.
    const current = await keyAt(path);
    const files = [...(await rotatedLogs(path))];
    const keys = new Map<number, string | undefined>();
    const newest = files.length - 1;
    const isNumbered = files.some((file) => !isTimeSuffix(suffixOf(file, path)));
    for (let index = isNumbered ? 0 : Math.max(0, newest); index <= newest; index++)
      keys.set(index, await keyAt(files[index]?.path ?? ""));
    // A rotation changes the oldest file first, and the one at the path last.
    const isStable =
      !isNumbered ||
      ([...keys.values()].every((key) => key !== undefined) && current === (await keyAt(path)));
    if (current !== undefined && keys.get(newest) !== current) {
      keys.set(files.length, current);
      files.push({ path, compressed: false });
    }
    return { listing: new Listing(path, files, keys), isStable };
  }

  /** The index of the file at the path; -1 for none. */
  get current(): number {
    return this.files.findIndex(({ path }) => path === this.path);
  }

  /** Returns device and inode of a file, as they were on the first call; `undefined` for none. */
  async keyOf(index: number): Promise<string | undefined> {
    const info = this.files[index];
    if (info && !this.#keys.has(index)) this.#keys.set(index, await keyAt(info.path));
    return this.#keys.get(index);
  }

  /** Returns the index of the file with a key; -1 for none. */
  async indexOfKey(key: string | undefined): Promise<number> {
    let index = key === undefined ? -1 : this.files.length - 1;
    while (index >= 0 && (await this.keyOf(index)) !== key) index--;
    return index;
  }

  /** Returns whether another listing has the same files. */
  async equals(other: Listing): Promise<boolean> {
    if (this.files.length !== other.files.length) return false;
    for (const [index, { path }] of this.files.entries()) {
      const isSame =
        path === other.files[index]?.path && (await this.keyOf(index)) === (await other.keyOf(index));
      if (!isSame) return false;
    }
    return true;
  }

  /** Opens a file. Rejects with an {@link isMoved} error when it was renamed or deleted. */
  async open(index: number): Promise<LogFile> {
    const info = this.files[index];
    const key = await this.keyOf(index);
    if (info === undefined || key === undefined) throw new FileMoved(this.path);
    const file = await (info.compressed ? GzipLogFile : PlainLogFile).open(info.path);
    const { identity } = file;
    this.#opened[index] ??= identity;
    // Inodes are reused soon, so the first bytes are compared as well.
    if (identity.key === key && identity.isGrownFrom(this.#opened[index])) return file;
    await file.close();
    throw new FileMoved(info.path);
  }

  /** Returns the index of the file that a cursor refers to, by its inode or else by its first bytes; -1 for none. */
  async indexOfCursor(file: LogCursorFile): Promise<number> {
    const index = await this.indexOfKey(`${file.dev}:${file.ino}`);
    if (index >= 0 && !this.files[index]?.compressed && (await this.#identityOf(index)).matches(file, false))
      return index;
    return this.#findLast(
      () => true,
      (identity) => identity.matches(file, true),
    );
  }

  /** Returns the index of an open file, which may have been compressed since it was opened; -1 for none. */
  async indexOf({ identity, compressed }: LogFile): Promise<number> {
    const index = await this.indexOfKey(identity.key);
    if (index >= 0 || compressed) return index;
    return this.#findLast(
      (info) => info.compressed,
      (other) => other.hasSameHead(identity),
    );
  }

  async #findLast(
    isCandidate: (info: LogFileInfo) => boolean,
    isMatch: (identity: LogFileIdentity) => boolean,
  ): Promise<number> {
    for (const [index, info] of [...this.files.entries()].reverse())
      if (isCandidate(info) && isMatch(await this.#identityOf(index))) return index;
    return -1;
  }

  async #identityOf(index: number): Promise<LogFileIdentity> {
    const file = await this.open(index);
    await file.close();
    return file.identity;
  }
}

/** Returns the suffix of a rotated file of the log at `path`; empty for the file at the path. */
function suffixOf(file: LogFileInfo, path: string): string {
  return parseRotatedLogName(basename(file.path), basename(path))?.suffix ?? "";
}

/** Returns device and inode of the file at a path; `undefined` for none. */
async function keyAt(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Resolves the links of a path, such as the kubelet creates for logs. The target may be missing: between the rename of a
 * rotation and the runtime's new file, or when the log is created later. The path of the target is returned in these cases, too.
 */
export async function resolveLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  const folder = await realpath(dirname(path)).catch(() => undefined);
  if (folder === undefined) return path;
  const here = join(folder, basename(path));
  const target = await readlink(here).catch(() => undefined);
  return target === undefined ? here : resolveLinks(resolve(folder, target));
}
