import type { ImageClient, Lists, RuntimeClient } from "../clients/index.js";
import {
  abortError,
  type CallOptions,
  OptionTable,
  option,
  tryParseReference,
  withDeadline,
  withJson,
} from "../core/index.js";
import { type ImageNameSet, idDigits, normalizeReference } from "./names.js";
import { type NodeImage, nodeImage } from "./node-image.js";
import { type ImageSpecOptions, imageSpec, imageSpecTable } from "./options.js";
import { sandboxImageFilter } from "./sandbox-image.js";
import { type ImageSelection, selectionCheck, selectionFilter } from "./selection.js";
import { UsedImages } from "./used-images.js";

/** Options of {@link Images.remove}. */
export interface RemoveImageOptions extends Pick<CallOptions, "signal" | "timeoutMs">, ImageSpecOptions {
  /**
   * Only returns what would be removed.
   * @default false
   */
  readonly dryRun?: boolean | undefined;
}

/** The options of {@link RemoveImageOptions}. */
export const removeImageTable = new OptionTable<RemoveImageOptions>({
  ...imageSpecTable.checks,
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  dryRun: option.boolean,
});

/** An image that was removed, or would be. */
export interface RemovedImage {
  /** The image before its removal. */
  readonly image: NodeImage;
  /** The image's other names with a tag, which are removed, too; all names if the image was given by its id. */
  readonly otherNames: readonly string[];
}

/** Options of {@link Images.prune}. */
export interface PruneOptions extends Pick<CallOptions, "signal" | "timeoutMs"> {
  /**
   * Images to keep even if they are unused.
   * @default none
   */
  readonly keep?: ImageSelection | undefined;
  /**
   * Only returns what would be removed.
   * @default false
   */
  readonly dryRun?: boolean | undefined;
}

/** The options of {@link PruneOptions}. */
export const pruneTable = new OptionTable<PruneOptions>({
  signal: option.signal,
  timeoutMs: option.timeoutMs,
  keep: selectionCheck,
  dryRun: option.boolean,
});

/** An image that was kept. */
export interface KeptImage {
  /** The image. */
  readonly image: NodeImage;
  /**
   * `pinned`: by the runtime. `in_use`: a container in any state was created from it, or mounts it. `sandbox`: the sandbox image.
   * `keep`: selected by the option.
   */
  readonly reason: "pinned" | "in_use" | "sandbox" | "keep";
}

/** The result of {@link Images.prune}. */
export interface PruneResult {
  /** Whether this was a dry run: nothing was removed. */
  readonly dryRun: boolean;
  /** The images that were removed, or would be. */
  readonly removed: readonly NodeImage[];
  /** The images whose removal failed. */
  readonly failed: readonly {
    /** The image. */
    readonly image: NodeImage;
    /** Why it could not be removed. */
    readonly error: unknown;
  }[];
  /** The images that were kept, with the reason. */
  readonly kept: readonly KeptImage[];
  /** The sum of the sizes of `removed`. Shared layers count once per image, and the disk space may be freed later. */
  readonly removedBytes: bigint;
}

interface RemovalParts {
  readonly image: ImageClient;
  /** Fires when the client is closed. */
  readonly closing: AbortSignal;
}

/**
 * Removes an image by its id, and thereby all of its names on every runtime; by a name, CRI-O would remove only that name. Resolves with
 * undefined when `find` does.
 */
export async function removeImage(
  { image: client, closing }: RemovalParts,
  find: (signal: AbortSignal) => Promise<NodeImage | undefined>,
  requested: string,
  options: RemoveImageOptions,
): Promise<RemovedImage | undefined> {
  return await withDeadline(
    options,
    async (signal) => {
      const image = await find(signal);
      if (!image) return undefined;
      if (!options.dryRun) await removeById(client, image, signal, options);
      const name = tryParseReference(requested) ? normalizeReference(requested) : "";
      return { image, otherNames: image.names.filter((other) => other !== name) };
    },
    closing,
  );
}

/** Removes all unused images. A failed removal does not end the others. */
export async function pruneImages(
  parts: RemovalParts & { readonly runtime: RuntimeClient; readonly lists: Lists },
  options: PruneOptions,
): Promise<PruneResult> {
  const { keep = [], dryRun = false } = options;
  const isSelected = selectionFilter(keep, "keep");
  return await withDeadline(
    options,
    async (signal) => {
      const images = (await parts.lists.images({}, { signal }).collect()).map(nodeImage);
      const isSandboxImage = await sandboxImageFilter(parts.runtime, signal);
      const selected = new Set(images.filter((image) => isSelected(image)));
      const reasonToKeep = (image: NodeImage, used: ImageNameSet): KeptImage["reason"] | undefined => {
        if (image.pinned) return "pinned";
        if (isSandboxImage(image)) return "sandbox";
        return used.includes(image) ? "in_use" : selected.has(image) ? "keep" : undefined;
      };
      const removed: NodeImage[] = [];
      const failed: { image: NodeImage; error: unknown }[] = [];
      const kept: KeptImage[] = [];
      const usedImages = new UsedImages(parts);
      let used = await usedImages.list(signal);
      for (const image of images) {
        // Lists the containers again before each removal: one may have been created since.
        if (!dryRun && !reasonToKeep(image, used)) used = await usedImages.list(signal);
        const reason = reasonToKeep(image, used);
        if (reason) kept.push({ image, reason });
        else if (dryRun) removed.push(image);
        else
          try {
            await removeById(parts.image, image, signal);
            removed.push(image);
          } catch (error) {
            if (signal.aborted) throw abortError(signal);
            failed.push({ image, error });
          }
      }
      const removedBytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0n);
      return withJson({ dryRun, removed, failed, kept, removedBytes });
    },
    parts.closing,
  );
}

async function removeById(
  client: ImageClient,
  { id }: NodeImage,
  signal: AbortSignal,
  options: ImageSpecOptions = {},
): Promise<void> {
  await client.removeImage({ image: imageSpec(idDigits(id) ?? id, options) }, { signal });
}
