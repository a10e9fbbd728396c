import { CriError } from "./errors.js";

/** A name of an image, as the runtimes that default to Docker Hub understand it. */
export interface ImageReference {
  /** The registry: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly domain: string;
  /** The rest of the repository's name: `library/busybox`. */
  readonly path: string;
  /** `latest` where neither a tag nor a digest was given; undefined where only a digest was. */
  readonly tag: string | undefined;
  /** Of the manifest: `sha256:` and 64 hex digits. Where there is one, it decides, and a tag says nothing. */
  readonly digest: string | undefined;
}

const component = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
const label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const domain = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const algorithm = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*";
const grammar = new RegExp(
  `^(?<domain>${domain})/(?<path>${component}(?:/${component})*)` +
    `(?::(?<tag>${tag}))?(?:@(?<digest>${algorithm}:[0-9a-fA-F]{32,}))?$`,
);

/** The digests that runtimes can compute, and how many hex digits each has. */
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const hub = "docker.io";
const longestRepository = 255;

/**
 * Reads `[domain/]path[:tag][@digest]`. The first segment is a domain when it has a `.`, a `:` or an upper-case letter, or
 * is `localhost`; other names are on Docker Hub, where a path of one segment gets `library/` put before it.
 *
 * Throws `invalid_image_reference` in the words of containerd's parser. An image id of 64 hex digits is no name.
 */
export function parseReference(text: string): ImageReference {
  if (typeof text !== "string") throw invalid(text, "must be a text");
  if (/^[0-9a-f]{64}$/.test(text))
    throw invalid(text, `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const { domain, rest } = splitDomain(text);
  const [remote = ""] = rest.split(":", 1);
  if (remote !== remote.toLowerCase())
    throw invalid(text, `invalid reference format: repository name (${remote}) must be lowercase`);
  const { path = "", tag, digest } = grammar.exec(`${domain}/${rest}`)?.groups ?? {};
  if (path === "") throw invalid(text, "invalid reference format");
  if (domain.length + 1 + path.length > longestRepository)
    throw invalid(text, `repository name must not be more than ${longestRepository} characters`);
  if (digest !== undefined) checkDigest(text, digest);
  return { domain, path, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

/** The same, giving undefined for what is no name. */
export function readReference(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** The repository, with its registry: `docker.io/library/busybox`. */
export function repositoryOf({ domain, path }: ImageReference): string {
  return `${domain}/${path}`;
}

/** The one full name: `docker.io/library/busybox:latest`, or with the digest alone where there is one. */
export function canonicalName(reference: ImageReference): string {
  const { tag, digest } = reference;
  return repositoryOf(reference) + (digest === undefined ? `:${tag}` : `@${digest}`);
}

function splitDomain(text: string): { readonly domain: string; readonly rest: string } {
  const slash = text.indexOf("/");
  if (slash < 0) return { domain: hub, rest: `library/${text}` };
  const first = text.slice(0, slash);
  const isDomain = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  const domain = !isDomain || first === "index.docker.io" ? hub : first;
  const rest = isDomain ? text.slice(slash + 1) : text;
  return { domain, rest: domain === hub && !rest.includes("/") ? `library/${rest}` : rest };
}

function checkDigest(text: string, digest: string): void {
  const [name = "", hex = ""] = digest.split(":");
  const length = digestLengths[name];
  if (length === undefined) throw invalid(text, "unsupported digest algorithm");
  if (hex.length !== length) throw invalid(text, "invalid checksum digest length");
  if (hex !== hex.toLowerCase()) throw invalid(text, "invalid checksum digest format");
}

function invalid(reference: string, why: string): CriError {
  return new CriError({
    code: "invalid_argument",
    reason: "invalid_image_reference",
    text: `failed to parse image reference ${JSON.stringify(reference)}: ${why}`,
  });
}
