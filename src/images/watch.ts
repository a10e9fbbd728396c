import type { ImageClient } from "../clients/index.js";
import { CriError, invalidOption, sleep, stoppedError } from "../core/index.js";
import type { PullProgress, WatchOptions } from "./progress.js";
import type { ManifestSizes } from "./registry/manifest.js";

/** A pull that may be watched. */
export interface WatchedPull<T> {
  /** As it was asked for. */
  readonly image: string;
  readonly pull: (signal: AbortSignal) => Promise<T>;
  /** What the registry says of the image's size; only asked when somebody wants to know. */
  readonly sizes: (signal: AbortSignal) => Promise<ManifestSizes | undefined>;
}

/** How long the runtime and the registry are given to answer; without their answers the pull goes on. */
const pollTimeoutMs = 5_000;
const sizesTimeoutMs = 15_000;

/** Throws `invalid_option`. */
export function checkWatch({ progressIntervalMs = 1_000, stalledMs = 0 }: WatchOptions): void {
  if (!(progressIntervalMs > 0))
    throw invalidOption("progressIntervalMs", progressIntervalMs, "must be more than 0");
  if (!(stalledMs >= 0)) throw invalidOption("stalledMs", stalledMs, "must be 0 or more");
}

/** Pulls, and tells of it meanwhile. Rejects with `pull_stalled`, with what the pull does, and when a callback throws. */
export async function watchPull<T>(
  client: ImageClient,
  work: WatchedPull<T>,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<T> {
  if (!options.onProgress && !options.stalledMs) return await work.pull(signal);
  const stop = new AbortController();
  const over = new AbortController();
  const watch = new Watch(client, work.image, options, stop);
  const watching = watch.run(over.signal);
  if (options.onProgress) void watch.askSizes(work.sizes, over.signal);
  try {
    const result = await work.pull(AbortSignal.any([signal, stop.signal]));
    watch.report(true);
    if (stop.signal.aborted) throw stoppedError(stop.signal);
    return result;
  } finally {
    over.abort();
    await watching;
  }
}

class Watch {
  readonly #client: ImageClient;
  readonly #image: string;
  readonly #options: WatchOptions;
  readonly #stop: AbortController;
  readonly #startedAt = performance.now();
  #grownAt = this.#startedAt;
  #toldAt = this.#startedAt;
  #used: number | undefined;
  #grownBytes = 0;
  #sizes: ManifestSizes | undefined;

  constructor(client: ImageClient, image: string, options: WatchOptions, stop: AbortController) {
    this.#client = client;
    this.#image = image;
    this.#options = options;
    this.#stop = stop;
  }

  /** Looks at the file systems again and again until the signal fires. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { progressIntervalMs = 1_000, stalledMs = 0, onProgress } = this.#options;
    // Who only wants to hear of a stall needs no more looks than that takes.
    const pauseMs = onProgress ? progressIntervalMs : Math.min(progressIntervalMs, stalledMs / 2);
    this.report(false);
    while (!signal.aborted) {
      const seen = await this.#look(signal);
      if (signal.aborted) return;
      this.report(false);
      // Where nothing can be seen, nothing can be said of a stall.
      if (seen && stalledMs > 0) this.#checkStall(stalledMs);
      await sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  async askSizes(sizes: WatchedPull<unknown>["sizes"], signal: AbortSignal): Promise<void> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(sizesTimeoutMs)]);
    this.#sizes = await sizes(inTime).catch(() => undefined);
  }

  report(done: boolean): void {
    this.#tell(this.#options.onProgress, done);
  }

  async #look(signal: AbortSignal): Promise<boolean> {
    try {
      const { imageFilesystems } = await this.#client.imageFsInfo({}, { signal, timeoutMs: pollTimeoutMs });
      const used = imageFilesystems.reduce((sum, { usedBytes }) => sum + Number(usedBytes?.value ?? 0n), 0);
      // Each step counts by itself: what somebody else removes meanwhile is no reason to see no growth.
      const grown = used - (this.#used ?? used);
      this.#used = used;
      if (grown > 0) {
        this.#grownBytes += grown;
        this.#grownAt = this.#toldAt = performance.now();
      }
      return true;
    } catch {
      return false;
    }
  }

  #checkStall(stalledMs: number): void {
    if (performance.now() - this.#toldAt < stalledMs) return;
    this.#toldAt = performance.now();
    const { onStalled } = this.#options;
    if (onStalled) this.#tell(onStalled, false);
    else this.#stop.abort(stalledError(this.#image, stalledMs));
  }

  #tell(listener: ((progress: PullProgress) => void) | undefined, done: boolean): void {
    if (this.#stop.signal.aborted || !listener) return;
    try {
      // One that is async may fail later, and must not take the process along.
      const told: unknown = listener(this.#progress(done));
      if (told instanceof Promise) told.catch((error: unknown) => this.#stop.abort(error));
    } catch (error) {
      this.#stop.abort(error);
    }
  }

  #progress(done: boolean): PullProgress {
    const { totalBytes, layers } = this.#sizes ?? {};
    const part = totalBytes ? Math.min(this.#grownBytes / totalBytes, 0.99) : undefined;
    return {
      image: this.#image,
      estimated: true,
      grownBytes: this.#grownBytes,
      totalBytes,
      layers,
      fraction: done ? 1 : part,
      elapsedMs: performance.now() - this.#startedAt,
      quietMs: performance.now() - this.#grownAt,
      done,
    };
  }
}

function stalledError(image: string, stalledMs: number): CriError {
  return new CriError({
    code: "deadline_exceeded",
    reason: "pull_stalled",
    text: `no growth of the image file systems was seen for ${stalledMs} ms while ${image} was pulled`,
    hint: "The registry may be slow, or a layer large: try again, or allow more time by stalledMs",
  });
}
