// Removals of images.
import { criError } from "cri-sdk/server";
import type { ImageDetails } from "../engine/api.js";
import { type Engine, EngineError } from "../engine/client.js";
import { ignoreMissing } from "../errors.js";
import { fullNames, resolveImage } from "./resolve.js";

export class ImageRemover {
  readonly #engine: Engine;
  /** The removals in progress, by the image's id. The engine fails for the second of two, and still finds the image at that time. */
  readonly #removals = new Map<string, Promise<void>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Removes an image with all of its names, as containerd does. While a container runs on it, the engine keeps its content: it is then an
   * image without names, whose removal fails with `wrong_state`.
   */
  async remove(reference: string, signal: AbortSignal): Promise<void> {
    const image = await resolveImage(this.#engine, reference, signal);
    if (!image) return;
    const id = image.Id;
    const removal = this.#removals.get(id) ?? this.#remove(image).finally(() => this.#removals.delete(id));
    this.#removals.set(id, removal);
    await removal;
  }

  async #remove({ Id: id, RepoTags, RepoDigests }: ImageDetails): Promise<void> {
    try {
      await this.#delete(id);
    } catch (error) {
      if (error instanceof EngineError && error.status === 409) {
        const names = fullNames([...(RepoTags ?? []), ...(RepoDigests ?? [])]);
        if (names.length === 0)
          throw criError("wrong_state", `image is in use: ${error.message}`, { cause: error });
        for (const name of names) await this.#delete(name);
      } else if (await resolveImage(this.#engine, id)) throw error;
      // Otherwise another program has removed the image meanwhile, which Docker 20.10 reports as status 500.
    }
  }

  async #delete(name: string): Promise<void> {
    await this.#engine.call("DELETE", `/images/${name}`, { query: { force: true } }).catch(ignoreMissing);
  }
}
