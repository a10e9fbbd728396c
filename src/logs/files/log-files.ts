import { stat } from "node:fs/promises";
import { isAbsent } from "./errors.js";
import type { LogCursorFile } from "./identity.js";
import { type LogFile, openLogFile } from "./log-file.js";
import { type ListedFile, rotatedLogs } from "./rotated.js";

/** What comes after a file of a log. */
export type Successor =
  /** Nothing: it is the one at the path. */
  | { readonly kind: "none" }
  /** Nothing yet: it was renamed or deleted, and no other is there. */
  | { readonly kind: "missing" }
  /** The next file, open. */
  | { readonly kind: "file"; readonly file: LogFile }
  /** The file is not among the others any more; this is the oldest that is. */
  | { readonly kind: "lost"; readonly file: LogFile };

/** The files of one log: that at the path, and its rotated ones. Each may be renamed, compressed or deleted at any time. */
export class LogFiles {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The rotated ones, the oldest first, and the one at the path where it is there. */
  async list(): Promise<readonly ListedFile[]> {
    // In this order: what is renamed between the two is seen twice, and not missed.
    const current = await identityAt(this.path);
    const rotated = await rotatedLogs(this.path);
    return current === undefined ? rotated : [...rotated, { path: this.path, compressed: false }];
  }

  /** What comes after a file. Rejects with Node's error ENOENT when files were renamed meanwhile: ask again. */
  async after(file: LogFile): Promise<Successor> {
    if ((await identityAt(this.path)) === keyOf(file)) return { kind: "none" };
    const listed = await this.list();
    const at = await placeOf(listed, file);
    const next = listed[at + 1];
    if (next === undefined) return { kind: "missing" };
    const opened = await openLogFile(next);
    if (at < 0) return { kind: "lost", file: opened };
    // Another rotation may have come between, and another file before this one.
    const now = await this.list();
    const index = await placeOf(now, opened);
    if (index > 0 && index !== (await placeOf(now, file)) + 1) {
      await opened.close();
      return this.after(file);
    }
    return { kind: "file", file: opened };
  }

  /** The place in a list of the file that a cursor remembers, by inode or else by how it begins; -1 for none. */
  async find(listed: readonly ListedFile[], remembered: LogCursorFile): Promise<number> {
    for (const byHead of [false, true])
      for (const [index, entry] of [...listed.entries()].reverse()) {
        if (!byHead && entry.compressed) continue;
        const file = await openLogFile(entry);
        try {
          if (file.identity.is(remembered, byHead)) return index;
        } finally {
          await file.close();
        }
      }
    return -1;
  }
}

async function placeOf(listed: readonly ListedFile[], file: LogFile): Promise<number> {
  for (const [index, { path, compressed }] of [...listed.entries()].reverse()) {
    if (compressed !== file.compressed) continue;
    if (compressed ? path === file.path : (await identityAt(path)) === keyOf(file)) return index;
  }
  return file.compressed ? -1 : compressedPlaceOf(listed, file);
}

/** A plain file that was compressed since it was opened. */
async function compressedPlaceOf(listed: readonly ListedFile[], file: LogFile): Promise<number> {
  for (const [index, entry] of listed.entries()) {
    if (!entry.compressed) continue;
    const other = await openLogFile(entry);
    if (other.identity.isLike(file.identity)) return index;
  }
  return -1;
}

function keyOf({ identity }: LogFile): string {
  return `${identity.dev}:${identity.ino}`;
}

async function identityAt(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
