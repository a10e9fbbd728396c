import { readReference } from "../../../core/index.js";
import type { NodeImage } from "./node-image.js";

/** An id, or the beginning of one: what is shorter is none. `sha256:` may be before it. */
const idPrefix = /^(?:sha256:)?([0-9a-f]{3,64})$/;

/**
 * The image that a caller of CRI means, in containerd's order: by a name, then by an id or a prefix of one. The digest of
 * a manifest on its own means nothing. "" would begin every id, and is as ambiguous as a prefix of several.
 */
export function find(images: readonly NodeImage[], reference: string): NodeImage | "ambiguous" | undefined {
  if (reference === "") return "ambiguous";
  const name = readReference(reference);
  const named = name && images.find((image) => image.has(name));
  if (named) return named;
  const prefix = idPrefix.exec(reference)?.[1];
  if (prefix === undefined) return undefined;
  const [found, another] = images.filter(({ hex }) => hex.startsWith(prefix));
  return another ? "ambiguous" : found;
}
