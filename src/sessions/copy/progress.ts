import type { CopyProgress, CopyResult } from "../options.js";
import { callbackFailed } from "./errors.js";

const reportEveryMs = 100;

/** Counts the copied entries and reports the progress. */
export class ProgressCounter {
  #files = 0;
  #directories = 0;
  #links = 0;
  #bytes = 0;
  #path = "";
  #reportedAt = Number.NEGATIVE_INFINITY;
  readonly #skipped: { readonly path: string; readonly reason: string }[] = [];
  readonly #specialModes: string[] = [];
  readonly #onProgress: ((progress: CopyProgress) => void) | undefined;

  constructor(onProgress: ((progress: CopyProgress) => void) | undefined) {
    this.#onProgress = onProgress;
  }

  addFile(path: string): void {
    this.#files++;
    this.#path = path;
    this.#report();
  }

  addDirectory(): void {
    this.#directories++;
  }

  addLink(): void {
    this.#links++;
  }

  addSkipped(path: string, reason: string): void {
    this.#skipped.push(Object.freeze({ path, reason }));
  }

  /** Notes a file with setuid or setgid, which not every container can set. */
  addSpecialMode(path: string): void {
    this.#specialModes.push(path);
  }

  /** Adds the files of {@link addSpecialMode} to the skipped entries. */
  skipSpecialModes(reason: string): void {
    for (const path of this.#specialModes.splice(0)) this.addSkipped(path, reason);
  }

  addBytes(count: number): void {
    this.#bytes += count;
    this.#report();
  }

  /** Returns the result, after a last progress report. */
  finish(): CopyResult {
    this.#reportedAt = Number.NEGATIVE_INFINITY;
    this.#report();
    return Object.freeze({
      files: this.#files,
      directories: this.#directories,
      links: this.#links,
      bytes: this.#bytes,
      skipped: Object.freeze([...this.#skipped]),
    });
  }

  #report(): void {
    if (!this.#onProgress || performance.now() - this.#reportedAt < reportEveryMs) return;
    this.#reportedAt = performance.now();
    try {
      this.#onProgress({ bytes: this.#bytes, files: this.#files, path: this.#path });
    } catch (error) {
      throw callbackFailed("onProgress", error);
    }
  }
}
