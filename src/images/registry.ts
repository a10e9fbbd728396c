import type { ImageReference } from "../core/index.js";
import type { SecretCredentials } from "./auth/credentials.js";

/** The size of an image according to its manifest. */
export interface ManifestSizes {
  /** The compressed size of the layers and the config, in bytes. */
  readonly totalBytes: number;
  /** The number of layers. */
  readonly layers: number;
}

const mediaTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/** Go's names of architectures, where Node's are different. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

const responseLimitBytes = 4 << 20;

/**
 * Reads the size of an image for this machine's platform from the registry. Resolves with undefined when the registry does not serve it
 * to this process, for example because the runtime has a mirror, a proxy or certificates of its own. Uses plain HTTP only for
 * `localhost`.
 */
export async function readManifestSizes(
  image: ImageReference,
  credentials: readonly SecretCredentials[],
  signal: AbortSignal,
): Promise<ManifestSizes | undefined> {
  for (const base of baseUrls(image.domain)) {
    try {
      for (const one of [...credentials, undefined]) {
        const repository = new Repository(base, image.path, one, signal);
        const sizes = await sizesOf(repository, image.digest ?? image.tag ?? "");
        if (sizes) return sizes;
      }
    } catch {
      // The request failed, for example because no server uses this scheme: tries the next URL.
      if (signal.aborted) return undefined;
    }
  }
  return undefined;
}

function baseUrls(domain: string): string[] {
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host);
  return [`https://${host}`, ...(isLocal ? [`http://${host}`] : [])].filter((base) => URL.canParse(base));
}

/** A repository of a registry, with the authorization that the registry issued. */
class Repository {
  readonly #manifests: URL;
  readonly #scope: string;
  readonly #credentials: SecretCredentials | undefined;
  readonly #signal: AbortSignal;
  #authorization: string | undefined;

  constructor(base: string, path: string, credentials: SecretCredentials | undefined, signal: AbortSignal) {
    this.#manifests = new URL(`${base}/v2/${path}/manifests/`);
    this.#scope = `repository:${path}:pull`;
    this.#credentials = credentials;
    this.#signal = signal;
  }

  /** Returns the manifest of a tag or a digest; undefined when the registry refuses or does not have it. */
  async manifest(name: string): Promise<unknown> {
    const first = await this.#request(name);
    const { challenge } = first;
    if (first.status !== 401 || challenge === undefined || this.#authorization !== undefined)
      return first.status === 200 ? first.json : undefined;
    this.#authorization = await authorize(
      challenge,
      this.#manifests,
      this.#scope,
      this.#credentials,
      this.#signal,
    );
    if (this.#authorization === undefined) return undefined;
    const second = await this.#request(name);
    return second.status === 200 ? second.json : undefined;
  }

  #request(name: string): Promise<RegistryResponse> {
    const authorization = this.#authorization === undefined ? {} : { authorization: this.#authorization };
    // The "./" keeps the colon of a digest from being parsed as the end of a scheme.
    const url = new URL(`./${name}`, this.#manifests);
    return request(url, this.#signal, { headers: { accept: mediaTypes, ...authorization } });
  }
}

interface Descriptor {
  readonly size?: unknown;
  readonly digest?: unknown;
  readonly platform?: { readonly os?: unknown; readonly architecture?: unknown } | undefined;
}

/** The fields of an index or a manifest, which are not validated. */
interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly layers?: readonly Descriptor[];
  readonly config?: Descriptor;
}

async function sizesOf(repository: Repository, name: string): Promise<ManifestSizes | undefined> {
  const first = asManifest(await repository.manifest(name));
  const digest = first?.manifests && ofThisPlatform(first.manifests)?.digest;
  const manifest = typeof digest === "string" ? asManifest(await repository.manifest(digest)) : first;
  if (!manifest?.layers) return undefined;
  const sizes = [...manifest.layers, manifest.config].map((part) => part?.size ?? 0);
  const valid = sizes.filter((size): size is number => Number.isSafeInteger(size) && Number(size) >= 0);
  if (valid.length < sizes.length) return undefined;
  return { totalBytes: valid.reduce((sum, size) => sum + size, 0), layers: manifest.layers.length };
}

function ofThisPlatform(manifests: readonly Descriptor[]): Descriptor | undefined {
  const architecture = architectures[process.arch] ?? process.arch;
  return manifests.find(({ platform }) => platform?.os === "linux" && platform.architecture === architecture);
}

function asManifest(json: unknown): Manifest | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  const lists = [(json as Manifest).manifests, (json as Manifest).layers];
  // Checks only that these are lists of objects; their fields are checked where they are used.
  const isValid = lists.every(
    (list: unknown) =>
      list === undefined ||
      (Array.isArray(list) && list.every((item) => typeof item === "object" && item !== null)),
  );
  return isValid ? json : undefined;
}

