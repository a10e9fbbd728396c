import type { ImageReference } from "../../core/index.js";
import type { Login } from "../auth/login.js";
import { type Answer, ask, authorization } from "./request.js";

/** What an image's manifest tells of its size. */
export interface ManifestSizes {
  /** Of the layers and the config, as the registry sends them: compressed. */
  readonly totalBytes: number;
  readonly layers: number;
}

const mediaTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

/**
 * Asks the registry itself how large an image is, for the platform of this machine. Undefined when it cannot be asked from
 * here, as when the runtime has a mirror, a proxy or certificates of its own. Only `localhost` is asked without TLS.
 */
export async function manifestSizes(
  image: ImageReference,
  logins: readonly Login[],
  signal: AbortSignal,
): Promise<ManifestSizes | undefined> {
  for (const base of basesOf(image.domain)) {
    try {
      for (const login of [...logins, undefined]) {
        const sizes = await sizesOf(
          new Registry(base, image.path, login, signal),
          image.digest ?? image.tag ?? "",
        );
        if (sizes) return sizes;
      }
    } catch {
      // Not there by this scheme, or not at all.
      if (signal.aborted) return undefined;
    }
  }
  return undefined;
}

function basesOf(domain: string): string[] {
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host);
  return [`https://${host}`, ...(isLocal ? [`http://${host}`] : [])].filter((base) => URL.canParse(base));
}

/** One repository, and what was learnt about getting in. */
class Registry {
  readonly #manifests: URL;
  readonly #scope: string;
  readonly #login: Login | undefined;
  readonly #signal: AbortSignal;
  #authorization: string | undefined;

  constructor(base: string, path: string, login: Login | undefined, signal: AbortSignal) {
    this.#manifests = new URL(`${base}/v2/${path}/manifests/`);
    this.#scope = `repository:${path}:pull`;
    this.#login = login;
    this.#signal = signal;
  }

  /** A manifest by a tag or a digest; undefined when it is not given to us. */
  async manifest(name: string): Promise<unknown> {
    const answer = await this.#ask(name);
    if (answer.status !== 401 || answer.challenge === undefined || this.#authorization !== undefined)
      return answer.status === 200 ? answer.json : undefined;
    const { challenge } = answer;
    const given = await authorization(challenge, this.#manifests, this.#scope, this.#login, this.#signal);
    if (given === undefined) return undefined;
    this.#authorization = given;
    const again = await this.#ask(name);
    return again.status === 200 ? again.json : undefined;
  }

  #ask(name: string): Promise<Answer> {
    const allowed = this.#authorization === undefined ? {} : { authorization: this.#authorization };
    // A digest has a colon, with which a relative URL would be read as a scheme.
    const url = new URL(`./${name}`, this.#manifests);
    return ask(url, this.#signal, { headers: { accept: mediaTypes, ...allowed } });
  }
}

interface Descriptor {
  readonly size?: unknown;
  readonly digest?: unknown;
  readonly platform?: { readonly os?: unknown; readonly architecture?: unknown } | undefined;
}

/** What an index or a manifest may have; nothing of it is sure. */
interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly layers?: readonly Descriptor[];
  readonly config?: Descriptor;
}

async function sizesOf(registry: Registry, name: string): Promise<ManifestSizes | undefined> {
  const first = asManifest(await registry.manifest(name));
  const digest = first?.manifests && forThisMachine(first.manifests)?.digest;
  const manifest = typeof digest === "string" ? asManifest(await registry.manifest(digest)) : first;
  if (!manifest?.layers) return undefined;
  const sizes = [...manifest.layers, manifest.config].map((part) => part?.size ?? 0);
  const known = sizes.filter((size): size is number => Number.isSafeInteger(size) && Number(size) >= 0);
  if (known.length < sizes.length) return undefined;
  return { totalBytes: known.reduce((sum, size) => sum + size, 0), layers: manifest.layers.length };
}

function forThisMachine(manifests: readonly Descriptor[]): Descriptor | undefined {
  const wanted = architectures[process.arch] ?? process.arch;
  return manifests.find(({ platform }) => platform?.os === "linux" && platform.architecture === wanted);
}

function asManifest(json: unknown): Manifest | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const lists = [(json as Manifest).manifests, (json as Manifest).layers];
  // Lists of objects; what they hold is looked at where it is used.
  const good = lists.every(
    (list: unknown) =>
      list === undefined ||
      (Array.isArray(list) && list.every((item) => typeof item === "object" && item !== null)),
  );
  return good ? json : undefined;
}
