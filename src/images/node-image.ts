import type { Image } from "../../gen/runtime/v1/api_pb.js";

/** An image on the node. */
export interface NodeImage {
  /** As the runtime writes it: `sha256:` and 64 hex digits on containerd, the digits alone on CRI-O. CRI `Image.id`. */
  readonly id: string;
  /** Its full names with a tag: `docker.io/library/busybox:1.37`. Empty when it was pulled by digest. CRI `repo_tags`. */
  readonly names: readonly string[];
  /** Its full names with the digest of the manifest. CRI `repo_digests`. */
  readonly digests: readonly string[];
  /** In bytes: on containerd of the compressed layers, on CRI-O of the unpacked ones. CRI `Image.size`. */
  readonly sizeBytes: bigint;
  /** Who its processes are, a number or a name, as the image says; undefined for root. CRI `uid` or `username`. */
  readonly user: string | undefined;
  /** Whether it is never to be cleaned away, as the pause image. Always false on containerd 1.6. CRI `Image.pinned`. */
  readonly pinned: boolean;
  /** The whole message. */
  readonly message: Image;
}

/** CRI's message in the words of {@link NodeImage}. */
export function nodeImage(message: Image): NodeImage {
  const { id, repoTags, repoDigests, size, uid, username, pinned } = message;
  const user = uid ? String(uid.value) : username || undefined;
  return Object.freeze({ id, names: repoTags, digests: repoDigests, sizeBytes: size, user, pinned, message });
}
