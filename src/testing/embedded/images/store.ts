import type { AuthConfig } from "../../../../gen/runtime/v1/api_pb.js";
import {
  CriError,
  canonicalName,
  type ImageReference,
  parseReference,
  readReference,
} from "../../../core/index.js";
import { type Clock, systemClock } from "../clock.js";
import { type Profile, profileOf } from "../profile.js";
import type { ImageCatalogue } from "./catalogue.js";
import { pullFailure, refusal } from "./credentials.js";
import { defaultCatalogue } from "./default-catalogue.js";
import { Downloads } from "./downloads.js";
import { find } from "./lookup.js";
import { NodeImage } from "./node-image.js";

/** What a node's images are made with. */
export interface ImageStoreOptions {
  /**
   * What can be pulled.
   * @default defaultCatalogue()
   */
  readonly catalogue?: ImageCatalogue | undefined;
  /**
   * The time that slow pulls take and figures are told at.
   * @default the machine's
   */
  readonly clock?: Clock | undefined;
  /**
   * In what runtimes differ: `imageIds`, `removeImage`, and the codes of refusals.
   * @default what CRI's text asks for
   */
  readonly profile?: Pick<Profile, "imageIds" | "removeImage" | "codes"> | undefined;
}

/** The images on a node. All names may be written as a caller of CRI may write them. */
export class ImageStore {
  readonly #images = new Map<string, NodeImage>();
  readonly #catalogue: ImageCatalogue;
  readonly #clock: Clock;
  readonly #profile: NonNullable<ImageStoreOptions["profile"]>;
  readonly #downloads = new Downloads();

  constructor({ catalogue, clock, profile }: ImageStoreOptions = {}) {
    this.#catalogue = catalogue ?? defaultCatalogue();
    this.#clock = clock ?? systemClock();
    this.#profile = profile ?? profileOf(undefined);
  }

  /** All images, in the order in which they came. */
  get images(): readonly NodeImage[] {
    return [...this.#images.values()];
  }

  /** Now, in nanoseconds since 1970, by the store's clock. */
  now(): bigint {
    return this.#clock.now();
  }

  /** An image's id as this runtime writes it: CRI `Image.id`, `PullImageResponse.image_ref`. */
  idOf({ hex }: NodeImage): string {
    return this.#profile.imageIds === "prefixed" ? `sha256:${hex}` : hex;
  }

  /**
   * The image on the node that a name, an id, or a prefix of an id of 3 digits or more means; undefined for none.
   * Throws when the text is empty or begins several ids, in containerd's words.
   */
  find(reference: string): NodeImage | undefined {
    const found = find(this.images, reference);
    if (found !== "ambiguous") return found;
    throw this.#ambiguous(`can not resolve ${JSON.stringify(reference)} locally`);
  }

  /** The image of a container to be. Throws `image_missing` when it is not on the node; it is never pulled here. */
  resolve(reference: string): NodeImage {
    const found = find(this.images, reference);
    const failed = `failed to resolve image ${JSON.stringify(reference)}`;
    if (found === "ambiguous") throw this.#ambiguous(failed);
    if (found) return found;
    throw new CriError({ code: "not_found", reason: "image_missing", text: `${failed}: not found` });
  }

  /**
   * Gets an image from its registry, by a name; gives the image on the node. Takes the image's `pullMs` where it is not
   * there yet; pulls of one image at the same time are one. Rejects with `invalid_image_reference`, `image_missing`,
   * `registry_denied`, and as soon as the signal fires.
   */
  async pull(name: string, auth: AuthConfig | undefined, signal: AbortSignal): Promise<NodeImage> {
    const reference = this.#parse(name);
    const image = this.#lookUp(reference);
    const refused = refusal(reference, image.auth, auth);
    if (refused !== undefined) {
      const text = pullFailure(canonicalName(reference), refused);
      throw new CriError({ code: "unknown", reason: "registry_denied", text });
    }
    if (!this.#images.has(image.id))
      await this.#downloads.join(image.id, signal, (stop) => this.#clock.sleep(image.pullMs, stop));
    return this.#add(reference, image);
  }

  /** Puts an image of the catalogue on the node, at once and without credentials. Throws as a pull does. */
  preload(name: string): NodeImage {
    const reference = this.#parse(name);
    return this.#add(reference, this.#lookUp(reference));
  }

  /**
   * Removes an image: with all its names, by whichever it is called, as CRI says. Where the profile removes tags, a tag
   * takes itself away, and the image with the last; a digest does nothing. Nothing to remove is no error.
   */
  remove(reference: string): void {
    const node = this.find(reference);
    if (!node) return;
    const name = readReference(reference);
    if (this.#profile.removeImage === "tag" && name && node.has(name)) {
      if (name.digest !== undefined || node.untag(canonicalName(name))) return;
    }
    this.#images.delete(node.hex);
  }

  #parse(name: string): ImageReference {
    try {
      return parseReference(name);
    } catch (error) {
      throw error instanceof CriError ? error.with({ code: this.#profile.codes.invalid }) : error;
    }
  }

  #lookUp(reference: ImageReference) {
    const image = this.#catalogue.find(reference);
    if (image) return image;
    const name = canonicalName(reference);
    const text = pullFailure(name, `${name}: not found`);
    throw new CriError({ code: "not_found", reason: "image_missing", text });
  }

  #add(reference: ImageReference, image: NodeImage["image"]): NodeImage {
    const node = this.#images.get(image.id) ?? new NodeImage(image);
    node.add(reference);
    this.#images.set(image.id, node);
    return node;
  }

  #ambiguous(what: string): CriError {
    return new CriError({
      code: this.#profile.codes.invalid,
      reason: "ambiguous_id",
      text: `${what}: ambiguous digest string`,
    });
  }
}
