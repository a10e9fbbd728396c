import type { ImageClient, Lists, RuntimeClient } from "../clients/index.js";
import { bounded, type CallOptions, stoppedError } from "../core/index.js";
import { type ImageNames, ImagesInUse, sandboxImage } from "./in-use.js";
import { type NodeImage, nodeImage } from "./node-image.js";
import { removeWhole } from "./remove.js";
import { type ImageSelection, selects } from "./selection.js";

/** How a node is cleaned of images. */
export interface PruneOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {
  /**
   * Images that stay, though nothing uses them.
   * @default none
   */
  readonly keep?: ImageSelection | undefined;
  /**
   * Only tell what would be removed.
   * @default false
   */
  readonly dryRun?: boolean | undefined;
}

/** An image that stays, and why. */
export interface KeptImage {
  readonly image: NodeImage;
  /** `pinned` by the runtime, `in_use` by a container that exists, as its own or mounted, the `sandbox` image, or `keep` of the caller. */
  readonly because: "pinned" | "in_use" | "sandbox" | "keep";
}

/** What became of the images of a node. */
export interface PruneResult {
  /** Whether nothing was touched. */
  readonly dryRun: boolean;
  /** What went, or would go. */
  readonly removed: readonly NodeImage[];
  /** What should have gone, and why it did not. */
  readonly failed: readonly { readonly image: NodeImage; readonly error: unknown }[];
  readonly kept: readonly KeptImage[];
  /** The sizes of what went, together. Layers that images share are counted for each; the disk follows later. */
  readonly removedBytes: bigint;
}

interface PruneParts {
  readonly image: ImageClient;
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
}

/** Removes what nothing uses. One image that cannot be removed does not keep the others. */
export async function pruneImages(parts: PruneParts, options: PruneOptions): Promise<PruneResult> {
  const { keep = [], dryRun = false } = options;
  const keeps = selects(keep, "keep");
  return await bounded(options, async (signal) => {
    const images = (await parts.lists.images({}, { signal }).collect()).map(nodeImage);
    const isSandbox = await sandboxImage(parts.runtime, signal);
    const wanted = new Set(images.filter((image) => keeps(image)));
    const reason = (image: NodeImage, used: ImageNames): KeptImage["because"] | undefined => {
      if (image.pinned) return "pinned";
      if (isSandbox(image)) return "sandbox";
      return used.mean(image) ? "in_use" : wanted.has(image) ? "keep" : undefined;
    };
    const removed: NodeImage[] = [];
    const failed: { image: NodeImage; error: unknown }[] = [];
    const kept: KeptImage[] = [];
    const inUse = new ImagesInUse(parts);
    let used = await inUse.look(signal);
    for (const image of images) {
      // Looked at anew before each removal: a container may have been created since.
      if (!dryRun && !reason(image, used)) used = await inUse.look(signal);
      const because = reason(image, used);
      if (because) kept.push({ image, because });
      else if (dryRun) removed.push(image);
      else
        try {
          await removeWhole(parts.image, image, signal);
          removed.push(image);
        } catch (error) {
          if (signal.aborted) throw stoppedError(signal);
          failed.push({ image, error });
        }
    }
    const removedBytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0n);
    return { dryRun, removed, failed, kept, removedBytes };
  });
}
