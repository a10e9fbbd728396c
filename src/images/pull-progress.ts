import type { ImageClient } from "../clients/index.js";
import {
  abortError,
  type CriError,
  criError,
  isPromiseLike,
  OptionTable,
  option,
  sleep,
  withDeadline,
} from "../core/index.js";
import type { ManifestSizes } from "./registry.js";

/** The progress of a pull. All of it is an estimate, since CRI does not report progress. */
export interface PullProgress {
  /** The image as requested. */
  readonly image: string;
  /** Always true, as a reminder for user interfaces. */
  readonly estimated: true;
  /**
   * The growth of the node's image file systems since the start of this call, in bytes. It includes concurrent pulls; removals are not
   * subtracted. containerd counts a layer once it is unpacked, and measures at most every ten seconds.
   */
  readonly grownBytes: number;
  /**
   * The compressed size of the image in its registry, in bytes; undefined when the registry cannot be reached from this process. It
   * includes layers that are on the node already and are not pulled.
   */
  readonly totalBytes: number | undefined;
  /** The number of layers of the image; undefined when `totalBytes` is. */
  readonly layers: number | undefined;
  /**
   * `grownBytes` divided by `totalBytes`, from 0 to 0.99, and 1 when the pull is complete; undefined when `totalBytes` is. It is too
   * large for compressed layers, and may not change for a long time.
   */
  readonly fraction: number | undefined;
  /** The time since the start of this call, in milliseconds. */
  readonly elapsedMs: number;
  /** The time since the last growth, in milliseconds. */
  readonly quietMs: number;
  /** Whether the pull is complete. The last report of a successful pull has `done: true`. */
  readonly done: boolean;
}

/** Options for the progress of a pull. */
export interface PullProgressOptions {
  /**
   * Receives the progress: at once, every `progressIntervalMs`, and at the end. With it, this process requests the image's manifest from
   * the registry, with the credentials of the pull. An error that it throws ends this call.
   * @default none
   */
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
  /**
   * The interval between two ImageFsInfo calls, in milliseconds.
   * @default 1_000
   */
  readonly progressIntervalMs?: number | undefined;
  /**
   * The time without growth after which a pull is stalled, in milliseconds: it fails with `pull_stalled`, or `onStalled` is called. A
   * large layer may take minutes without visible growth. 0 disables the check. Without usage data, no stall is reported.
   * @default 0
   */
  readonly stalledMs?: number | undefined;
  /**
   * Called instead of failing a stalled pull, at each `stalledMs` without growth.
   * @default none: the pull fails
   */
  readonly onStalled?: ((progress: PullProgress) => void) | undefined;
}

/** The options of {@link PullProgressOptions}. */
export const progressTable = new OptionTable<PullProgressOptions>({
  onProgress: option.callback,
  progressIntervalMs: (value) =>
    typeof value === "number" && value > 0 ? undefined : "must be greater than 0",
  stalledMs: option.milliseconds,
  onStalled: option.callback,
});

/** A pull whose progress can be monitored. */
export interface MonitoredPull<T> {
  /** The image as requested. */
  readonly image: string;
  readonly pull: (signal: AbortSignal) => Promise<T>;
  /** Reads the image's size from its registry; only called for `onProgress`. */
  readonly readSizes: (signal: AbortSignal) => Promise<ManifestSizes | undefined>;
}

/** The timeout of an ImageFsInfo call. The pull continues without its response. */
const usageTimeoutMs = 5_000;
/** The timeout of the requests to the registry. The pull continues without their responses. */
const sizesTimeoutMs = 15_000;

