import { FileMoved } from "./errors.js";
import { keyAt, Listing } from "./listing.js";
import type { LogFile } from "./log-file.js";
import { type ListedFile, timedStem } from "./rotated.js";

/** What comes after a file of a log. */
export type Successor =
  /** Nothing: it is the one at the path. */
  | { readonly kind: "none" }
  /** Nothing yet: it was renamed or deleted, and no later one is there. */
  | { readonly kind: "missing" }
  /** The next file, open. */
  | { readonly kind: "file"; readonly file: LogFile }
  /** The file is not among the others any more, and there may have been some between it and this, the oldest that is later. */
  | { readonly kind: "lost"; readonly file: LogFile };

/** Where the next file is. */
interface Next {
  readonly kind: "file" | "lost";
  readonly listing: Listing;
  readonly index: number;
}

/** What there was when a file was opened. */
interface Surroundings {
  /** The file and those before it. */
  readonly passed: readonly ListedFile[];
  /** Device and inode of the one after it. */
  readonly next: string | undefined;
}

/**
 * The files of one log while they are read one after the other: that at the path, and its rotated ones. Each may be renamed,
 * compressed or deleted at any time.
 */
export class LogFiles {
  readonly path: string;
  /** When a file is deleted, this tells which others are later. */
  readonly #around = new WeakMap<LogFile, Surroundings>();

  constructor(path: string) {
    this.path = path;
  }

  /** Rejects with Node's error where the folder cannot be read. */
  list(): Promise<Listing> {
    return Listing.of(this.path);
  }

  /** Opens a file, to read it and then what comes after it. Rejects as {@link Listing.open} does. */
  async open(listing: Listing, index: number): Promise<LogFile> {
    const next = await listing.keyOf(index + 1);
    const file = await listing.open(index);
    this.#around.set(file, { passed: listing.files.slice(0, index + 1), next });
    return file;
  }

  /** What comes after a file that was opened here. Rejects with what `isMoved` knows when files were renamed meanwhile: ask again. */
  async after(file: LogFile): Promise<Successor> {
    if ((await keyAt(this.path)) === file.identity.key) return { kind: "none" };
    const next = await this.#next(file);
    if (next === undefined) return { kind: "missing" };
    const opened = await this.open(next.listing, next.index);
    try {
      // Another rotation may have come between, and another file before this one.
      const now = await this.#next(file);
      const key = await now?.listing.keyOf(now.index);
      if (now?.kind !== next.kind || key !== opened.identity.key) throw new FileMoved(opened.path);
      return { kind: next.kind, file: opened };
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  async #next(file: LogFile): Promise<Next | undefined> {
    const listing = await this.list();
    const { files } = listing;
    const place = await listing.placeOf(file);
    if (place >= 0) return place + 1 < files.length ? { kind: "file", listing, index: place + 1 } : undefined;
    const { passed = [], next } = this.#around.get(file) ?? {};
    const known = await listing.placeOfKey(next);
    if (known >= 0) return { kind: "file", listing, index: known };
    const latest = latestStem(passed);
    // Docker's numbers change, and tell no age; the file at the path is later than any that is gone.
    const later = files.findIndex(({ path }) => path === this.path || (timedStem(path) ?? "") > latest);
    return later >= 0 ? { kind: "lost", listing, index: later } : undefined;
  }
}

function latestStem(files: readonly ListedFile[]): string {
  return files.reduce((latest, { path }) => {
    const stem = timedStem(path) ?? "";
    return stem > latest ? stem : latest;
  }, "");
}
