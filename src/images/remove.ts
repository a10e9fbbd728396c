import type { ImageClient } from "../clients/index.js";
import { bounded, type CallOptions, readReference } from "../core/index.js";
import { idDigits, normalizeReference } from "./names.js";
import type { NodeImage } from "./node-image.js";
import { type ImageSpecOptions, specOf } from "./options.js";

/** How an image is removed. */
export interface RemoveImageOptions extends Pick<CallOptions, "signal" | "timeoutMs">, ImageSpecOptions {
  /**
   * Only tell what would go.
   * @default false
   */
  readonly dryRun?: boolean | undefined;
}

/** An image that went, or would go. */
export interface RemovedImage {
  /** As it was. */
  readonly image: NodeImage;
  /** Its other names with a tag, which go along with the one that was given; all of them where an id was given. */
  readonly alsoNames: readonly string[];
}

/**
 * Removes an image by its id, so that it goes with all of its names on every runtime; by a name, CRI-O would take only that name
 * away.
 */
export async function removeImage(
  client: ImageClient,
  find: (signal: AbortSignal) => Promise<NodeImage | undefined>,
  named: string,
  options: RemoveImageOptions,
): Promise<RemovedImage | undefined> {
  return await bounded(options, async (signal) => {
    const image = await find(signal);
    if (!image) return undefined;
    if (!options.dryRun) await removeWhole(client, image, signal, options);
    const name = readReference(named) ? normalizeReference(named) : "";
    return { image, alsoNames: image.names.filter((other) => other !== name) };
  });
}

/** RemoveImage by the digits of the id. */
export async function removeWhole(
  client: ImageClient,
  { id }: NodeImage,
  signal: AbortSignal,
  more: ImageSpecOptions = {},
): Promise<void> {
  await client.removeImage({ image: specOf(idDigits(id) ?? id, more) }, { signal });
}
