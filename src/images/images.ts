import type { ImageClient, Lists, RuntimeClient } from "../clients/index.js";
import { bounded, type CallOptions, invalidOption } from "../core/index.js";
import type { ImageAuth } from "./auth/source.js";
import { type ImageFsInfo, readFsInfo } from "./fs-info.js";
import { idDigits, sentName } from "./names.js";
import { type NodeImage, nodeImage } from "./node-image.js";
import type { EnsureImageOptions, GetImageOptions, PullOptions } from "./options.js";
import { defaultPullPolicy, type PullPolicy } from "./policy.js";
import { type PruneOptions, type PruneResult, pruneImages } from "./prune.js";
import { missing, Puller } from "./puller.js";
import { type RemovedImage, type RemoveImageOptions, removeImage } from "./remove.js";
import { type ImageSelection, selects } from "./selection.js";
import { checkWatch } from "./watch.js";

/** What {@link Images} are built on. */
export interface ImagesParts {
  readonly image: ImageClient;
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
  /** Credentials for calls that say nothing of them. */
  readonly auth?: ImageAuth | undefined;
}

/** Which images are listed. */
export interface ListImagesOptions extends CallOptions {
  /**
   * Only these.
   * @default all
   */
  readonly only?: ImageSelection | undefined;
}

const policies: readonly PullPolicy[] = ["Always", "IfNotPresent", "Never"];

/** The images of a node, and getting them there. `cri.images`. */
export class Images {
  readonly #parts: ImagesParts;
  readonly #puller: Puller;

  /** @internal Made by `connect()`. */
  constructor(parts: ImagesParts) {
    this.#parts = parts;
    this.#puller = new Puller(parts.image);
  }

  /**
   * The images on the node, in no certain order. The selection is made here, since containerd ignores filters.
   *
   * Rejects with {@link CriError} `invalid_option`, and what ListImages answers.
   */
  async list({ only, ...options }: ListImagesOptions = {}): Promise<NodeImage[]> {
    const wanted = only === undefined ? () => true : selects(only, "only");
    const messages = await this.#parts.lists.images({}, options).collect();
    return messages.map(nodeImage).filter((image) => wanted(image));
  }

  /**
   * The image of a name or of an id (64 hex digits, also after `sha256:`); undefined when it is not on the node.
   *
   * Rejects with {@link CriError} `invalid_image_reference`, and what ImageStatus answers.
   */
  async get(image: string, options: GetImageOptions = {}): Promise<NodeImage | undefined> {
    return await this.#puller.find(sentName(image), options, options);
  }

  /**
   * Makes sure that an image is on the node, by the policy, and gives it. An id cannot be pulled: it is looked up, whatever
   * the policy. Pulls of one image at the same time, with the same credentials, are one; it ends early only when all who
   * wait for it have gone.
   *
   * Rejects with {@link CriError}: `image_missing`, `registry_denied`, `registry_unavailable`, `signature_invalid`,
   * `credentials_failed`, `invalid_image_reference`, `invalid_option`, `pull_stalled`, `aborted_by_caller`, `deadline`,
   * and what the runtime answers.
   */
  async ensure(image: string, options: EnsureImageOptions = {}): Promise<NodeImage> {
    const { policy = defaultPullPolicy(image), auth = this.#parts.auth } = options;
    if (!policies.includes(policy))
      throw invalidOption("policy", policy, `must be one of ${policies.join(", ")}`);
    checkWatch(options);
    const sent = sentName(image);
    const isId = idDigits(image) !== undefined;
    return await bounded(options, async (signal) => {
      const anew = policy === "Always" && !isId;
      const present = anew ? undefined : await this.#puller.find(sent, options, { signal });
      if (present) return present;
      if (isId) throw missing(image, "An image cannot be pulled by its id: give its name");
      if (policy === "Never")
        throw missing(image, "The policy is Never: pull it before, or choose another policy");
      return await this.#puller.pull(sent, anew, { ...options, auth }, signal);
    });
  }

  /** Asks the registry, also for an image that is on the node: {@link Images.ensure} with the policy `Always`. */
  async pull(image: string, options: PullOptions = {}): Promise<NodeImage> {
    return await this.ensure(image, { ...options, policy: "Always" });
  }

  /**
   * Removes an image, by any of its names or its id, with all of its names. Gives what went; undefined when nothing was
   * there, which is no error. containerd removes it under a running container, too, which runs on; CRI-O refuses that.
   *
   * Rejects with {@link CriError} `invalid_image_reference`, and what ImageStatus and RemoveImage answer.
   */
  async remove(image: string, options: RemoveImageOptions = {}): Promise<RemovedImage | undefined> {
    const sent = sentName(image);
    const find = (signal: AbortSignal) => this.#puller.find(sent, options, { signal });
    return await removeImage(this.#parts.image, find, image, options);
  }

  /**
   * Removes all images that no container has or mounts, running or not, and that are neither pinned nor the sandbox image nor kept by
   * the caller. An image that was pulled for a container that is not created yet is one that no container has.
   *
   * Rejects with {@link CriError} `invalid_option`, `aborted_by_caller`, `deadline`, and when lists cannot be had; what
   * RemoveImage answers is in `failed`.
   */
  async prune(options: PruneOptions = {}): Promise<PruneResult> {
    return await pruneImages(this.#parts, options);
  }

  /** What images take on the node. Rejects with {@link CriError}: what ImageFsInfo answers. */
  async fsInfo(options?: CallOptions): Promise<ImageFsInfo> {
    return await readFsInfo(this.#parts.image, options);
  }
}
