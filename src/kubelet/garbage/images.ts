import { invalidOption, raceAbort, tryParseReference } from "../../core/index.js";
import type { Cri } from "../../cri.js";
import { type NodeImage, normalizeReference } from "../../images/index.js";
import { steadyMs } from "../../kubernetes/index.js";
import { type DiskSpace, type MeasureDisk, measureDisk } from "../disk-space.js";
import { recordNodeWarning } from "../event-objects.js";
import type { KubeletLoop, KubeletView } from "../kubelet-view.js";
import { collectAgain } from "./collect-again.js";
import { type ImageUse, ImageUses } from "./image-uses.js";
import type { ImageGarbageCollectionOptions } from "./options.js";

/** What {@link ImageGarbageCollection} uses. */
export interface ImageGarbageParts {
  readonly view: Pick<KubeletView, "clock" | "pods" | "record" | "nodeName"> & {
    readonly cri: { readonly images: Pick<Cri["images"], "prune" | "fsInfo"> };
  };
  /** @default {@link measureDisk} */
  readonly measureDisk?: MeasureDisk | undefined;
}

/**
 * Removes unused images when their file system is nearly full, or when they have not been used for long. Images that a container in any state
 * has, that a Pod which has not ended names, pinned ones and that of sandboxes are kept.
 */
export class ImageGarbageCollection implements KubeletLoop {
  readonly #parts: ImageGarbageParts;
  readonly #options: Required<{ readonly [K in keyof ImageGarbageCollectionOptions]: number }>;
  readonly #uses = new ImageUses();
  readonly #startedMs: number;

  /** Throws `invalid_option` when `lowPercent` is above `highPercent`. */
  constructor(parts: ImageGarbageParts, options: ImageGarbageCollectionOptions = {}) {
    const {
      highPercent = 85,
      lowPercent = 80,
      minAgeMs = 120_000,
      maxAgeMs = Number.POSITIVE_INFINITY,
      intervalMs = 300_000,
    } = options;
    if (lowPercent > highPercent)
      throw invalidOption("lowPercent", lowPercent, `must be at most highPercent, which is ${highPercent}`);
    this.#parts = parts;
    this.#options = { highPercent, lowPercent, minAgeMs, maxAgeMs, intervalMs };
    this.#startedMs = steadyMs(parts.view.clock);
  }

