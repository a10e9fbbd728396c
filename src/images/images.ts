import type { ImageClient, Lists, RuntimeClient } from "../clients/index.js";
import {
  type CallOptions,
  callOptionsTable,
  checkArgument,
  checkTimeout,
  countdown,
  criError,
  OptionTable,
  option,
  withDeadline,
} from "../core/index.js";
import type { ImageAuth } from "./auth/source.js";
import { idDigits, isIdOnly, requestName, shortIdDigits } from "./names.js";
import { type ImageFsInfo, type NodeImage, nodeImage, readFsInfo } from "./node-image.js";
import {
  defaultPullPolicy,
  type EnsureImageOptions,
  ensureImageTable,
  type GetImageOptions,
  getImageTable,
  type ImageSpecOptions,
  type PullOptions,
  pullTable,
} from "./options.js";
import { imageMissing, Puller } from "./puller.js";
import {
  type PruneOptions,
  type PruneResult,
  pruneImages,
  pruneTable,
  type RemovedImage,
  type RemoveImageOptions,
  removeImage,
  removeImageTable,
} from "./removal.js";
import { type ImageSelection, selectionCheck, selectionFilter } from "./selection.js";

/** The clients that {@link Images} are built on. */
export interface ImagesParts {
  readonly image: ImageClient;
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
  /** The credentials of calls without `auth`. */
  readonly auth?: ImageAuth | undefined;
  /** Fires when the client is closed. */
  readonly closing: AbortSignal;
}

/** Options of {@link Images.list}. */
export interface ListImagesOptions extends CallOptions {
  /**
   * The images to return.
   * @default all
   */
  readonly only?: ImageSelection | undefined;
}

const listImagesTable = new OptionTable<ListImagesOptions>({
  ...callOptionsTable.checks,
  only: selectionCheck,
});

/** The images of a node: `cri.images`. */
export class Images {
  readonly #parts: ImagesParts;
  readonly #puller: Puller;

  /** Called by `connect()`. */
  constructor(parts: ImagesParts) {
    this.#parts = parts;
    this.#puller = new Puller(parts.image);
  }

  /**
   * Returns the images on the node, in no particular order. The selection is applied on this side, since containerd ignores filters.
   *
   * Rejects with {@link CriError} `invalid_option`, and with the errors of ListImages.
   */
  async list(options: ListImagesOptions = {}): Promise<NodeImage[]> {
    listImagesTable.check("images.list", options);
    const { only, ...callOptions } = options;
    const isSelected = only === undefined ? () => true : selectionFilter(only, "only");
    const messages = await this.#parts.lists.images({}, callOptions).collect();
    return messages.map(nodeImage).filter((image) => isSelected(image));
  }

  /**
   * Returns the image with a name or an id (64 hex digits, or at least the first 12, with or without `sha256:`); undefined when it is
   * not on the node. A name takes precedence over a shortened id.
   *
   * Rejects with {@link CriError} `invalid_image_reference`, `ambiguous_id` for a shortened id of several images, and with the errors of
   * ImageStatus and ListImages.
   */
  async get(image: string, options: GetImageOptions = {}): Promise<NodeImage | undefined> {
    checkArgument("images.get", "image", image, option.string);
    getImageTable.check("images.get", options);
    const { runtimeHandler, annotations, ...callOptions } = options;
    return await this.#find(image, { runtimeHandler, annotations }, callOptions);
  }