/** Pulls and reports the progress. Rejects with `pull_stalled`, with the pull's error, and with an error that a callback throws. */
export async function pullWithProgress<T>(
  client: ImageClient,
  { image, pull, readSizes }: MonitoredPull<T>,
  options: PullProgressOptions,
  signal: AbortSignal,
): Promise<T> {
  if (!options.onProgress && !options.stalledMs) return await pull(signal);
  const failure = new AbortController();
  const end = new AbortController();
  const monitor = new PullMonitor(client, image, options, failure);
  const monitoring = monitor.run(end.signal);
  if (options.onProgress) void monitor.readSizes(readSizes, end.signal);
  try {
    const result = await pull(AbortSignal.any([signal, failure.signal]));
    monitor.report(true);
    if (failure.signal.aborted) throw abortError(failure.signal);
    return result;
  } finally {
    end.abort();
    await monitoring;
  }
}

class PullMonitor {
  readonly #client: ImageClient;
  readonly #image: string;
  readonly #options: PullProgressOptions;
  /** Cancels the pull: it stalled, or a callback failed. */
  readonly #failure: AbortController;
  readonly #startedAt = performance.now();
  #grownAt = this.#startedAt;
  /** The time of the last growth or of the last reported stall. */
  #quietSince = this.#startedAt;
  #usedBytes: number | undefined;
  #grownBytes = 0;
  #sizes: ManifestSizes | undefined;

  constructor(client: ImageClient, image: string, options: PullProgressOptions, failure: AbortController) {
    this.#client = client;
    this.#image = image;
    this.#options = options;
    this.#failure = failure;
  }

  /** Measures the image file systems periodically until the signal fires. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { progressIntervalMs = 1_000, stalledMs = 0, onProgress } = this.#options;
    // Two measurements per `stalledMs` detect a stall.
    const intervalMs = onProgress ? progressIntervalMs : Math.min(progressIntervalMs, stalledMs / 2);
    this.report(false);
    while (!signal.aborted) {
      const isMeasured = await this.#measure(signal);
      if (signal.aborted) return;
      this.report(false);
      // Without usage data, no stall is reported.
      if (isMeasured && stalledMs > 0) this.#checkStall(stalledMs);
      await sleep(intervalMs, signal).catch(() => undefined);
    }
  }

  /** Reads the image's size. Never rejects. */
  async readSizes(readSizes: MonitoredPull<unknown>["readSizes"], signal: AbortSignal): Promise<void> {
    this.#sizes = await withDeadline({ signal, timeoutMs: sizesTimeoutMs }, readSizes).catch(() => undefined);
  }

  report(done: boolean): void {
    this.#call(this.#options.onProgress, done);
  }

  async #measure(signal: AbortSignal): Promise<boolean> {
    try {
      const { imageFilesystems } = await this.#client.imageFsInfo({}, { signal, timeoutMs: usageTimeoutMs });
      const used = imageFilesystems.reduce((sum, { usedBytes }) => sum + Number(usedBytes?.value ?? 0n), 0);
      // Sums up the growth of each step, so that concurrent removals do not hide it.
      const grown = used - (this.#usedBytes ?? used);
      this.#usedBytes = used;
      if (grown > 0) {
        this.#grownBytes += grown;
        this.#grownAt = this.#quietSince = performance.now();
      }
      return true;
    } catch {
      return false;
    }
  }

  #checkStall(stalledMs: number): void {
    if (performance.now() - this.#quietSince < stalledMs) return;
    this.#quietSince = performance.now();
    const { onStalled } = this.#options;
    if (onStalled) this.#call(onStalled, false);
    else this.#failure.abort(stalledError(this.#image, stalledMs));
  }

  #call(callback: ((progress: PullProgress) => void) | undefined, done: boolean): void {
    if (this.#failure.signal.aborted || !callback) return;
    try {
      // An async callback may reject later, which must not be an unhandled rejection.
      const result: unknown = callback(this.#progress(done));
      if (isPromiseLike(result))
        Promise.resolve(result).catch((error: unknown) => this.#failure.abort(error));
    } catch (error) {
      this.#failure.abort(error);
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
  return criError(
    "pull_stalled",
    `pull of ${image}: the image file systems did not grow for ${stalledMs} ms`,
    { hint: "Retry, or pass a larger `stalledMs`: the registry may be slow, or a layer large" },
  );
}
