import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type FilesystemUsageSchema,
  type Image,
  type ImageFilter,
  ImageSchema,
  ImageSpecSchema,
} from "../../../../gen/runtime/v1/api_pb.js";
import type { ImageImplementation } from "../../../server/index.js";
import type { CatalogueImage } from "./catalogue.js";
import type { ImageStore } from "./store.js";
import { findImage, type StoredImage } from "./stored-image.js";

/** Options of {@link imageService}. */
export interface ImageServiceOptions {
  /**
   * The directory that ImageFsInfo reports for images; nothing is written to it. It must exist, because kubelets call statfs(2) on it.
   * @default "/"
   */
  readonly mountpoint?: string | undefined;
  /**
   * Returns CRI `ImageFsInfoResponse.container_filesystems`; called for each request.
   * @default none
   */
  readonly containerFilesystems?: (() => Promise<readonly FilesystemUsageInit[]>) | undefined;
  /**
   * The number of images in a message of StreamImages.
   * @default 500
   */
  readonly imagesPerMessage?: number | undefined;
}

/** CRI `FilesystemUsage`. */
export type FilesystemUsageInit = MessageInitShape<typeof FilesystemUsageSchema>;

/** The inodes that a layer uses; a made-up number, as layers have no files. */
const inodesPerLayer = 100;

/** Creates CRI's ImageService for the images of a node. */
export function imageService(store: ImageStore, options: ImageServiceOptions = {}): ImageImplementation {
  const { mountpoint = "/", imagesPerMessage = 500 } = options;
  return {
    listImages: ({ filter }) => ({ images: list(store, filter) }),

    async *streamImages({ filter }) {
      const images = list(store, filter);
      for (let from = 0; from < images.length; from += imagesPerMessage)
        yield { images: images.slice(from, from + imagesPerMessage) };
    },

    imageStatus({ image, verbose }) {
      const stored = store.find(image?.image ?? "");
      if (!stored) return {};
      return { image: statusMessage(stored, store.idOf(stored)), info: verbose ? verboseInfo(stored) : {} };
    },

    async pullImage({ image, auth }, { signal }) {
      return { imageRef: store.idOf(await store.pull(image?.image ?? "", auth, signal)) };
    },

    removeImage({ image }) {
      store.remove(image?.image ?? "");
      return {};
    },

    async imageFsInfo() {
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
        containerFilesystems: [...((await options.containerFilesystems?.()) ?? [])],
      };
    },
  };
}

/** Lists the images that match a filter: the one with its name or id; none when that is ambiguous. */
function list(store: ImageStore, filter: ImageFilter | undefined): Image[] {
  const reference = filter?.image?.image ?? "";
  const found = reference === "" ? undefined : findImage(store.images, reference);
  const images = reference === "" ? store.images : found && found !== "ambiguous" ? [found] : [];
  return images.map((stored) => listMessage(stored, store.idOf(stored)));
}

/** Converts an image to an item of ListImages. `spec` is unset, as on the measured runtimes. */
function listMessage(stored: StoredImage, id: string): Image {
  const { image, repoTags, repoDigests } = stored;
  return create(ImageSchema, {
    id,
    repoTags: [...repoTags],
    repoDigests: [...repoDigests],
    size: BigInt(image.sizeBytes),
    pinned: image.pinned,
    ...userOf(image),
  });
}

/** Converts an image to that of ImageStatus, which has the name and the annotations of the manifest in its `spec`. */
function statusMessage(stored: StoredImage, id: string): Image {
  const message = listMessage(stored, id);
  const [name = stored.repoDigests[0] ?? id] = stored.repoTags;
  message.spec = create(ImageSpecSchema, {
    image: name,
    annotations: { ...stored.image.annotations },
  });
  return message;
}

/** Builds the `info` of a verbose ImageStatus, with containerd's fields. */
function verboseInfo({ image }: StoredImage): Record<string, string> {
  return { info: JSON.stringify({ chainID: image.chainId, imageSpec: image.config }) };
}

/** A number is a uid, anything else a name. CRI has no field for the group. */
function userOf({ user }: CatalogueImage) {
  const [name = ""] = user?.split(":") ?? [];
  return /^\d+$/.test(name) ? { uid: { value: BigInt(name) } } : { username: name };
}
