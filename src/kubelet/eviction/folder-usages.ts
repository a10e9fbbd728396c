import { folderUse } from "../disk-use.js";
import type { DiskConsumption } from "./policy.js";

/** How many times longer than a measurement the pause before the next one of the same folder is: 5 % of the time are enough. */
const pauseFactor = 20;

interface Measured {
  readonly usage: DiskConsumption;
  /** When it is measured again, by `performance.now()`. */
  readonly untilMs: number;
}

/** The usage of folders, measured anew each time it is asked for; large ones less often. */
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
