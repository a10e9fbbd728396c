import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { maxTimerMs } from "../../core/index.js";

/** How often a folder is looked at that the system does not watch for us, in milliseconds. */
const unwatchedPollMs = 250;

/**
 * Wakes a reader when something happens to the files of a log: at once where the system tells, and every `pollMs` in any case.
 * The folder is watched, not the file, which comes and goes.
 */
export class Wakeups {
  /** The log, without links. */
  readonly path: string;
  readonly #pollMs: number;
  #watcher: FSWatcher | undefined;
  #rung = false;
  #ring: (() => void) | undefined;

  constructor(path: string, pollMs: number) {
    this.path = path;
    this.#pollMs = Math.min(pollMs, maxTimerMs);
    this.#watch();
  }

  /** Wakes whoever waits, or will wait next. */
  readonly wake = (): void => {
    this.#rung = true;
    this.#ring?.();
  };

  /** Waits for something to have happened since the last wait. Rejects with the signal's reason. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#watch();
    if (!this.#rung)
      await new Promise<void>((resolve) => {
        const stop = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", stop);
          this.#ring = undefined;
          resolve();
        };
        const ms = this.#watcher ? this.#pollMs : Math.min(this.#pollMs, unwatchedPollMs);
        const timer = setTimeout(stop, ms);
        signal.addEventListener("abort", stop, { once: true });
        this.#ring = stop;
      });
    this.#rung = false;
    signal.throwIfAborted();
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Begins to watch; without a folder, or when the system has no watch left, the poll has to do until the next try. */
  #watch(): void {
    if (this.#watcher) return;
    const name = basename(this.path);
    try {
      const watcher = watch(dirname(this.path), { persistent: false }, (event, file) => {
        if (file === null || file.startsWith(name)) this.wake();
        // It may have been the folder itself that went: the next wait watches the one that is there then.
        else if (event === "rename" && file === basename(dirname(this.path))) this.close();
      });
      watcher.on("error", () => this.close());
      this.#watcher = watcher;
      // What happened before the watch began is not told of.
      this.#rung = true;
    } catch {
      this.#watcher = undefined;
    }
  }
}
