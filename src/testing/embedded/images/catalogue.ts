import { canonicalName, type ImageReference, parseReference, repositoryOf } from "../../../core/index.js";
import { checkImages } from "./check-image.js";
import { contentOf, defaultSizeBytes, type OciImageConfig } from "./content.js";
import type { EmbeddedImage, RegistryAuth } from "./image.js";
import { Problems } from "./problems.js";

/** An image of a catalogue: what was asked for, complete, with the ids that follow from it. */
export interface CatalogueImage {
  /** sha256 of its config, 64 hex digits. */
  readonly id: string;
  /** Digest of its manifest, `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** What its unpacked layers are known by together. */
  readonly chainId: string;
  /** Its full names: `docker.io/library/busybox:1.37`. */
  readonly names: readonly string[];
  readonly sizeBytes: number;
  /** As the image has it: `1001:1002`, `app`; undefined for root. */
  readonly user: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** "" for the container's root. */
  readonly workingDir: string;
  /** Undefined for SIGTERM. */
  readonly stopSignal: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly pinned: boolean;
  readonly auth: RegistryAuth | undefined;
  readonly pullMs: number;
  readonly layers: number;
  /** Its config, as the OCI image specification writes it. */
  readonly config: OciImageConfig;
}

/** What exists in the registries of the embedded runtime: there is no other world outside. Never changes. */
export class ImageCatalogue {
  readonly images: readonly CatalogueImage[];
  readonly #given: readonly EmbeddedImage[];
  readonly #byName = new Map<string, CatalogueImage>();

  /** Throws `invalid_option` with all that is wrong, each with its path: `images[2].names[0]`. */
  constructor(images: readonly EmbeddedImage[], what = "the image catalogue") {
    const problems = new Problems();
    checkImages(images, "images", problems);
    problems.throwIfAny(what);

    // A copy: what the caller does with the input later changes nothing.
    this.#given = structuredClone(images);
    this.images = Object.freeze(this.#given.map(complete));
    for (const [index, image] of this.images.entries()) this.#enter(image, `images[${index}]`, problems);
    problems.throwIfAny(what);
  }

  /** The image that a name leads to: by its tag, or by the digest where the name has one. */
  find(reference: ImageReference): CatalogueImage | undefined {
    return this.#byName.get(canonicalName(reference));
  }

  /** A catalogue with more images. Throws `invalid_option`, also for a name that exists already. */
  with(images: readonly EmbeddedImage[]): ImageCatalogue {
    return new ImageCatalogue([...this.#given, ...images]);
  }

  #enter(image: CatalogueImage, path: string, problems: Problems): void {
    const byDigest = new Set(
      image.names.map((name) => `${repositoryOf(parseReference(name))}@${image.digest}`),
    );
    for (const name of [...image.names, ...byDigest]) {
      if (this.#byName.has(name)) problems.note(`${path}.names`, `${name} is a name of two images`);
      this.#byName.set(name, image);
    }
  }
}

function complete(image: EmbeddedImage): CatalogueImage {
  return Object.freeze({
    ...contentOf(image),
    names: [...new Set(image.names.map((name) => canonicalName(parseReference(name))))],
    sizeBytes: image.sizeBytes ?? defaultSizeBytes,
    user: image.user,
    env: image.env ?? {},
    entrypoint: image.entrypoint ?? [],
    cmd: image.cmd ?? [],
    workingDir: image.workingDir ?? "",
    stopSignal: image.stopSignal,
    labels: image.labels ?? {},
    annotations: image.annotations ?? {},
    pinned: image.pinned ?? false,
    auth: image.auth,
    pullMs: image.pullMs ?? 0,
    layers: image.layers ?? 1,
  });
}
