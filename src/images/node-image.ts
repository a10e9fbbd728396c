import type { FilesystemUsage, Image } from "../../gen/runtime/v1/api_pb.js";
import type { ImageClient } from "../clients/index.js";
import { type CallOptions, nanosToDate, withJson } from "../core/index.js";

/** An image on the node. */
export interface NodeImage {
  /** CRI `Image.id`, in the runtime's form: `sha256:` and 64 hex digits on containerd, only the digits on CRI-O. */
  readonly id: string;
  /** CRI `repo_tags`: the full names with a tag, `docker.io/library/busybox:1.37`. Empty for an image pulled by digest. */
  readonly names: readonly string[];
  /** CRI `repo_digests`: the full names with the manifest's digest. */
  readonly digests: readonly string[];
  /** CRI `Image.size` in bytes: of the compressed layers on containerd, of the unpacked layers on CRI-O. */
  readonly sizeBytes: bigint;
  /** CRI `uid` or `username`: the user of the image's processes, a number or a name; undefined for root. */
  readonly user: string | undefined;
  /** CRI `Image.pinned`: whether the image must not be removed, as the pause image. Always false on containerd 1.6. */
  readonly pinned: boolean;
  /** The CRI message. */
  readonly message: Image;
}

/** A file system, or a folder of one, in which a runtime keeps images or containers. */
export interface ImageFilesystem {
  /** CRI `fs_id.mountpoint`. On containerd it is a folder, not necessarily a mount point. */
  readonly mountpoint: string;
  /** CRI `used_bytes`: the space of the images or containers. containerd counts unpacked layers, at most every ten seconds. */
  readonly usedBytes: bigint;
  /** CRI `inodes_used`; undefined where the runtime does not report it. */
  readonly inodesUsed: bigint | undefined;
  /** CRI `timestamp`: the time of the measurement; undefined where the runtime does not report it. */
  readonly time: Date | undefined;
}

/** The disk usage of images and containers on a node. */
export interface ImageFsInfo {
  /** The file systems of the images. */
  readonly images: readonly ImageFilesystem[];
  /** The file systems of the containers' writable layers: the same unless the storage is split. */
  readonly containers: readonly ImageFilesystem[];
}

/** Converts an item of ListImages. */
export function nodeImage(message: Image): NodeImage {
  const { id, repoTags, repoDigests, size, uid, username, pinned } = message;
  const user = uid ? String(uid.value) : username || undefined;
  return Object.freeze(
    withJson({ id, names: repoTags, digests: repoDigests, sizeBytes: size, user, pinned, message }),
  );
}

/** Calls ImageFsInfo and converts its response. */
export async function readFsInfo(client: ImageClient, options?: CallOptions): Promise<ImageFsInfo> {
  const { imageFilesystems, containerFilesystems } = await client.imageFsInfo({}, options);
  const images = imageFilesystems.map(imageFilesystem);
  // containerd up to 2.1 leaves the list of containers empty, which means the same file systems.
  const containers = containerFilesystems.length > 0 ? containerFilesystems.map(imageFilesystem) : images;
  return { images, containers };
}

function imageFilesystem({ fsId, usedBytes, inodesUsed, timestamp }: FilesystemUsage): ImageFilesystem {
  return Object.freeze(
    withJson({
      mountpoint: fsId?.mountpoint ?? "",
      usedBytes: usedBytes?.value ?? 0n,
      inodesUsed: inodesUsed?.value,
      time: nanosToDate(timestamp),
    }),
  );
}
