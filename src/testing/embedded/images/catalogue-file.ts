import { ImageCatalogue } from "./catalogue.js";
import { unknownKeys } from "./check-image.js";
import type { EmbeddedImage } from "./image.js";
import { isRecord, Problems } from "./problems.js";

/**
 * Reads what a catalogue file says, after `JSON.parse`: `{ "images": [{ "names": [...], ... }] }`, with the fields of
 * {@link EmbeddedImage} by the same names.
 *
 * Throws `invalid_option` with all that is wrong, each with its path; keys that are not known are wrong. `source` says in
 * the error where the file is.
 */
export function parseCatalogue(json: unknown, source: string): ImageCatalogue {
  const what = `the image catalogue ${source}`;
  const problems = new Problems();
  if (!isRecord(json)) problems.wrong("images", "must be in an object, { images: [...] }", json);
  else {
    unknownKeys(json, ["images"], "", problems);
    if (json.images === undefined) problems.note("images", "is missing: the list of images");
  }
  problems.throwIfAny(what);
  // Whether they are images is looked at there.
  return new ImageCatalogue((json as { readonly images: readonly EmbeddedImage[] }).images, what);
}
