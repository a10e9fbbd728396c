// An image as a test describes it, and the content that the registry makes up for it.
import { createHash } from "node:crypto";
import { canonicalName, parseReference } from "../../../core/index.js";

/** The credentials that a simulated registry requires for an image. */
export type RegistryAuth =
  /** Basic authentication: CRI's `username` and `password`, or `auth`. */
  | {
      /** The name of the user. */
      readonly username: string;
      /** The password of the user. */
      readonly password: string;
    }
  /** Token authentication: CRI's `identity_token`. */
  | {
      /** The token. */
      readonly identityToken: string;
    };

/**
 * An image in the simulated registries: what CRI reports about images, and what containers take from them. The same image always has the
 * same digest and id.
 */
export interface EmbeddedImage {
  /**
   * The names that it can be pulled by, at least one: without a digest, in any registries. The default tag is `latest`, the
   * default registry Docker Hub. Names that were pulled become `Image.repo_tags`.
   */
  readonly names: readonly string[];
  /**
   * The size on the node, in bytes. Becomes `Image.size`.
   * @default 4_194_304
   */
  readonly sizeBytes?: number | undefined;
  /**
   * The user of its processes: `1001`, `1001:1002`, `app` or `app:staff`. A number becomes `Image.uid`, a name
   * `Image.username`; CRI does not report the group. Names are looked up in the `/etc/passwd` and `/etc/group` of `files`; without these,
   * in those of this host, or not at all for `programs`.
   * @default root; neither field is set
   */
  readonly user?: string | undefined;
  /**
   * The environment of its processes; the container's own variables override it.
   * @default none
   */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /**
   * The program of a container without a `command`.
   * @default none
   */
  readonly entrypoint?: readonly string[] | undefined;
  /**
   * The arguments of a container without a `command` and without `args`.
   * @default none
   */
  readonly cmd?: readonly string[] | undefined;
  /**
   * The working directory of its processes, an absolute path.
   * @default the container's root
   */
  readonly workingDir?: string | undefined;
  /**
   * The name of the stop signal, as in `SIGQUIT`. StopContainer sends it to containers whose config has no `stop_signal`.
   * @default SIGTERM
   */
  readonly stopSignal?: string | undefined;
  /**
   * Its files by their absolute path, such as `/etc/passwd`. They are in the folder of containers that are processes of this host, and in
   * image volumes.
   * @default none
   */
  readonly files?: Readonly<Record<string, string | Uint8Array>> | undefined;
  /**
   * The labels of the image's config.
   * @default none
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * The annotations of the image's manifest. Become `Image.spec.annotations` in ImageStatus.
   * @default none
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether garbage collection must keep the image. Becomes `Image.pinned`; RemoveImage removes it all the same.
   * @default false
   */
  readonly pinned?: boolean | undefined;
  /**
   * The credentials that its registry requires.
   * @default none: anonymous pulls are allowed
   */
  readonly auth?: RegistryAuth | undefined;
  /**
   * How long a pull takes when the image is not on the node, in milliseconds.
   * @default 0
   */
  readonly pullMs?: number | undefined;
  /**
   * The number of layers, 1 to 127.
   * @default 1
   */
  readonly layers?: number | undefined;
  /**
   * The digest of its manifest, `sha256:` and 64 hex digits, if a test needs a particular one.
   * @default computed from the other fields that belong to the content of an image
   */
  readonly digest?: string | undefined;
}

/** The config of an image, in the form of the OCI image specification. */
export interface OciImageConfig {
  /** The processor, such as `amd64`. */
  readonly architecture: string;
  /** The operating system, such as `linux`. */
  readonly os: string;
  /** What containers take from the image. */
  readonly config: {
    /** The user, as `CatalogueImage.user`. */
    readonly User?: string;
    /** The environment variables, as `NAME=VALUE`. */
    readonly Env?: readonly string[];
    /** The program and its first arguments. */
    readonly Entrypoint?: readonly string[];
    /** The default arguments. */
    readonly Cmd?: readonly string[];
    /** The path in which the program starts. */
    readonly WorkingDir?: string;
    /** The labels. */
    readonly Labels?: Readonly<Record<string, string>>;
    /** The signal that stops a container. */
    readonly StopSignal?: string;
  };
  /** The layers of the image. */
  readonly rootfs: {
    readonly type: "layers";
    /** The digests of the uncompressed layers, the lowest one first. */
    readonly diff_ids: readonly string[];
  };
}

/** The generated content of an image, and the hashes that follow from it. */
export interface ImageContent {
  /** The sha256 of the config, 64 hex digits. */
  readonly id: string;
  /** The digest of the manifest, `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** The chain id of its layers. */
  readonly chainId: string;
  readonly config: OciImageConfig;
}

/** The default of {@link EmbeddedImage.sizeBytes}. */
export const defaultSizeBytes = 4_194_304;

/**
 * Generates the content of an image: layers from its names, and the config and manifest that a registry would have. Names
 * are part of the content, so that images with equal fields are different images; `auth`, `pullMs` and `pinned` are not.
 */
export function contentOf(image: EmbeddedImage): ImageContent {
  const { user, env, entrypoint, cmd, workingDir, stopSignal, labels, annotations } = image;
  const { layers = 1, sizeBytes = defaultSizeBytes, files = {} } = image;
  const names = image.names.map((name) => canonicalName(parseReference(name))).sort();
  const diffIds = Array.from({ length: layers }, (_, layer) =>
    sha256(`layer ${layer} of ${names.join(" ")}${layer === layers - 1 ? hashOf(files) : ""}`),
  );
  const variables = sortedEntries(env)?.map(([name, value]) => `${name}=${value}`);
  const config: OciImageConfig = {
    // The same on all machines, so that ids are, too.
    architecture: "amd64",
    os: "linux",
    config: {
      ...(user === undefined ? {} : { User: user }),
      ...(variables ? { Env: variables } : {}),
      ...(entrypoint?.length ? { Entrypoint: [...entrypoint] } : {}),
      ...(cmd?.length ? { Cmd: [...cmd] } : {}),
      ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
      ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
      ...optionalField("Labels", sortedEntries(labels)),
    },
    rootfs: { type: "layers", diff_ids: diffIds },
  };
  const json = JSON.stringify(config);
  const id = sha256(json);
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: id, size: json.length },
    layers: diffIds.map((digest, layer) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest,
      size: Math.floor(sizeBytes / layers) + (layer === 0 ? sizeBytes % layers : 0),
    })),
    ...optionalField("annotations", sortedEntries(annotations)),
  };
  return {
    id: id.slice("sha256:".length),
    digest: image.digest ?? sha256(JSON.stringify(manifest)),
    chainId: diffIds.reduce((chain, layer) => sha256(`${chain} ${layer}`)),
    config,
  };
}

/** Returns a text that depends on all files; "" for none. */
function hashOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const entries = Object.entries(files).sort(([one], [other]) => (one < other ? -1 : 1));
  return entries
    .map(([path, content]) => ` ${path} ${createHash("sha256").update(content).digest("hex")}`)
    .join("");
}

/** Sorts the entries by name, so that their order does not change the hash; undefined for none. */
function sortedEntries(record: Readonly<Record<string, string>> | undefined): [string, string][] | undefined {
  const entries = Object.entries(record ?? {});
  return entries.length > 0 ? entries.sort(([one], [other]) => (one < other ? -1 : 1)) : undefined;
}

function optionalField<K extends string>(key: K, entries: [string, string][] | undefined) {
  return (entries ? { [key]: Object.fromEntries(entries) } : {}) as { [P in K]?: Record<string, string> };
}

function sha256(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
