import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { callbackFailed } from "./errors.js";
import { Folder } from "./folder.js";
import { modeOf } from "./source-file.js";

/** What the container's tar may leave undone, which must be known before an archive is sent. */
export interface FolderPlan {
  /** The caller's filter; asks it once for each folder. Throws `copy_failed` when the caller's filter throws. */
  readonly filter: (path: string) => boolean;
  /** A line for each entry that the unpacking script treats itself; `unpackScript` describes them. */
  readonly lines: readonly string[];
}

/**
 * Searches a folder for folders without all permissions of their owner, or with special bits, and, if `withLinks`, for links. Names
 * with a line break are left out.
 */
export async function planFolder(
  path: string,
  filter: (path: string) => boolean,
  withLinks: boolean,
  signal: AbortSignal | undefined,
): Promise<FolderPlan> {
  const planner = new Planner(filter, withLinks, signal);
  const folder = await Folder.open(path);
  try {
    await planner.visit(folder, "");
  } finally {
    await folder.close();
  }
  return { filter: planner.filter, lines: planner.lines };
}

class Planner implements FolderPlan {
  readonly lines: string[] = [];
  readonly #isWanted: (path: string) => boolean;
  readonly #withLinks: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #decisions = new Map<string, boolean>();

  constructor(isWanted: (path: string) => boolean, withLinks: boolean, signal: AbortSignal | undefined) {
    this.#isWanted = isWanted;
    this.#withLinks = withLinks;
    this.#signal = signal;
  }

  readonly filter = (path: string): boolean => this.#decisions.get(path) ?? this.#decide(path);

  async visit(folder: Folder, below: string): Promise<void> {
    for (const entry of await folder.self((path) => readdir(path, { withFileTypes: true }))) {
      this.#signal?.throwIfAborted();
      await this.#entry(folder, entry, below === "" ? entry.name : `${below}/${entry.name}`);
    }
  }

  async #entry(parent: Folder, entry: Dirent, path: string): Promise<void> {
    const isLink = this.#withLinks && entry.isSymbolicLink();
    if (!isLink && !entry.isDirectory()) return;
    const isWanted = this.#decide(path);
    this.#decisions.set(path, isWanted);
    if (!isWanted) return;
    if (isLink) this.#add(`l - ${path}`);
    else await this.#folder(parent, entry.name, path);
  }

  async #folder(parent: Folder, name: string, path: string): Promise<void> {
    const folder = await parent.enter(name);
    try {
      const mode = modeOf((await folder.status()).mode);
      if ((mode & 0o700) !== 0o700 || mode > 0o777) this.#add(`d ${mode.toString(8)} ${path}`);
      await this.visit(folder, path);
    } finally {
      await folder.close();
    }
  }

  #add(line: string): void {
    if (!line.includes("\n")) this.lines.push(line);
  }

  #decide(path: string): boolean {
    try {
      return this.#isWanted(path);
    } catch (error) {
      throw callbackFailed("filter", error);
    }
  }
}
