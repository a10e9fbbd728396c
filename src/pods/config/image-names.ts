import { isCriError, parseReference } from "../../core/index.js";

/** A rule for what names an image: a reference, or an id, of which runtimes also take a part. */
export function imageName(text: string): string | undefined {
  // A whole id is no reference; parts of it, and `sha256:` before them, read as one.
  if (/^[0-9a-f]{64}$/.test(text)) return undefined;
  try {
    parseReference(text);
    return undefined;
  } catch (error) {
    const why = isCriError(error) ? error.text.replace(/^.*": /, "") : String(error);
    return `must be a name or an id of an image (${why})`;
  }
}
