// CRI's ImageService.
import { criError, type ImageImplementation } from "cri-sdk/server";
import type { ImageFilter, ImageSpec } from "cri-sdk/v1";
import type { Engine } from "../engine/client.js";
import { toImage, toInfo } from "./details.js";
import { ImageList, userOf } from "./list.js";
import { Puller } from "./pull.js";
import { ImageRemover } from "./remove.js";
import { resolveImage } from "./resolve.js";
import { ImageUsage } from "./usage.js";

export interface ImageServiceOptions {
  /** The image of the sandboxes, which is reported as pinned. */
  readonly pauseImage: string;
  /** How long a pull may make no progress, in milliseconds. Default: ten minutes. */
  readonly pullStallMs?: number;
}

/** How many images a message of StreamImages has. */
const pieceLength = 100;

/** Returns the handlers of ImageService. */
export function imageService(engine: Engine, options: ImageServiceOptions): ImageImplementation {
  const { pauseImage, pullStallMs = 600_000 } = options;
  const imageList = new ImageList(engine);
  const puller = new Puller(engine, pullStallMs);
  const remover = new ImageRemover(engine);
  const usage = new ImageUsage(engine);

  async function list(filter: ImageFilter | undefined, signal: AbortSignal) {
    const name = filter?.image?.image;
    if (!name)
      return (await imageList.read(signal)).map(({ image, user }) => toImage(image, user, pauseImage));
    const image = await resolveImage(engine, name, signal);
    return image ? [toImage(image, userOf(image), pauseImage)] : [];
  }

  return {
    listImages: async ({ filter }, { signal }) => ({ images: await list(filter, signal) }),

    async *streamImages({ filter }, { signal }) {
      const images = await list(filter, signal);
      for (let start = 0; start < images.length; start += pieceLength)
        yield { images: images.slice(start, start + pieceLength) };
    },

    async imageStatus({ image: spec, verbose }, { signal }) {
      const image = await resolveImage(engine, requiredName(spec), signal);
      if (!image) return {};
      return { image: toImage(image, userOf(image), pauseImage), ...(verbose && { info: toInfo(image) }) };
    },

    async pullImage({ image: spec, auth }, { signal }) {
      return { imageRef: await puller.pull(requiredName(spec), auth, signal) };
    },

    async removeImage({ image: spec }, { signal }) {
      await remover.remove(requiredName(spec), signal);
      return {};
    },

    imageFsInfo: () => usage.read(),
  };
}

function requiredName(spec: ImageSpec | undefined): string {
  if (spec?.image) return spec.image;
  throw criError("invalid_request", "image.image: must not be empty");
}