interface RegistryResponse {
  readonly status: number;
  /** Undefined when the body is not JSON. */
  readonly json: unknown;
  /** The challenge of the server that was asked; undefined when the response came from another server, to which it redirected. */
  readonly challenge: string | undefined;
}

/**
 * Sends one request. `fetch` does not forward the Authorization header to another host on a redirect, but it forwards a body. Rejects
 * when there is no response, and for a body above the limit.
 */
async function request(url: URL, signal: AbortSignal, init: RequestInit = {}): Promise<RegistryResponse> {
  const response = await fetch(url, { ...init, signal });
  // A challenge names the server that receives the password, so only the registry itself may issue it.
  const isFromOrigin = new URL(response.url).origin === url.origin;
  const challenge = (isFromOrigin && response.headers.get("www-authenticate")) || undefined;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > responseLimitBytes) throw new Error(`the response exceeds ${responseLimitBytes} bytes`);
  }
  return { status: response.status, json: parseJson(Buffer.concat(chunks).toString("utf8")), challenge };
}

/**
 * Returns the Authorization header that a challenge requests; undefined when it cannot be obtained. The token server must have the
 * registry's scheme or HTTPS, so that no password is sent unencrypted.
 */
async function authorize(
  challenge: string,
  registry: URL,
  defaultScope: string,
  credentials: SecretCredentials | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [, scheme = "", rest = ""] = /^\s*([A-Za-z]+)\s*(.*)$/s.exec(challenge) ?? [];
  if (scheme.toLowerCase() === "basic") return credentials?.basic;
  if (scheme.toLowerCase() !== "bearer") return undefined;
  const parameters = new Map(
    [...rest.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, key, value]) => [key, value]),
  );
  const realm = parameters.get("realm");
  if (realm === undefined || !URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.protocol !== "https:" && url.protocol !== registry.protocol) return undefined;
  const query = { service: parameters.get("service") ?? "", scope: parameters.get("scope") ?? defaultScope };
  const { status, json } =
    credentials?.identityToken === undefined
      ? await request(
          withQuery(url, query),
          signal,
          credentials?.basic ? { headers: { authorization: credentials.basic } } : {},
        )
      : await request(url, signal, {
          method: "POST",
          body: refreshForm(query, credentials.identityToken),
          redirect: "error",
        });
  if (status !== 200 || typeof json !== "object" || json === null) return undefined;
  const { token, access_token: accessToken } = json as {
    readonly token?: unknown;
    readonly access_token?: unknown;
  };
  const value = token ?? accessToken;
  return typeof value === "string" && /^[\x21-\x7e]+$/.test(value) ? `Bearer ${value}` : undefined;
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const result = new URL(url);
  for (const [name, value] of Object.entries(query)) if (value !== "") result.searchParams.set(name, value);
  return result;
}

function refreshForm(query: Readonly<Record<string, string>>, token: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "cri-sdk",
    ...query,
    refresh_token: token,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
