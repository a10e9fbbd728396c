import type { Image } from "../../../gen/runtime/v1/api_pb.js";
import type { ContainerImage } from "../../kubernetes/index.js";

/** The kubelet's limits: `nodeStatusMaxImages`, and the names of one image. */
const maxImages = 50;
const maxNames = 5;

/** Returns `status.images`: the largest images, with their digests before their tags. */
export function nodeImages(images: readonly Image[]): readonly ContainerImage[] {
  return [...images]
    .sort((a, b) => Number(b.size - a.size) || (a.id < b.id ? -1 : 1))
    .slice(0, maxImages)
    .map(({ repoDigests, repoTags, size }) => ({
      names: [...repoDigests, ...repoTags].slice(0, maxNames),
      sizeBytes: Number(size),
    }));
}
