import { canonicalName, type ImageReference, parseReference, readReference } from "../core/index.js";

const fullId = /^(?:sha256:)?([0-9a-f]{64})$/;

/** The 64 hex digits of an image's id, which every runtime understands; undefined for what is no id. */
export function idDigits(image: string): string | undefined {
  return fullId.exec(image)?.[1];
}

/**
 * What is sent for an image that a user names: an id as its digits; a name as it was written, with `:latest` where it has
 * neither tag nor digest. A short name is not completed here: CRI-O looks for those in registries of its own.
 *
 * Throws `invalid_image_reference`.
 */
export function sentName(image: string): string {
  const id = idDigits(image);
  if (id !== undefined) return id;
  const { digest } = parseReference(image);
  if (digest !== undefined) return image;
  // A colon before the last slash belongs to a port.
  return image.slice(image.lastIndexOf("/") + 1).includes(":") ? image : `${image}:latest`;
}

/**
 * The one full name of an image: `busybox` is `docker.io/library/busybox:latest`. Where there is a digest, a tag is left
 * out, as runtimes do.
 *
 * Throws {@link CriError} `invalid_image_reference`.
 */
export function normalizeReference(image: string): string {
  return canonicalName(parseReference(image));
}

/** All of a reference as text, complete: with the tag, and with the digest, where it has them. */
export function formatReference({ domain, path, tag, digest }: ImageReference): string {
  return `${domain}/${path}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/**
 * The shortest text that means the same: without `docker.io/` and `library/`, and without `latest`. An image on Docker Hub
 * whose short name would be read as another one keeps its long name.
 */
export function familiarReference(reference: ImageReference): string {
  const { domain, path, tag, digest } = reference;
  const full = formatReference(reference);
  const short = (path.startsWith("library/") && path.indexOf("/", 8) < 0 ? path.slice(8) : path) || path;
  const name = domain === "docker.io" ? short : `${domain}/${path}`;
  const shownTag = tag === undefined || (tag === "latest" && digest === undefined) ? "" : `:${tag}`;
  const text = `${name}${shownTag}${digest === undefined ? "" : `@${digest}`}`;
  const read = readReference(text);
  return read !== undefined && formatReference(read) === full ? text : full;
}
