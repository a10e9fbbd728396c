import {
  canonicalName,
  checkArgument,
  type ImageReference,
  option,
  referenceCheck,
  repositoryOf,
  tryParseReference,
} from "../../../core/index.js";
import type { CatalogueImage } from "./catalogue.js";

/** An image on the node, with the names that it was pulled by. */
export class StoredImage {
  /** The image in its registry. */
  readonly image: CatalogueImage;
  readonly #tags = new Set<string>();
  readonly #digests = new Set<string>();

  constructor(image: CatalogueImage) {
    this.image = image;
  }

  /** The sha256 of its config: 64 hex digits, in any profile. */
  get hex(): string {
    return this.image.id;
  }

  /** Its canonical names with a tag: CRI `Image.repo_tags`. Empty for an image that was pulled by digest only. */
  get repoTags(): readonly string[] {
    return [...this.#tags];
  }

  /** Its canonical names with a digest: CRI `Image.repo_digests`. */
  get repoDigests(): readonly string[] {
    return [...this.#digests];
  }

  /** Reports whether the image was pulled by this name. */
  has(reference: ImageReference): boolean {
    checkArgument("StoredImage.has", "reference", reference, referenceCheck);
    const names = reference.digest === undefined ? this.#tags : this.#digests;
    return names.has(canonicalName(reference));
  }

  /** Adds a name that the image was pulled by. A name with a digest adds no tag. */
  add(reference: ImageReference): void {
    checkArgument("StoredImage.add", "reference", reference, referenceCheck);
    this.#digests.add(`${repositoryOf(reference)}@${this.image.digest}`);
    if (reference.digest === undefined) this.#tags.add(canonicalName(reference));
  }

  /** Removes a tag. The image keeps its digests. */
  untag(name: string): void {
    checkArgument("StoredImage.untag", "name", name, option.string);
    this.#tags.delete(name);
  }
}

/** An id or a prefix of at least 3 digits, optionally with `sha256:`. */
const idPattern = /^(?:sha256:)?([0-9a-f]{3,64})$/;

/**
 * Finds the image that a caller of CRI refers to, in containerd's order: by name, then by id or unique prefix of an id. The
 * digest of a manifest alone finds nothing. "" is ambiguous, as a prefix of all ids.
 */
export function findImage(
  images: readonly StoredImage[],
  reference: string,
): StoredImage | "ambiguous" | undefined {
  if (reference === "") return "ambiguous";
  const name = tryParseReference(reference);
  const named = name && images.find((image) => image.has(name));
  if (named) return named;
  const prefix = idPattern.exec(reference)?.[1];
  if (prefix === undefined) return undefined;
  const [found, another] = images.filter(({ hex }) => hex.startsWith(prefix));
  return another ? "ambiguous" : found;
}
