import {
  canonicalName,
  checkArgument,
  type ImageReference,
  parseReference,
  referenceCheck,
  tryParseReference,
} from "../core/index.js";
import type { NodeImage } from "./node-image.js";

const fullId = /^(?:sha256:)?([0-9a-f]{64})$/;
/** crictl prints 13 digits, Docker 12. */
const shortId = /^(?:sha256:)?([0-9a-f]{12,63})$/;

/** Returns the 64 hex digits of an image id, which every runtime accepts; undefined when it is not an id. */
export function idDigits(image: string): string | undefined {
  return fullId.exec(image)?.[1];
}

/** Returns the hex digits of a shortened id, as crictl and Docker print it; undefined for other texts. It may be a name as well. */
export function shortIdDigits(image: string): string | undefined {
  return shortId.exec(image)?.[1];
}

/** Reports whether a text is an id, whole or shortened, and cannot be meant as a name. */
export function isIdOnly(image: string): boolean {
  return idDigits(image) !== undefined || (image.startsWith("sha256:") && shortId.test(image));
}

/**
 * Returns the image as it is sent to the runtime: the digits of an id, or the name as written, with `:latest` when it has neither tag
 * nor digest. Short names are not completed, since CRI-O resolves them by its own registry configuration.
 *
 * Throws `invalid_image_reference`.
 */
export function requestName(image: string): string {
  const id = idDigits(image);
  if (id !== undefined) return id;
  const { digest } = parseReference(image);
  if (digest !== undefined) return image;
  // A colon before the last slash separates a port.
  return image.slice(image.lastIndexOf("/") + 1).includes(":") ? image : `${image}:latest`;
}

/**
 * Returns the canonical name of an image: `docker.io/library/busybox:latest` for `busybox`. With a digest the tag is omitted, as
 * runtimes do.
 *
 * Throws {@link CriError} `invalid_image_reference`.
 */
export function normalizeReference(image: string): string {
  return canonicalName(parseReference(image));
}

/** Formats a complete reference: with the tag and the digest that it has. */
export function formatReference(reference: ImageReference): string {
  checkArgument("formatReference", "reference", reference, referenceCheck);
  const { domain, path, tag, digest } = reference;
  return `${domain}/${path}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/**
 * Formats the shortest equivalent reference: without `docker.io/` and `library/`, and without `:latest`. An image on Docker Hub whose
 * short name would parse differently keeps its full name.
 */
export function familiarReference(reference: ImageReference): string {
  checkArgument("familiarReference", "reference", reference, referenceCheck);
  const { domain, path, tag, digest } = reference;
  const full = formatReference(reference);
  const short = (path.startsWith("library/") && path.indexOf("/", 8) < 0 ? path.slice(8) : path) || path;
  const name = domain === "docker.io" ? short : `${domain}/${path}`;
  const shownTag = tag === undefined || (tag === "latest" && digest === undefined) ? "" : `:${tag}`;
  const text = `${name}${shownTag}${digest === undefined ? "" : `@${digest}`}`;
  const parsed = tryParseReference(text);
  return parsed !== undefined && formatReference(parsed) === full ? text : full;
}

/** A set of image names and ids, in any form that a runtime uses. */
export class ImageNameSet {
  readonly #names = new Set<string>();

  add(name: string): void {
    if (name === "") return;
    this.#names.add(idDigits(name) ?? (tryParseReference(name) ? normalizeReference(name) : name));
  }

  /** Returns whether the set has a name, a digest or the id of this image. */
  includes({ id, names, digests }: NodeImage): boolean {
    return [idDigits(id) ?? id, ...names, ...digests].some((name) => this.#names.has(name));
  }
}
