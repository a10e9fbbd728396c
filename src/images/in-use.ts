import type { Lists, RuntimeClient } from "../clients/index.js";
import { readReference } from "../core/index.js";
import { idDigits, normalizeReference } from "./names.js";
import type { NodeImage } from "./node-image.js";

/** Names and ids of images, in whichever form a runtime has them. */
export class ImageNames {
  readonly #names = new Set<string>();

  add(name: string): void {
    if (name === "") return;
    const id = idDigits(name);
    this.#names.add(id ?? (readReference(name) ? normalizeReference(name) : name));
  }

  /** Whether one of them means this image. */
  mean({ id, names, digests }: NodeImage): boolean {
    return [idDigits(id) ?? id, ...names, ...digests].some((name) => this.#names.has(name));
  }
}

/**
 * The images of all containers, running or not. Runtimes tell them in different fields: containerd the id as `image_ref`, CRI-O
 * the digest, and the id as `image_id`; every one of them counts.
 */
export async function imagesOfContainers(lists: Lists, signal: AbortSignal): Promise<ImageNames> {
  const used = new ImageNames();
  for (const { image, imageRef, imageId } of await lists.containers({}, { signal }).collect())
    for (const name of [imageId, imageRef, image?.image ?? "", image?.userSpecifiedImage ?? ""])
      used.add(name);
  return used;
}

/**
 * The image that pods run on, as the runtime's own configuration has it: containerd 1.6 does not pin it. Of a runtime that tells
 * nothing, every image whose name ends with `/pause` may be it.
 */
export async function sandboxImage(
  runtime: RuntimeClient,
  signal: AbortSignal,
): Promise<(image: NodeImage) => boolean> {
  const { info } = await runtime.status({ verbose: true }, { signal });
  const told = configured(info.config ?? "");
  if (told === undefined)
    return ({ names, digests }) =>
      [...names, ...digests].some((name) => /\/pause[:@]/.test(name) || /^pause[:@]/.test(name));
  const names = new ImageNames();
  names.add(told);
  return (image) => names.mean(image);
}

/** `sandboxImage` of containerd up to 1.7, `pinnedImages.sandbox` of later ones. */
function configured(config: string): string | undefined {
  try {
    const { sandboxImage, pinnedImages } = JSON.parse(config) ?? {};
    const image: unknown = sandboxImage ?? pinnedImages?.sandbox;
    return typeof image === "string" && image !== "" ? image : undefined;
  } catch {
    return undefined;
  }
}
