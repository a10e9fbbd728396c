import { gzipSync } from "node:zlib";
import { busyboxLayer, tinyLayer } from "./image-layers.js";
import type { Registry } from "./registry.js";
import { digestOf, type PushTarget, pushBlob, pushManifest } from "./registry-push.js";

/** The references of the test images for pulls: `localhost:PORT/cri-sdk/NAME:TAG`. */
export interface TestImages {
  /** A shell and the busybox applets; the default command is `sh`. */
  readonly busybox: string;
  /** A second tag of the same image. */
  readonly busybox2: string;
  /** The sandbox image: sleeps, and exits at once on SIGTERM. */
  readonly pause: string;
  /** An image of a few bytes without a program. */
  readonly tiny: string;
  /** busybox with `USER 1001:1002`. */
  readonly user: string;
  /** busybox with `USER app`, which its `/etc/passwd` maps to uid 1001. */
  readonly namedUser: string;
}

/** The part of an image's config that the daemons read. */
interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly User?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

// A plain `sleep` as PID 1 ignores SIGTERM, so a shell traps the signal.
const sleepUntilTerm = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Returns the references that {@link pushImages} pushes to; they are known before the push. */
export function imageReferences(registryPort: number): TestImages {
  const at = (name: string): string => `localhost:${registryPort}/cri-sdk/${name}`;
  return {
    busybox: at("busybox:1"),
    busybox2: at("busybox:2"),
    pause: at("pause:1"),
    tiny: at("tiny:1"),
    user: at("user:1"),
    namedUser: at("named-user:1"),
  };
}

/** Builds the test images and pushes them to a registry. */
export async function pushImages(
  registry: Pick<Registry, "url" | "port" | "login">,
  busybox: string,
  signal?: AbortSignal,
): Promise<TestImages> {
  const root = await busyboxLayer(busybox);
  const push = (name: string, tags: readonly string[], layer: Buffer, config: ImageConfig): Promise<void> =>
    pushImage(
      { url: registry.url, repository: `cri-sdk/${name}`, login: registry.login, signal },
      tags,
      layer,
      config,
    );
  await push("busybox", ["1", "2"], root, { Cmd: ["sh"], Labels: { "cri-sdk.test": "busybox" } });
  await push("pause", ["1"], root, { Entrypoint: ["/bin/sh", "-c", sleepUntilTerm] });
  await push("user", ["1"], root, { Cmd: ["sh"], User: "1001:1002" });
  await push("named-user", ["1"], root, { Cmd: ["sh"], User: "app" });
  await push("tiny", ["1"], tinyLayer(), { Cmd: ["/none"] });
  return imageReferences(registry.port);
}

async function pushImage(
  target: PushTarget,
  tags: readonly string[],
  layer: Buffer,
  config: ImageConfig,
): Promise<void> {
  const configJson = JSON.stringify({
    architecture: architectures[process.arch] ?? process.arch,
    os: "linux",
    created: "2024-01-01T00:00:00Z",
    config: { Env: ["PATH=/bin"], WorkingDir: "/", ...config },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
    history: [{ created: "2024-01-01T00:00:00Z", created_by: "cri-sdk" }],
  });
  const oci = "application/vnd.oci.image";
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: { mediaType: `${oci}.config.v1+json`, ...(await pushBlob(target, Buffer.from(configJson))) },
    layers: [{ mediaType: `${oci}.layer.v1.tar+gzip`, ...(await pushBlob(target, zipped(layer))) }],
  });
  for (const tag of tags) await pushManifest(target, tag, manifest, `${oci}.manifest.v1+json`);
}

const zippedLayers = new WeakMap<Buffer, Buffer>();

function zipped(layer: Buffer): Buffer {
  const known = zippedLayers.get(layer) ?? gzipSync(layer, { level: 1 });
  zippedLayers.set(layer, known);
  return known;
}
