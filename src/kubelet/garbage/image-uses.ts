import type { NodeImage } from "../../images/index.js";

/** An image, with what is known of its use. */
export interface ImageUse {
  readonly image: NodeImage;
  /** When it was first seen; -Infinity for an image that was there when the kubelet started. */
  readonly firstSeenMs: number;
  /** When it was seen in use last; -Infinity for an image that was never seen in use. */
  readonly lastUsedMs: number;
}

/** When the images of a node were seen first, and when they were in use last. Times are milliseconds on one clock. */
export class ImageUses {
  #known = new Map<string, ImageUse>();
  #isFirst = true;

  /** Takes what the runtime has now: images that are in use, and those that are not. Forgets all others. */
  update(nowMs: number, used: readonly NodeImage[], unused: readonly NodeImage[]): void {
    const before = this.#known;
    this.#known = new Map();
    const firstSeenMs = this.#isFirst ? Number.NEGATIVE_INFINITY : nowMs;
    for (const [images, isUsed] of [
      [used, true],
      [unused, false],
    ] as const)
      for (const image of images) {
        const known = before.get(image.id) ?? { firstSeenMs, lastUsedMs: Number.NEGATIVE_INFINITY };
        this.#known.set(image.id, { ...known, image, ...(isUsed ? { lastUsedMs: nowMs } : {}) });
      }
    this.#isFirst = false;
  }

  /** Returns what is known of images, least recently used first. */
  leastRecentlyUsed(images: readonly NodeImage[]): readonly ImageUse[] {
    return images
      .flatMap(({ id }) => this.#known.get(id) ?? [])
      .sort(
        (one, other) =>
          compare(one.lastUsedMs, other.lastUsedMs) || compare(one.firstSeenMs, other.firstSeenMs),
      );
  }
}

/** Infinite times cannot be subtracted. */
function compare(one: number, other: number): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
