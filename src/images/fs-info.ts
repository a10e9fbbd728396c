import type { FilesystemUsage } from "../../gen/runtime/v1/api_pb.js";
import type { ImageClient } from "../clients/index.js";
import { type CallOptions, nanosToDate } from "../core/index.js";

/** A file system, or a folder in one, that a runtime keeps images or containers in. */
export interface ImageFilesystem {
  /** CRI `fs_id.mountpoint`; on containerd a folder, which need not be a mount point. */
  readonly mountpoint: string;
  /** What images or containers take of it, in bytes. containerd counts what is unpacked, at most every ten seconds. */
  readonly usedBytes: bigint;
  /** Undefined where the runtime does not count them. */
  readonly inodesUsed: bigint | undefined;
  /** When it was counted; undefined where the runtime does not say. */
  readonly time: Date | undefined;
}

/** What images take on a node. */
export interface ImageFsInfo {
  /** Where images are. */
  readonly images: readonly ImageFilesystem[];
  /** Where the writable layers of containers are: the same, except where the storage is split. */
  readonly containers: readonly ImageFilesystem[];
}

/** Asks ImageFsInfo. */
export async function readFsInfo(client: ImageClient, options?: CallOptions): Promise<ImageFsInfo> {
  const { imageFilesystems, containerFilesystems } = await client.imageFsInfo({}, options);
  const images = imageFilesystems.map(filesystem);
  // containerd up to 2.1 tells nothing of containers, which means the same.
  const containers = containerFilesystems.length > 0 ? containerFilesystems.map(filesystem) : images;
  return { images, containers };
}

function filesystem({ fsId, usedBytes, inodesUsed, timestamp }: FilesystemUsage): ImageFilesystem {
  return Object.freeze({
    mountpoint: fsId?.mountpoint ?? "",
    usedBytes: usedBytes?.value ?? 0n,
    inodesUsed: inodesUsed?.value,
    time: nanosToDate(timestamp),
  });
}