  /**
   * Ensures that an image is on the node, according to the policy, and returns it. An id cannot be pulled: it is only looked up,
   * regardless of the policy. 12 to 63 hex digits without `sha256:` are pulled as a name if no image has such an id. Concurrent pulls of one image with the same credentials are one PullImage call, which is canceled only
   * when all callers have stopped waiting.
   *
   * Rejects with {@link CriError}: `image_missing`, `registry_denied`, `registry_unavailable`, `signature_invalid`,
   * `credentials_failed`, `invalid_image_reference`, `ambiguous_id`, `invalid_option`, `pull_stalled`, `aborted_by_caller`, `deadline`,
   * and with the errors of ImageStatus and PullImage.
   */
  async ensure(image: string, options: EnsureImageOptions = {}): Promise<NodeImage> {
    checkArgument("images.ensure", "image", image, option.string);
    ensureImageTable.check("images.ensure", options);
    const { policy = defaultPullPolicy(image), auth = this.#parts.auth } = options;
    const name = requestName(image);
    const isId = isIdOnly(image);
    return await withDeadline(
      options,
      async (signal) => {
        const always = policy === "Always" && !isId;
        const present = always ? undefined : await this.#puller.find(name, options, { signal });
        const found = present ?? (await this.#findByShortId(image, options, { signal }, always));
        if (found) return found;
        if (isId) throw imageMissing(image, "Pass the image's name: an image cannot be pulled by its id");
        if (policy === "Never")
          throw imageMissing(image, 'Pull the image first, or pass another `policy` than "Never"');
        return await this.#puller.pull(name, always, { ...options, auth }, signal);
      },
      this.#parts.closing,
    );
  }

  /** Pulls an image even if it is on the node: {@link Images.ensure} with the policy `Always`. */
  async pull(image: string, options: PullOptions = {}): Promise<NodeImage> {
    checkArgument("images.pull", "image", image, option.string);
    pullTable.check("images.pull", options);
    return await this.ensure(image, { ...options, policy: "Always" });
  }

  /**
   * Removes an image with all of its names, given by any name or by its id, also a shortened one. Returns the removed image, or undefined when it was not on
   * the node. containerd also removes the image of a running container, which continues to run; CRI-O refuses that.
   *
   * Rejects with {@link CriError} `invalid_image_reference`, `ambiguous_id`, and with the errors of ImageStatus, ListImages and
   * RemoveImage.
   */
  async remove(image: string, options: RemoveImageOptions = {}): Promise<RemovedImage | undefined> {
    checkArgument("images.remove", "image", image, option.string);
    removeImageTable.check("images.remove", options);
    // Throws for an invalid name before the deadline starts.
    requestName(image);
    const find = (signal: AbortSignal) => this.#find(image, options, { signal });
    return await removeImage(this.#parts, find, image, options);
  }

  /**
   * Removes all images that are unused: no container in any state was created from them or mounts them, and they are not pinned, not the
   * sandbox image, and not selected by `keep`. An image that was pulled for a container that is not created yet is unused.
   *
   * Rejects with {@link CriError} `invalid_option`, `aborted_by_caller`, `deadline`, and with the errors of lists. The errors of
   * RemoveImage are in `failed`.
   */
  async prune(options: PruneOptions = {}): Promise<PruneResult> {
    pruneTable.check("images.prune", options);
    return await pruneImages(this.#parts, options);
  }

  /** Returns the disk usage of images. Rejects with the errors of ImageFsInfo. */
  async fsInfo(options?: CallOptions): Promise<ImageFsInfo> {
    callOptionsTable.check("images.fsInfo", options);
    return await readFsInfo(this.#parts.image, options);
  }

  /** Finds an image by a name, an id or a shortened id, within one deadline. */
  async #find(image: string, spec: ImageSpecOptions, options: CallOptions): Promise<NodeImage | undefined> {
    const left = countdown(checkTimeout(options.timeoutMs));
    const limited = () => ({ ...options, timeoutMs: left() ?? options.timeoutMs });
    const found = await this.#puller.find(requestName(image), spec, limited());
    return found ?? (await this.#findByShortId(image, spec, limited()));
  }

  /**
   * Finds an image by a shortened id on this side, since runtimes differ: containerd looks for an id after a name, CRI-O before it, and
   * neither for one that is sent with a tag.
   *
   * @param unlessNamed whether an image with this name on the node makes the text a name
   */
  async #findByShortId(
    image: string,
    spec: ImageSpecOptions,
    options: CallOptions,
    unlessNamed = false,
  ): Promise<NodeImage | undefined> {
    const prefix = shortIdDigits(image);
    if (prefix === undefined) return undefined;
    if (unlessNamed && (await this.#puller.find(requestName(image), spec, options))) return undefined;
    const listed = await this.#parts.lists.images({}, options).collect();
    const ids = new Set(listed.map(({ id }) => idDigits(id) ?? id).filter((id) => id.startsWith(prefix)));
    const [id] = ids;
    if (id === undefined) return undefined;
    if (ids.size === 1) return await this.#puller.find(id, spec, options);
    throw criError(
      "ambiguous_id",
      `${ids.size} images have an id that begins with ${JSON.stringify(image)}`,
      {
        hint: `Pass more digits of one of these ids: ${[...ids].slice(0, 5).join(", ")}`,
      },
    );
  }
}
