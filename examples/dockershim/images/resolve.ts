// References to images: the names that CRI uses, and what the engine looks up for them.
import { normalizeReference } from "cri-sdk";
import type { ImageDetails } from "../engine/api.js";
import type { Engine } from "../engine/client.js";
import { isMissing } from "../errors.js";

const fullId = /^(?:sha256:)?([0-9a-f]{64})$/;
/** A shortened id. It may be a name as well, and the engine looks for a name first. */
const idPrefix = /^(?:sha256:)?[0-9a-f]{12,63}$/;

/**
 * Returns the image that a name, a name with a digest, an id or the beginning of one refers to; undefined if it is not on this node, or
 * if the reference is not valid.
 */
export async function resolveImage(
  engine: Engine,
  reference: string,
  signal?: AbortSignal,
): Promise<ImageDetails | undefined> {
  const name = lookupName(reference);
  if (name === undefined) return undefined;
  try {
    return await engine.call<ImageDetails>("GET", `/images/${name}/json`, { signal });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Returns what the engine looks up for a reference; undefined for an invalid one. A name always gets its tag: the engine would take
 * `cafe` for the beginning of an id, too.
 */
export function lookupName(reference: string): string | undefined {
  const id = fullId.exec(reference)?.[1];
  if (id !== undefined) return `sha256:${id}`;
  return idPrefix.test(reference) ? reference : fullName(reference);
}

/** Returns the full names for those of the engine, which shortens the ones on Docker Hub and writes `<none>` for a missing part. */
export function fullNames(names: readonly string[] | null): string[] {
  return (names ?? []).flatMap((name) => fullName(name) ?? []).sort();
}

/** Returns the name with its registry and its tag or digest, such as `docker.io/library/busybox:latest` for `busybox`. */
export function fullName(name: string): string | undefined {
  try {
    return normalizeReference(name);
  } catch {
    return undefined;
  }
}
