import { OptionTable, option } from "../../core/index.js";

/** How what dead containers and removed pods leave is collected. */
export interface GarbageCollectionOptions {
  /**
   * The interval between two collections, in milliseconds.
   * @default 60_000
   */
  readonly intervalMs?: number | undefined;
  /**
   * The dead containers that may remain on the node: `maximum-dead-containers` of the kubelet. Beyond them, the oldest ones of pods that have
   * ended are removed. The last instance of a container of an active pod is kept in any case, since its status and its restart count are
   * read from it.
   * @default Infinity
   */
  readonly maxDeadContainers?: number | undefined;
}

/** The options of {@link GarbageCollectionOptions}. */
export const garbageCollectionTable = new OptionTable<GarbageCollectionOptions>({
  intervalMs: option.timerMs,
  maxDeadContainers: option.number(0),
});

/** When unused images are removed. */
export interface ImageGarbageCollectionOptions {
  /**
   * The usage of the images' file system from which on images are removed, in percent: `imageGCHighThresholdPercent` of the kubelet. 100
   * removes none for their space.
   * @default 85
   */
  readonly highPercent?: number | undefined;
  /**
   * The usage to which images are removed, in percent: `imageGCLowThresholdPercent` of the kubelet. At most `highPercent`.
   * @default 80
   */
  readonly lowPercent?: number | undefined;
  /**
   * The time since an image was first seen before which it is kept, in milliseconds: `imageMinimumGCAge` of the kubelet.
   * @default 120_000
   */
  readonly minAgeMs?: number | undefined;
  /**
   * The time since its last use after which an image is removed even if there is space: `imageMaximumGCAge` of the kubelet.
   * @default Infinity
   */
  readonly maxAgeMs?: number | undefined;
  /**
   * The interval between two collections, in milliseconds.
   * @default 300_000
   */
  readonly intervalMs?: number | undefined;
}

/** The options of {@link ImageGarbageCollectionOptions}. */
export const imageGarbageCollectionTable = new OptionTable<ImageGarbageCollectionOptions>({
  highPercent: option.number(0, 100),
  lowPercent: option.number(0, 100),
  minAgeMs: option.milliseconds,
  maxAgeMs: option.milliseconds,
  intervalMs: option.timerMs,
});
