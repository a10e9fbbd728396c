// The list of images. The engine's list lacks their users, which are read once for each image: an id is a digest of the config.
import type { ImageDetails, ImageSummary } from "../engine/api.js";
import type { Engine } from "../engine/client.js";
import { resolveImage } from "./resolve.js";

/** How many images are inspected at the same time. */
const inspectLimit = 8;

export class ImageList {
  readonly #engine: Engine;
  /** The users of the images of the last list, by id. */
  #users: ReadonlyMap<string, string> = new Map();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Returns all images with their users. */
  async read(signal: AbortSignal): Promise<{ readonly image: ImageSummary; readonly user: string }[]> {
    const images = await this.#engine.call<ImageSummary[]>("GET", "/images/json", {
      query: { digests: true },
      signal,
    });
    const known = this.#users;
    const users = new Map<string, string>();
    const unknown: string[] = [];
    for (const { Id } of images) {
      const user = known.get(Id);
      if (user === undefined) unknown.push(Id);
      else users.set(Id, user);
    }
    for (let start = 0; start < unknown.length; start += inspectLimit) {
      const ids = unknown.slice(start, start + inspectLimit);
      for (const details of await Promise.all(ids.map((id) => resolveImage(this.#engine, id, signal))))
        if (details) users.set(details.Id, userOf(details));
    }
    this.#users = users;
    // An image that was removed since the list was made has no user here, and is left out.
    return images.flatMap((image) => {
      const user = users.get(image.Id);
      return user === undefined ? [] : [{ image, user }];
    });
  }
}

/** Returns the user of an image's config: USER, USER:GROUP, or empty. */
export function userOf({ Config }: ImageDetails): string {
  return Config?.User ?? "";
}
