import { folderUse } from "../disk-use.js";
import type { DiskConsumption } from "./policy.js";

/** The pause between two measurements of a folder, as a multiple of the time that one takes: at most 5 % of the time is spent on it. */
const pauseFactor = 20;

interface Measured {
  readonly usage: DiskConsumption;
  /** When it is measured again, by `performance.now()`. */
  readonly untilMs: number;
}

/** The usage of folders. Each request measures again, except for large folders, which are measured less often. */
export class FolderUsages {
  #known = new Map<string, Measured>();
  #asked = new Map<string, Measured>();

  /** Returns the usage of a folder, as it was measured last. */
  async of(path: string, signal: AbortSignal): Promise<DiskConsumption> {
    const known = this.#asked.get(path) ?? this.#known.get(path);
    const startMs = performance.now();
    if (known && startMs < known.untilMs) {
      this.#asked.set(path, known);
      return known.usage;
    }
    const usage = await folderUse(path, signal);
    const endMs = performance.now();
    this.#asked.set(path, { usage, untilMs: endMs + pauseFactor * (endMs - startMs) });
    return usage;
  }

  /** Forgets the folders that were not asked for since the last call. */
  forgetOthers(): void {
    this.#known = this.#asked;
    this.#asked = new Map();
  }
}
