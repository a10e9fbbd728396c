import { canonicalName, type ImageReference, repositoryOf } from "../../../core/index.js";
import type { CatalogueImage } from "./catalogue.js";

/** An image on the node: what the catalogue has, by the names that it was pulled by. */
export class NodeImage {
  /** What its registry has. */
  readonly image: CatalogueImage;
  readonly #tags = new Set<string>();
  readonly #digests = new Set<string>();

  constructor(image: CatalogueImage) {
    this.image = image;
  }

  /** sha256 of its config: 64 hex digits, whatever form the runtime gives ids in. */
  get hex(): string {
    return this.image.id;
  }

  /** Full names with a tag. Empty when it was pulled by digest only. CRI `Image.repo_tags`. */
  get repoTags(): readonly string[] {
    return [...this.#tags];
  }

  /** Full names with a digest. CRI `Image.repo_digests`. */
  get repoDigests(): readonly string[] {
    return [...this.#digests];
  }

  /** Whether one of its names is this one. */
  has(reference: ImageReference): boolean {
    const names = reference.digest === undefined ? this.#tags : this.#digests;
    return names.has(canonicalName(reference));
  }

  /** Notes that it was pulled by this name. A name with a digest gives it no tag. */
  add(reference: ImageReference): void {
    this.#digests.add(`${repositoryOf(reference)}@${this.image.digest}`);
    if (reference.digest === undefined) this.#tags.add(canonicalName(reference));
  }

  /** Takes a tag away; tells whether there is one left. */
  untag(name: string): boolean {
    this.#tags.delete(name);
    return this.#tags.size > 0;
  }
}
