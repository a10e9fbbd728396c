import { callbackFailed } from "./failures.js";
import type { CopyProgress, CopyResult } from "./options.js";

const reportEveryMs = 100;

/** Counts what is copied, and reports it. */
export class Tally {
  #files = 0;
  #directories = 0;
  #links = 0;
  #bytes = 0;
  #path = "";
  #reportedAt = Number.NEGATIVE_INFINITY;
  readonly #skipped: { readonly path: string; readonly reason: string }[] = [];
  readonly #onProgress: ((progress: CopyProgress) => void) | undefined;

  constructor(onProgress: ((progress: CopyProgress) => void) | undefined) {
    this.#onProgress = onProgress;
  }

  file(path: string): void {
    this.#files++;
    this.#path = path;
    this.#report();
  }

  directory(): void {
    this.#directories++;
  }

  link(): void {
    this.#links++;
  }

  skip(path: string, reason: string): void {
    this.#skipped.push(Object.freeze({ path, reason }));
  }

  bytes(count: number): void {
    this.#bytes += count;
    this.#report();
  }

  /** The sum of it all, after a last report. */
  result(): CopyResult {
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
