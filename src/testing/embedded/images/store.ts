import type { AuthConfig } from "../../../../gen/runtime/v1/api_pb.js";
import {
  type CriError,
  canonicalName,
  checkArgument,
  criError,
  type ImageReference,
  isCriError,
  type OptionCheck,
  option,
  parseReference,
  repositoryOf,
  tryParseReference,
} from "../../../core/index.js";
import { type Clock, systemClock } from "../clock.js";
import type { ContainerImage } from "../objects.js";
import { type Profile, profileOf } from "../profile.js";
import { defaultCatalogue, type ImageCatalogue } from "./catalogue.js";
import { Downloads, denialOf, pullError } from "./registry.js";
import { findImage, StoredImage } from "./stored-image.js";

/** Options of {@link ImageStore}. */
export interface ImageStoreOptions {
  /**
   * The images that can be pulled.
   * @default defaultCatalogue()
   */
  readonly catalogue?: ImageCatalogue | undefined;
  /**
   * The clock for slow pulls and timestamps.
   * @default the clock of this machine
   */
  readonly clock?: Clock | undefined;
  /**
   * The runtime to behave like.
   * @default the profile of the CRI specification
   */
  readonly profile?: Pick<Profile, "imageIds" | "removeImage" | "shortNames" | "codes"> | undefined;
  /**
   * Reports whether a container was created from the image with this id, as CRI reports ids. Some runtimes refuse to remove such an image.
   * @default there are no containers
   */
  readonly isUsed?: ((id: string) => boolean) | undefined;
}

const imageCheck: OptionCheck<StoredImage> = (value) =>
  value instanceof StoredImage
    ? undefined
    : "must be an image of a store, such as `images.find(name)` returns";

/** The images on a node. Names may have any form that CRI's callers may use. */
export class ImageStore {
  readonly #images = new Map<string, StoredImage>();
  readonly #catalogue: ImageCatalogue;
  readonly #clock: Clock;
  readonly #profile: NonNullable<ImageStoreOptions["profile"]>;
  readonly #isUsed: (id: string) => boolean;
  readonly #downloads = new Downloads();

  constructor({ catalogue, clock, profile, isUsed }: ImageStoreOptions = {}) {
    this.#catalogue = catalogue ?? defaultCatalogue();
    this.#clock = clock ?? systemClock();
    this.#profile = profile ?? profileOf(undefined);
    this.#isUsed = isUsed ?? (() => false);
  }

