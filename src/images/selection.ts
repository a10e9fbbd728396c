import { CriError, type Problem, readReference } from "../core/index.js";
import { globMatches } from "./glob.js";
import { familiarReference, idDigits, normalizeReference } from "./names.js";
import type { NodeImage } from "./node-image.js";

/**
 * Which images are meant: a name, an id (also its first 12 digits or more), the digest of a manifest, or a pattern of names with `*` for any characters and
 * `?` for one; several of these; or a function. Patterns are held against full names (`docker.io/library/busybox:1.37`)
 * and short ones (`busybox:1.37`), with tags and with digests.
 */
export type ImageSelection = string | readonly string[] | ((image: NodeImage) => boolean);

/** The selection as a function. Throws `invalid_option` with every text that is neither. */
export function selects(selection: ImageSelection, path: string): (image: NodeImage) => boolean {
  if (typeof selection === "function") return selection;
  const texts = typeof selection === "string" ? [selection] : selection;
  const problems: Problem[] = [];
  const tests = texts.map((text, index) => {
    const test = typeof text === "string" ? testOf(text) : undefined;
    const where = typeof selection === "string" ? path : `${path}[${index}]`;
    if (!test)
      problems.push({ path: where, message: "must be a name, an id or a pattern of names", value: text });
    return test;
  });
  if (problems.length > 0)
    throw new CriError({
      code: "invalid_argument",
      reason: "invalid_option",
      text: problems.map((problem) => `${problem.path} ${problem.message}`).join("; "),
      problems,
    });
  return (image) => tests.some((test) => test?.(image));
}

function testOf(text: string): ((image: NodeImage) => boolean) | undefined {
  const id = idDigits(text);
  if (id !== undefined)
    return (image) =>
      idDigits(image.id) === id || image.digests.some((name) => name.endsWith(`@sha256:${id}`));
  if (/[*?]/.test(text)) return (image) => allNames(image).some((name) => globMatches(text, name));
  if (!readReference(text)) return undefined;
  const name = normalizeReference(text);
  // As crictl and docker print ids. It may be a name as well.
  const short = /^[0-9a-f]{12,63}$/.test(text) ? text : undefined;
  return ({ id, names, digests }) =>
    names.includes(name) ||
    digests.includes(name) ||
    (short !== undefined && idDigits(id)?.startsWith(short) === true);
}

function allNames({ names, digests }: NodeImage): string[] {
  return [...names, ...digests].flatMap((name) => {
    const reference = readReference(name);
    if (!reference) return [name];
    const short = familiarReference(reference);
    // The short form leaves `latest` out, which a pattern may well name.
    return [name, short, ...(short.includes(":") ? [] : [`${short}:latest`])];
  });
}
