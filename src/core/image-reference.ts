import { type CriError, criError, describe } from "./errors.js";

/** An image reference, normalized as the runtimes that default to Docker Hub do. */
export interface ImageReference {
  /** The registry: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly domain: string;
  /** The repository without its registry: `library/busybox`. */
  readonly path: string;
  /** `latest` when neither a tag nor a digest was given; undefined when only a digest was. */
  readonly tag: string | undefined;
  /** The manifest's digest: `sha256:` and 64 hex digits. It takes precedence over a tag. */
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

/** The digest algorithms that runtimes support, with the number of hex digits of each. */
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const hub = "docker.io";
const maxRepositoryLength = 255;

/**
 * Parses `[domain/]path[:tag][@digest]`. The first segment is a domain when it contains a `.`, a `:` or an upper-case letter, or
 * is `localhost`; all other names are on Docker Hub, where a path of one segment gets the prefix `library/`.
 *
 * Throws `invalid_image_reference` with the text of containerd's parser. An image id of 64 hex digits is not a reference.
 */
export function parseReference(text: string): ImageReference {
  if (typeof text !== "string") throw invalid(text, "must be a string");
  if (/^[0-9a-f]{64}$/.test(text))
    throw invalid(text, `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const { domain, rest } = splitDomain(text);
  const [remote = ""] = rest.split(":", 1);
  if (remote !== remote.toLowerCase())
    throw invalid(text, `invalid reference format: repository name (${remote}) must be lowercase`);
  const { path = "", tag, digest } = grammar.exec(`${domain}/${rest}`)?.groups ?? {};
  if (path === "") throw invalid(text, "invalid reference format");
  if (domain.length + 1 + path.length > maxRepositoryLength)
    throw invalid(text, `repository name must not be more than ${maxRepositoryLength} characters`);
  if (digest !== undefined) checkDigest(text, digest);
  return { domain, path, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

/** Parses like {@link parseReference}, but returns undefined for an invalid reference. */
export function tryParseReference(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** Returns the repository with its registry: `docker.io/library/busybox`. */
export function repositoryOf({ domain, path }: ImageReference): string {
  return `${domain}/${path}`;
}

/** Returns the canonical name: `docker.io/library/busybox:latest`, or with the digest alone when there is one. */
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
  return criError(
    "invalid_image_reference",
    `failed to parse image reference ${typeof reference === "string" ? JSON.stringify(reference) : describe(reference)}: ${why}`,
  );
}
