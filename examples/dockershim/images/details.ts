// CRI's messages about an image, from the engine's.
import type { ImageDetails, ImageSummary } from "../engine/api.js";
import { fullNames, lookupName } from "./resolve.js";

/** Converts an image. `user` is that of the image's config. It has no `spec`: the engine does not keep an image's annotations. */
export function toImage(image: ImageSummary, user: string, pauseImage: string) {
  const repoTags = fullNames(image.RepoTags);
  const repoDigests = fullNames(image.RepoDigests);
  const pause = lookupName(pauseImage);
  return {
    id: image.Id,
    repoTags,
    repoDigests,
    size: BigInt(image.Size),
    ...imageUser(user),
    // The kubelet does not see the containers of sandboxes, and would remove their image as unused.
    pinned: [image.Id, ...repoTags, ...repoDigests].some((name) => name === pause),
  };
}

/** Returns the user of an image's config, which is USER, USER:GROUP or empty: a number is the uid, anything else the name. */
export function imageUser(user: string): {
  readonly uid?: { readonly value: bigint };
  readonly username?: string;
} {
  const [name = ""] = user.split(":", 1);
  return /^\d{1,18}$/.test(name) ? { uid: { value: BigInt(name) } } : { username: name };
}

/** Returns the details of a verbose status under containerd's keys, which `crictl inspecti` shows. */
export function toInfo({ Created, Architecture, Os, Config, RootFS }: ImageDetails): {
  readonly info: string;
} {
  const imageSpec = {
    created: Created,
    architecture: Architecture,
    os: Os,
    config: Config,
    rootfs: { type: RootFS.Type, diff_ids: RootFS.Layers },
  };
  return { info: JSON.stringify({ imageSpec }) };
}
