import type { Lists, RuntimeClient } from "../clients/index.js";
import { isCriError, readReference } from "../core/index.js";
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

/** What the containers of a node need of its images, looked at as often as one wants to know. */
export class ImagesInUse {
  readonly #lists: Lists;
  readonly #runtime: RuntimeClient;
  /** What each container mounts, which never changes. */
  #mounted = new Map<string, readonly string[]>();

  constructor({ lists, runtime }: { readonly lists: Lists; readonly runtime: RuntimeClient }) {
    this.#lists = lists;
    this.#runtime = runtime;
  }

  /**
   * The images of all containers, running or not, and those that they mount. Runtimes tell the first in different fields:
   * containerd the id as `image_ref`, CRI-O the digest, and the id as `image_id`; every one of them counts.
   */
  async look(signal: AbortSignal): Promise<ImageNames> {
    const used = new ImageNames();
    const containers = await this.#lists.containers({}, { signal }).collect();
    const mounted = new Map<string, readonly string[]>();
    for (const { id, image, imageRef, imageId } of containers) {
      for (const name of [imageId, imageRef, image?.image ?? "", image?.userSpecifiedImage ?? ""])
        used.add(name);
      mounted.set(id, this.#mounted.get(id) ?? (await this.#mountedBy(id, signal)));
    }
    this.#mounted = mounted;
    for (const names of mounted.values()) for (const name of names) used.add(name);
    return used;
  }

  async #mountedBy(containerId: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      const { status } = await this.#runtime.containerStatus({ containerId }, { signal });
      return (status?.mounts ?? []).flatMap(({ image }) => (image ? [image.image] : []));
    } catch (error) {
      // One that is gone meanwhile mounts nothing.
      if (isCriError(error) && error.reason === "object_missing") return [];
      throw error;
    }
  }
}

/**
 * The image that pods run on, as the runtime's own configuration has it: containerd 1.6 does not pin it. Every image whose name
 * ends with `/pause` may be it, too: of a runtime that tells nothing, and of pods from before a configuration was changed.
 */
export async function sandboxImage(
  runtime: RuntimeClient,
  signal: AbortSignal,
): Promise<(image: NodeImage) => boolean> {
  const { info } = await runtime.status({ verbose: true }, { signal });
  const told = configured(info.config ?? "");
  const names = new ImageNames();
  names.add(told ?? "");
  return (image) =>
    names.mean(image) || [...image.names, ...image.digests].some((name) => /(?:^|\/)pause[:@]/.test(name));
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
