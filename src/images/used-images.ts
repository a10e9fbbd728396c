import type { Lists, RuntimeClient } from "../clients/index.js";
import { isCriError } from "../core/index.js";
import { ImageNameSet } from "./names.js";

/** Finds the images that the containers of a node use. */
export class UsedImages {
  readonly #lists: Lists;
  readonly #runtime: RuntimeClient;
  /** The image mounts of each container, which are immutable. */
  #mounts = new Map<string, readonly string[]>();

  constructor({ lists, runtime }: { readonly lists: Lists; readonly runtime: RuntimeClient }) {
    this.#lists = lists;
    this.#runtime = runtime;
  }

  /**
   * Returns the current images of all containers in any state, and the images that they mount. The image is in different fields:
   * containerd has the id in `image_ref`; CRI-O has the digest there, and the id in `image_id`. All of them count.
   */
  async list(signal: AbortSignal): Promise<ImageNameSet> {
    const used = new ImageNameSet();
    const containers = await this.#lists.containers({}, { signal }).collect();
    const mounts = new Map<string, readonly string[]>();
    for (const { id, image, imageRef, imageId } of containers) {
      for (const name of [imageId, imageRef, image?.image ?? "", image?.userSpecifiedImage ?? ""])
        used.add(name);
      mounts.set(id, this.#mounts.get(id) ?? (await this.#mountsOf(id, signal)));
    }
    this.#mounts = mounts;
    for (const names of mounts.values()) for (const name of names) used.add(name);
    return used;
  }

  async #mountsOf(containerId: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      const { status } = await this.#runtime.containerStatus({ containerId }, { signal });
      return (status?.mounts ?? []).flatMap(({ image }) => (image ? [image.image] : []));
    } catch (error) {
      // The container was removed after it was listed.
      if (isCriError(error) && error.reason === "object_missing") return [];
      throw error;
    }
  }
}
