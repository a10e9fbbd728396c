import { createHash } from "node:crypto";
import { canonicalName, parseReference } from "../../../core/index.js";
import type { EmbeddedImage } from "./image.js";

/** The config of an image, as the OCI image specification writes it. */
export interface OciImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly config: {
    readonly User?: string;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly StopSignal?: string;
  };
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
}

/** What an image is made of, as far as anybody can see it. */
export interface ImageContent {
  /** sha256 of the config, 64 hex digits. */
  readonly id: string;
  /** Digest of the manifest, `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** What the unpacked layers are known by together. */
  readonly chainId: string;
  readonly config: OciImageConfig;
}

/** What an image without a size takes, in bytes. */
export const defaultSizeBytes = 4_194_304;

/**
 * The content of an image that has none: layers that are made up from its names, and a config and a manifest as a
 * registry would have them. Names are content, so that images that differ in nothing else are different images. How it is
 * pulled (`auth`, `pullMs`, `pinned`) is not.
 */
export function contentOf(image: EmbeddedImage): ImageContent {
  const { user, env, entrypoint, cmd, workingDir, stopSignal, labels, annotations } = image;
  const { layers = 1, sizeBytes = defaultSizeBytes } = image;
  const names = image.names.map((name) => canonicalName(parseReference(name))).sort();
  const diffIds = Array.from({ length: layers }, (_, layer) =>
    sha256(`layer ${layer} of ${names.join(" ")}`),
  );
  const variables = sorted(env)?.map(([name, value]) => `${name}=${value}`);
  const config: OciImageConfig = {
    // One for all machines, or an id would not be the same everywhere.
    architecture: "amd64",
    os: "linux",
    config: {
      ...(user === undefined ? {} : { User: user }),
      ...(variables ? { Env: variables } : {}),
      ...(entrypoint?.length ? { Entrypoint: [...entrypoint] } : {}),
      ...(cmd?.length ? { Cmd: [...cmd] } : {}),
      ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
      ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
      ...optional("Labels", sorted(labels)),
    },
    rootfs: { type: "layers", diff_ids: diffIds },
  };
  const written = JSON.stringify(config);
  const id = sha256(written);
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: id, size: written.length },
    layers: diffIds.map((digest, layer) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      digest,
      size: Math.floor(sizeBytes / layers) + (layer === 0 ? sizeBytes % layers : 0),
    })),
    ...optional("annotations", sorted(annotations)),
  };
  return {
    id: id.slice("sha256:".length),
    digest: image.digest ?? sha256(JSON.stringify(manifest)),
    chainId: diffIds.reduce((chain, layer) => sha256(`${chain} ${layer}`)),
    config,
  };
}

/** The entries in the order of their names, since the order of writing makes no other image; undefined for none. */
function sorted(record: Readonly<Record<string, string>> | undefined): [string, string][] | undefined {
  const entries = Object.entries(record ?? {});
  return entries.length > 0 ? entries.sort(([one], [other]) => (one < other ? -1 : 1)) : undefined;
}

function optional<K extends string>(key: K, entries: [string, string][] | undefined) {
  return (entries ? { [key]: Object.fromEntries(entries) } : {}) as { [P in K]?: Record<string, string> };
}

function sha256(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
