// The events that a reader with `follow` waits for: changes of the files, and the end of the container.
import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { ChangeSignal, sleep } from "../../core/index.js";

/** The polling interval while the folder cannot be watched, in milliseconds. */
const unwatchedPollMs = 250;
/** The shortest interval between two reads, in milliseconds. Lines that are logged in between are read together, which is cheaper. */
const minIntervalMs = 100;
/** The interval at which `running` is called, in milliseconds. */
const livenessIntervalMs = 1_000;

/**
 * A watch on the files of a log: reports a change at once where the system supports it, and every `pollMs` in any case. The
 * folder is watched rather than the file, which is replaced by rotations.
 */
export class LogWatch {
  /** The path of the log, without links. */
  readonly path: string;
  readonly #pollMs: number;
  readonly #change = new ChangeSignal();
  #watcher: FSWatcher | undefined;
  #wokenAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, pollMs: number) {
    this.path = path;
    this.#pollMs = pollMs;
    this.#watch();
  }

  /** Ends the current wait, or the next one. */
  readonly notify = (): void => this.#change.notify();

  /** Waits for a change since the last wait. Rejects with the signal's reason. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#watch();
    const timeoutMs = this.#watcher ? this.#pollMs : Math.min(this.#pollMs, unwatchedPollMs);
    await this.#change.wait({ signal, timeoutMs });
    const pauseMs = this.#wokenAt + minIntervalMs - performance.now();
    if (pauseMs > 0) await sleep(pauseMs, signal);
    this.#wokenAt = performance.now();
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /**
   * Starts watching. Without a folder, or when the system allows no more watches, polling has to suffice until the next
   * attempt.
   */
  #watch(): void {
    if (this.#watcher) return;
    const name = basename(this.path);
    try {
      const watcher = watch(dirname(this.path), { persistent: false }, (event, file) => {
        if (file === null || file.startsWith(name)) this.notify();
        // The folder itself may have been replaced: the next wait watches the new one.
        else if (event === "rename" && file === basename(dirname(this.path))) this.close();
      });
      watcher.on("error", () => this.close());
      this.#watcher = watcher;
      // Changes before the watch began were not reported.
      this.notify();
    } catch {
      this.#watcher = undefined;
    }
  }
}

/** A tracker of whether the container runs, concurrent with the reading. */
export class Liveness {
  readonly #running: (signal: AbortSignal) => boolean | Promise<boolean>;
  readonly #signal: AbortSignal;
  readonly #onChange: () => void;
  #calledAt = Number.NEGATIVE_INFINITY;
  #isCalling = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;

  /** `onChange` is called when the container has ended, and when `running` has failed. */
  constructor(
    running: (signal: AbortSignal) => boolean | Promise<boolean>,
    signal: AbortSignal,
    onChange: () => void,
  ) {
    this.#running = running;
    this.#signal = signal;
    this.#onChange = onChange;
  }

  /** Whether the container is known to have ended. Calls `running` again when that is due. Throws the error of `running`. */
  get hasEnded(): boolean {
    if (this.#failure) throw this.#failure.error;
    const isDue = performance.now() - this.#calledAt >= livenessIntervalMs;
    if (isDue && !this.#isCalling && !this.#hasEnded) void this.#update();
    return this.#hasEnded;
  }

  async #update(): Promise<void> {
    this.#isCalling = true;
    this.#calledAt = performance.now();
    try {
      this.#hasEnded = !(await this.#running(this.#signal));
    } catch (error) {
      this.#failure = { error };
    }
    this.#isCalling = false;
    if (this.#hasEnded || this.#failure) this.#onChange();
  }
}