  /** All images, in the order in which they were added. */
  get images(): readonly StoredImage[] {
    return [...this.#images.values()];
  }

  /** Reports whether an image is still on the node. */
  holds(image: StoredImage): boolean {
    checkArgument("images.holds", "image", image, imageCheck);
    return this.#images.get(image.hex) === image;
  }

  /** Returns the time by the store's clock, in nanoseconds since 1970. */
  now(): bigint {
    return this.#clock.now();
  }

  /** Returns an image's id in the form of this runtime: CRI `Image.id`, `PullImageResponse.image_ref`. */
  idOf(image: StoredImage): string {
    checkArgument("images.idOf", "image", image, imageCheck);
    const { hex } = image;
    return this.#profile.imageIds === "prefixed" ? `sha256:${hex}` : hex;
  }

  /**
   * Finds an image on the node by a name, an id, or a prefix of an id with at least 3 digits; undefined when there is none.
   * Throws `ambiguous_id`, with containerd's text, for a prefix of several ids and for "", and `image_missing` for a short name that the
   * profile's runtime cannot resolve.
   */
  find(reference: string): StoredImage | undefined {
    checkArgument("images.find", "reference", reference, option.string);
    const found = findImage(this.images, reference);
    if (found === "ambiguous") throw this.#ambiguous(`can not resolve ${JSON.stringify(reference)} locally`);
    if (!found) this.#checkShortName(reference);
    return found;
  }

  /** Finds the image for a new container. Throws `image_missing` when it is not on the node; never pulls. */
  resolve(reference: string): StoredImage {
    checkArgument("images.resolve", "reference", reference, option.string);
    const found = findImage(this.images, reference);
    const failed = `failed to resolve image ${JSON.stringify(reference)}`;
    if (found === "ambiguous") throw this.#ambiguous(failed);
    if (found) return found;
    this.#checkShortName(reference);
    throw criError("image_missing", `${failed}: not found`);
  }

  /**
   * Pulls an image by a name. Takes the image's `pullMs` if it is not on the node; concurrent pulls of one image share one
   * download. Rejects with `invalid_image_reference`, `image_missing`, `registry_denied`, and as soon as the signal fires.
   */
  async pull(name: string, auth: AuthConfig | undefined, signal: AbortSignal): Promise<StoredImage> {
    const reference = this.#parse(name);
    this.#checkShortName(name);
    const image = this.#findInCatalogue(reference);
    const denial = denialOf(reference, image.auth, auth);
    if (denial !== undefined) {
      const text = pullError(canonicalName(reference), denial);
      throw criError("registry_denied", text).with({ code: "unknown" });
    }
    if (!this.#images.has(image.id))
      await this.#downloads.join(image.id, signal, (stop) => this.#clock.sleep(image.pullMs, stop));
    return this.#add(reference, image);
  }

  /**
   * Adds an image of the catalogue to the node, immediately and without credentials. Throws the errors of {@link
   * ImageStore.pull}.
   */
  preload(name: string): StoredImage {
    const reference = this.#parse(name);
    return this.#add(reference, this.#findInCatalogue(reference));
  }

  /**
   * Removes an image with all its names, as the CRI specification says. With a profile that removes only tags, a tag
   * removes itself, and the last tag removes the image; a digest does nothing. An unknown image is not an error. Throws `wrong_state` with
   * such a profile if a container was created from the image.
   */
  remove(reference: string): void {
    const stored = this.find(reference);
    if (!stored) return;
    if (this.#profile.removeImage === "tag") this.#removeName(stored, tryParseReference(reference));
    else this.#images.delete(stored.hex);
  }

  /** Removes a tag, or the image if it has no other tag or was not given by a name. */
  #removeName(stored: StoredImage, name: ImageReference | undefined): void {
    const isName = name !== undefined && stored.has(name);
    if (isName && name.digest !== undefined) return;
    if (isName && stored.repoTags.length > 1) stored.untag(canonicalName(name));
    else if (this.#isUsed(this.idOf(stored))) {
      const { wrongState: code } = this.#profile.codes;
      throw criError("wrong_state", "image is in use by a container").with({ code });
    } else this.#images.delete(stored.hex);
  }

  /** Throws `image_missing` for a name without a registry, if the profile's runtime has no alias for it. Ids and invalid names pass. */
  #checkShortName(name: string): void {
    if (this.#profile.shortNames === "on Docker Hub") return;
    const reference = tryParseReference(name);
    if (reference?.domain !== "docker.io" || /^(?:index\.)?docker\.io\/|^sha256:/.test(name)) return;
    if (this.#catalogue.hasRepository(repositoryOf(reference))) return;
    const full = /[:@]/.test(name) ? name : `${name}:latest`;
    const text = `short-name ${JSON.stringify(full)} did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"`;
    throw criError("image_missing", text).with({ code: "unknown" });
  }

  #parse(name: string): ImageReference {
    try {
      return parseReference(name);
    } catch (error) {
      throw isCriError(error) ? error.with({ code: this.#profile.codes.invalidRequest }) : error;
    }
  }

  #findInCatalogue(reference: ImageReference) {
    const image = this.#catalogue.find(reference);
    if (image) return image;
    const name = canonicalName(reference);
    throw criError("image_missing", pullError(name, `${name}: not found`));
  }

  #add(reference: ImageReference, image: StoredImage["image"]): StoredImage {
    const stored = this.#images.get(image.id) ?? new StoredImage(image);
    stored.add(reference);
    this.#images.set(image.id, stored);
    return stored;
  }

  #ambiguous(what: string): CriError {
    const code = this.#profile.codes.invalidRequest;
    return criError("ambiguous_id", `${what}: ambiguous digest string`).with({ code });
  }
}

/** Returns the fields of an image that a container uses. Throws `image_missing` when it is not on the node. */
export function containerImage(store: ImageStore, reference: string): ContainerImage {
  const stored = store.resolve(reference);
  const { env, entrypoint, cmd, workingDir, user = "", stopSignal = "", files } = stored.image;
  const id = store.idOf(stored);
  const [ref = id] = stored.repoDigests;
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return {
    ...{ id, ref, env: variables, entrypoint, cmd, workingDir, user, stopSignal, files },
    currentTag: () => (store.holds(stored) ? stored.repoTags[0] : undefined),
  };
}