  async run(signal: AbortSignal): Promise<void> {
    // The first images are those that were there before.
    await this.#findUnused(signal).catch(() => undefined);
    const collect = (aborted: AbortSignal) => this.collect(aborted);
    const loop = { intervalMs: this.#options.intervalMs, failureReason: "ImageGCFailed", collect };
    await collectAgain(this.#parts.view, loop, signal);
  }

  /** Collects once, by the thresholds. Rejects when the runtime does not answer, and when not enough could be removed. */
  async collect(signal: AbortSignal): Promise<void> {
    const { view } = this.#parts;
    const nowMs = steadyMs(view.clock);
    const unused = await this.#findUnused(signal);
    const old = unused.filter((use) => this.#isTooOld(use, nowMs));
    await this.#remove(old, signal);
    const space = await this.#imageSpace(signal);
    if (!space) return;
    if (space.capacityBytes === 0n) {
      const message = "invalid capacity 0 on image filesystem";
      recordNodeWarning(view, "InvalidDiskCapacity", message);
      throw new Error(message);
    }
    const { highPercent, lowPercent } = this.#options;
    if (highPercent === 100 || usedPercent(space) < highPercent) return;
    const wantedBytes = percentOf(space.capacityBytes, 100 - lowPercent) - space.availableBytes;
    const freedBytes = await this.#free(wantedBytes, await this.#findUnused(signal), signal);
    if (freedBytes >= wantedBytes) return;
    const message =
      "Failed to garbage collect required amount of images. " +
      `Attempted to free ${wantedBytes} bytes, but only found ${freedBytes} bytes eligible to free.`;
    recordNodeWarning(view, "FreeDiskSpaceFailed", message);
    throw new Error(message);
  }

  /** Removes all unused images that are older than `minAgeMs`: an eviction needs space. Resolves with the bytes of what was removed. */
  async removeUnused(signal: AbortSignal): Promise<bigint> {
    return await this.#remove(this.#removable(await this.#findUnused(signal)), signal);
  }

  /** Returns the images that may be removed, least recently used first, and notes which are in use. */
  async #findUnused(signal: AbortSignal): Promise<readonly ImageUse[]> {
    const { view } = this.#parts;
    const isNamed = this.#namedByPods();
    const { removed, kept } = await view.cri.images.prune({ dryRun: true, keep: isNamed, signal });
    this.#uses.update(
      steadyMs(view.clock),
      kept.map(({ image }) => image),
      removed,
    );
    return this.#uses.leastRecentlyUsed(removed);
  }

  #removable(uses: readonly ImageUse[]): readonly ImageUse[] {
    const nowMs = steadyMs(this.#parts.view.clock);
    return uses.filter(({ firstSeenMs }) => nowMs - firstSeenMs >= this.#options.minAgeMs);
  }

  /** The time before this kubelet started is unknown. */
  #isTooOld({ lastUsedMs, firstSeenMs }: ImageUse, nowMs: number): boolean {
    return nowMs - Math.max(lastUsedMs, firstSeenMs, this.#startedMs) > this.#options.maxAgeMs;
  }

  /** Removes images in their order until this much is freed. One that cannot be removed is skipped. */
  async #free(wantedBytes: bigint, uses: readonly ImageUse[], signal: AbortSignal): Promise<bigint> {
    let freedBytes = 0n;
    for (const use of this.#removable(uses)) {
      if (freedBytes >= wantedBytes) break;
      freedBytes += await this.#remove([use], signal);
    }
    return freedBytes;
  }

  /** Removes these images, unless they are in use by now. */
  async #remove(uses: readonly ImageUse[], signal: AbortSignal): Promise<bigint> {
    if (uses.length === 0) return 0n;
    const ids = new Set(uses.map(({ image }) => image.id));
    const isNamed = this.#namedByPods();
    const keep = (image: NodeImage) => !ids.has(image.id) || isNamed(image);
    const { removedBytes } = await this.#parts.view.cri.images.prune({ keep, signal });
    return removedBytes;
  }

  /** Returns whether a Pod that has not ended names an image: it may be about to create a container of it. */
  #namedByPods(): (image: NodeImage) => boolean {
    const names = new Set<string>();
    for (const { pod, state } of this.#parts.view.pods()) {
      if (state === "ended" || state === "rejected") continue;
      const { containers, initContainers, ephemeralContainers = [], volumes = [] } = pod.spec;
      const ofContainers = [...containers, ...initContainers, ...ephemeralContainers].map(
        ({ image }) => image,
      );
      const ofVolumes = volumes.map(({ image }) => image?.reference);
      for (const name of [...ofContainers, ...ofVolumes])
        if (name) names.add(tryParseReference(name) ? normalizeReference(name) : name);
    }
    return ({ id, names: tags, digests }) => [id, ...tags, ...digests].some((name) => names.has(name));
  }

  /** Returns the space of the images' file system; undefined where this host does not see it. */
  async #imageSpace(signal: AbortSignal): Promise<DiskSpace | undefined> {
    const { view, measureDisk: measure = measureDisk } = this.#parts;
    const { images } = await view.cri.images.fsInfo({ signal });
    const mountpoint = images[0]?.mountpoint ?? "";
    return mountpoint === "" ? undefined : await raceAbort(measure(mountpoint), signal);
  }
}

/** Returns the used share as the kubelet rounds it: what is available is rounded down. */
function usedPercent({ capacityBytes, availableBytes }: DiskSpace): number {
  const available = availableBytes > capacityBytes ? capacityBytes : availableBytes;
  return 100 - Number((available * 100n) / capacityBytes);
}

function percentOf(bytes: bigint, percent: number): bigint {
  return (bytes * BigInt(Math.round(percent * 100))) / 10_000n;
}
