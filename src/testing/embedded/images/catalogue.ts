import { posix } from "node:path";
import {
  canonicalName,
  checkArgument,
  type ImageReference,
  option,
  parseReference,
  referenceCheck,
  repositoryOf,
  Violations,
} from "../../../core/index.js";
import type { ImageFiles } from "../driver.js";
import {
  contentOf,
  defaultSizeBytes,
  type EmbeddedImage,
  type OciImageConfig,
  type RegistryAuth,
} from "./image.js";
import { checkCatalogueFile, checkImages } from "./validation.js";

/** An {@link EmbeddedImage} with all defaults, and with its ids. */
export interface CatalogueImage {
  /** The sha256 of its config, 64 hex digits. */
  readonly id: string;
  /** The digest of its manifest, `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** The chain id of its layers. */
  readonly chainId: string;
  /** Its canonical names: `docker.io/library/busybox:1.37`. */
  readonly names: readonly string[];
  /** Its size, in bytes. */
  readonly sizeBytes: number;
  /** `1001:1002`, `app`; undefined for root. */
  readonly user: string | undefined;
  /** The environment variables. */
  readonly env: Readonly<Record<string, string>>;
  /** The program and its first arguments. */
  readonly entrypoint: readonly string[];
  /** The default arguments. */
  readonly cmd: readonly string[];
  /** "" for the container's root. */
  readonly workingDir: string;
  /** Undefined for SIGTERM. */
  readonly stopSignal: string | undefined;
  /** By absolute, normalized path. */
  readonly files: ImageFiles;
  /** The labels of its config. */
  readonly labels: Readonly<Record<string, string>>;
  /** The annotations of its manifest. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Whether the runtime protects it from garbage collection. */
  readonly pinned: boolean;
  /** The credentials that its registry requires; undefined for none. */
  readonly auth: RegistryAuth | undefined;
  /** The duration of a pull, in milliseconds of the runtime's clock. */
  readonly pullMs: number;
  /** The number of its layers. */
  readonly layers: number;
  /** Its config, in the form of the OCI image specification. */
  readonly config: OciImageConfig;
}

/** The images in the simulated registries; immutable. */
export class ImageCatalogue {
  /** All images, in the order of the input. */
  readonly images: readonly CatalogueImage[];
  readonly #input: readonly EmbeddedImage[];
  readonly #byName = new Map<string, CatalogueImage>();

  /**
   * Throws `invalid_option`, which lists all problems with their paths: `images[2].names[0]`.
   * @param what names the catalogue in the error
   */
  constructor(images: readonly EmbeddedImage[], what = "the image catalogue") {
    const violations = new Violations();
    checkImages(images, "images", violations);
    violations.throwIfAny("invalid_option", `cannot use ${what}`);

    // A copy, so that the caller cannot change the catalogue later.
    this.#input = structuredClone(images);
    this.images = Object.freeze(this.#input.map(complete));
    for (const [index, image] of this.images.entries()) this.#add(image, `images[${index}]`, violations);
    violations.throwIfAny("invalid_option", `cannot use ${what}`);
  }

  /** Returns the image with this name: by the digest where the name has one, else by the tag. */
  find(reference: ImageReference): CatalogueImage | undefined {
    checkArgument("ImageCatalogue.find", "reference", reference, referenceCheck);
    return this.#byName.get(canonicalName(reference));
  }

  /** Reports whether an image has a name in this repository: `docker.io/library/busybox`. */
  hasRepository(repository: string): boolean {
    checkArgument("ImageCatalogue.hasRepository", "repository", repository, option.string);
    return this.images.some(({ names }) =>
      names.some((name) => repositoryOf(parseReference(name)) === repository),
    );
  }

  /** Returns a catalogue with additional images. Throws `invalid_option`, also for a name that exists already. */
  with(images: readonly EmbeddedImage[]): ImageCatalogue {
    checkArgument("ImageCatalogue.with", "images", images, option.listOf(option.object));
    return new ImageCatalogue([...this.#input, ...images]);
  }

  #add(image: CatalogueImage, path: string, violations: Violations): void {
    const byDigest = new Set(
      image.names.map((name) => `${repositoryOf(parseReference(name))}@${image.digest}`),
    );
    for (const name of [...image.names, ...byDigest]) {
      if (this.#byName.has(name))
        violations.add(`${path}.names`, `${name} is already the name of another image`);
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
    files: filesOf(image),
    labels: image.labels ?? {},
    annotations: image.annotations ?? {},
    pinned: image.pinned ?? false,
    auth: image.auth,
    pullMs: image.pullMs ?? 0,
    layers: image.layers ?? 1,
  });
}

function filesOf({ files = {} }: EmbeddedImage): ImageFiles {
  return new Map(
    Object.entries(files).map(([path, content]) => [posix.normalize(path), Buffer.from(content)]),
  );
}

/**
 * Converts a parsed catalogue file: `{ "images": [{ "names": [...], ... }] }`, with the fields of {@link EmbeddedImage}.
 * Throws `invalid_option`, which lists all problems with their paths, unknown keys included.
 * @param source the file's path, for the error
 */
export function parseCatalogue(json: unknown, source: string): ImageCatalogue {
  const what = `the image catalogue ${source}`;
  const violations = new Violations();
  checkCatalogueFile(json, violations);
  violations.throwIfAny("invalid_option", `cannot use ${what}`);
  return new ImageCatalogue((json as { readonly images: readonly EmbeddedImage[] }).images, what);
}

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Creates the default catalogue: BusyBox, Alpine and nginx on Docker Hub, BusyBox on quay.io, and the pause image and
 * agnhost on registry.k8s.io. Their names are real; they have no files.
 */
export function defaultCatalogue(): ImageCatalogue {
  return new ImageCatalogue([
    {
      names: [
        "docker.io/library/busybox:1.37",
        "docker.io/library/busybox:latest",
        "quay.io/prometheus/busybox:latest",
      ],
      sizeBytes: 2_223_686,
      env: { PATH: path },
      cmd: ["sh"],
    },
    {
      names: ["docker.io/library/alpine:3.22", "docker.io/library/alpine:latest"],
      sizeBytes: 3_806_782,
      env: { PATH: path },
      cmd: ["/bin/sh"],
      workingDir: "/",
    },
    {
      names: ["docker.io/library/nginx:1.29", "docker.io/library/nginx:latest"],
      sizeBytes: 59_774_010,
      env: { PATH: path, NGINX_VERSION: "1.29.3" },
      entrypoint: ["/docker-entrypoint.sh"],
      cmd: ["nginx", "-g", "daemon off;"],
      stopSignal: "SIGQUIT",
      layers: 7,
    },
    {
      names: ["registry.k8s.io/pause:3.10"],
      sizeBytes: 320_368,
      user: "65535:65535",
      env: { PATH: path },
      entrypoint: ["/pause"],
      workingDir: "/",
      pinned: true,
    },
    {
      names: ["registry.k8s.io/e2e-test-images/agnhost:2.53"],
      sizeBytes: 51_104_000,
      env: { PATH: path },
      entrypoint: ["/agnhost"],
      cmd: ["pause"],
      layers: 4,
    },
  ]);
}
