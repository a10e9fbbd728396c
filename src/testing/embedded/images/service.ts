import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FilesystemUsageSchema, Image, ImageFilter } from "../../../../gen/runtime/v1/api_pb.js";
import type { ImageImplementation } from "../../../server/index.js";
import { find } from "./lookup.js";
import { imageInfo, imageMessage, imageStatusMessage } from "./message.js";
import type { ImageStore } from "./store.js";

/** What the image service tells besides images. */
export interface ImageServiceOptions {
  /**
   * The directory that holds the images, as ImageFsInfo tells it; nothing is ever written there.
   * @default "/var/lib/cri-sdk-embedded/images"
   */
  readonly mountpoint?: string | undefined;
  /**
   * CRI `ImageFsInfoResponse.container_filesystems`, asked for at each call.
   * @default none, which means the same as the images', as containerd has it
   */
  readonly containerFilesystems?: (() => readonly FilesystemUsageInit[]) | undefined;
  /**
   * How many images a message of StreamImages has, at most.
   * @default 500
   */
  readonly imagesPerMessage?: number | undefined;
}

/** A file system, as CRI tells it. */
export type FilesystemUsageInit = MessageInitShape<typeof FilesystemUsageSchema>;

/** What a layer takes of a file system: made up, as the layers are. */
const inodesPerLayer = 100;

/** CRI's ImageService for the images of a node. */
export function imageService(store: ImageStore, options: ImageServiceOptions = {}): ImageImplementation {
  const { mountpoint = "/var/lib/cri-sdk-embedded/images", imagesPerMessage = 500 } = options;
  return {
    listImages: ({ filter }) => ({ images: list(store, filter) }),

    async *streamImages({ filter }) {
      const images = list(store, filter);
      for (let from = 0; from < images.length; from += imagesPerMessage)
        yield { images: images.slice(from, from + imagesPerMessage) };
    },

    imageStatus({ image, verbose }) {
      const node = store.find(image?.image ?? "");
      if (!node) return {};
      return { image: imageStatusMessage(node, store.idOf(node)), info: verbose ? imageInfo(node) : {} };
    },

    async pullImage({ image, auth }, { signal }) {
      return { imageRef: store.idOf(await store.pull(image?.image ?? "", auth, signal)) };
    },

    removeImage({ image }) {
      store.remove(image?.image ?? "");
      return {};
    },

    imageFsInfo() {
      const images = store.images.map(({ image }) => image);
      const used = images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const layers = images.reduce((sum, image) => sum + image.layers, 0);
      const filesystem = {
        timestamp: store.now(),
        fsId: { mountpoint },
        usedBytes: { value: BigInt(used) },
        inodesUsed: { value: BigInt(layers * inodesPerLayer) },
      };
      return {
        imageFilesystems: [filesystem],
        containerFilesystems: [...(options.containerFilesystems?.() ?? [])],
      };
    },
  };
}

/** The images that a filter selects: the one that its name or id means, none where that is not clear. */
function list(store: ImageStore, filter: ImageFilter | undefined): Image[] {
  const wanted = filter?.image?.image ?? "";
  const found = wanted === "" ? undefined : find(store.images, wanted);
  const images = wanted === "" ? store.images : found && found !== "ambiguous" ? [found] : [];
  return images.map((node) => imageMessage(node, store.idOf(node)));
}
