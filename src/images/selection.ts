import { type OptionCheck, tryParseReference, Violations } from "../core/index.js";
import { globMatches } from "./glob.js";
import { familiarReference, idDigits, normalizeReference, shortIdDigits } from "./names.js";
import type { NodeImage } from "./node-image.js";

/**
 * A selection of images: a name, an id (or at least its first 12 digits), a manifest's digest, or a pattern of names with `*` for any
 * characters and `?` for one character; a list of these; or a predicate. Patterns are matched against full names
 * (`docker.io/library/busybox:1.37`) and short ones (`busybox:1.37`), with tags and with digests.
 */
export type ImageSelection = string | readonly string[] | ((image: NodeImage) => boolean);

/** The strings of a selection are checked when it becomes a predicate. */
export const selectionCheck: OptionCheck<ImageSelection> = (value) =>
  typeof value === "string" || typeof value === "function" || Array.isArray(value)
    ? undefined
    : "must be a string, an array of strings or a function";

/** Returns the selection as a predicate. Throws `invalid_option`, which lists every invalid string. */
export function selectionFilter(selection: ImageSelection, path: string): (image: NodeImage) => boolean {
  if (typeof selection === "function") return selection;
  const texts = typeof selection === "string" ? [selection] : selection;
  const violations = new Violations();
  const filters = texts.map((text, index) => {
    const filter = typeof text === "string" ? textFilter(text) : undefined;
    const place = typeof selection === "string" ? path : `${path}[${index}]`;
    violations.check(filter !== undefined, place, "must be a name, an id or a pattern of names", text);
    return filter;
  });
  violations.throwIfAny("invalid_option", "invalid image selection");
  return (image) => filters.some((filter) => filter?.(image));
}

function textFilter(text: string): ((image: NodeImage) => boolean) | undefined {
  const id = idDigits(text);
  if (id !== undefined)
    return (image) =>
      idDigits(image.id) === id || image.digests.some((name) => name.endsWith(`@sha256:${id}`));
  if (/[*?]/.test(text)) return (image) => allNames(image).some((name) => globMatches(text, name));
  if (!tryParseReference(text)) return undefined;
  const name = normalizeReference(text);
  const idPrefix = shortIdDigits(text);
  return ({ id, names, digests }) =>
    names.includes(name) ||
    digests.includes(name) ||
    (idPrefix !== undefined && idDigits(id)?.startsWith(idPrefix) === true);
}

function allNames({ names, digests }: NodeImage): string[] {
  return [...names, ...digests].flatMap((name) => {
    const reference = tryParseReference(name);
    if (!reference) return [name];
    const short = familiarReference(reference);
    // The short form omits `latest`, but a pattern may contain it.
    return [name, short, ...(short.includes(":") ? [] : [`${short}:latest`])];
  });
}
