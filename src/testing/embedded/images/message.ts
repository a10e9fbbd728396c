import { create } from "@bufbuild/protobuf";
import { type Image, ImageSchema, ImageSpecSchema } from "../../../../gen/runtime/v1/api_pb.js";
import type { CatalogueImage } from "./catalogue.js";
import type { NodeImage } from "./node-image.js";

/** An image as CRI's lists tell it. `spec` is unset in them, as it is on the measured runtimes. */
export function imageMessage(node: NodeImage, id: string): Image {
  const { image, repoTags, repoDigests } = node;
  return create(ImageSchema, {
    id,
    repoTags: [...repoTags],
    repoDigests: [...repoDigests],
    size: BigInt(image.sizeBytes),
    pinned: image.pinned,
    ...userOf(image),
  });
}

/** An image as ImageStatus tells it: with its name, and the annotations of its manifest. */
export function imageStatusMessage(node: NodeImage, id: string): Image {
  const message = imageMessage(node, id);
  const [name = node.repoDigests[0] ?? id] = node.repoTags;
  message.spec = create(ImageSpecSchema, {
    image: name,
    annotations: { ...node.image.annotations },
  });
  return message;
}

/** The details of a verbose ImageStatus, by the key and with the fields that containerd uses. */
export function imageInfo({ image }: NodeImage): Record<string, string> {
  return { info: JSON.stringify({ chainID: image.chainId, imageSpec: image.config }) };
}

/** A number is a uid, anything else a name; the group is told nowhere in CRI. */
function userOf({ user }: CatalogueImage) {
  const [name = ""] = user?.split(":") ?? [];
  return /^\d+$/.test(name) ? { uid: { value: BigInt(name) } } : { username: name };
}
