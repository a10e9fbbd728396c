import { stoppedError } from "../../../core/index.js";

interface Download {
  readonly stop: AbortController;
  readonly done: Promise<void>;
  waiting: number;
}

/** Work that several callers may want at once, and that is done once for them all. */
export class Downloads {
  readonly #running = new Map<string, Download>();

  /**
   * Waits for the work of this key, which starts with the first caller. A caller whose signal fires leaves, and is told
   * why; the work goes on for the others, and ends with the last.
   */
  async join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (signal.aborted) throw stoppedError(signal);
    const download = this.#running.get(key) ?? this.#start(key, work);
    download.waiting++;
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(stoppedError(signal));
      signal.addEventListener("abort", leave, { once: true });
    });
    try {
      await Promise.race([download.done, left]);
    } finally {
      if (leave) signal.removeEventListener("abort", leave);
      if (--download.waiting === 0) this.#end(key, download);
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<void>): Download {
    const stop = new AbortController();
    const done = work(stop.signal);
    // The last caller may have left before it fails.
    done.catch(() => undefined);
    const download = { stop, done, waiting: 0 };
    this.#running.set(key, download);
    return download;
  }

  #end(key: string, download: Download): void {
    if (this.#running.get(key) === download) this.#running.delete(key);
    download.stop.abort();
  }
}
