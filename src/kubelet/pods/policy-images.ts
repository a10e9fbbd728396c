import { rawMessageOf } from "../../core/index.js";
import { type DefaultedPod, type PodImages, StartError } from "../../kubernetes/index.js";
import type { ImageDecision, ImagePolicy } from "../options.js";

/** Returns images that an image policy decides about first. */
export function policyImages(
  images: PodImages,
  policy: ImagePolicy | undefined,
  pod: () => DefaultedPod,
): PodImages {
  if (policy === undefined) return images;
  return {
    async ensure(request, options) {
      const { container, image, pullPolicy } = request;
      let decision: ImageDecision | undefined;
      try {
        decision = await policy({ pod: pod(), container, image, pullPolicy });
      } catch (error) {
        options.signal.throwIfAborted();
        const failure =
          error instanceof StartError
            ? error
            : new StartError("ErrImagePull", `imagePolicy: ${rawMessageOf(error)}`, { cause: error });
        options.record({ type: "Warning", reason: "Failed", message: failure.rawMessage, container });
        throw failure;
      }
      return await images.ensure(
        { ...request, image: decision?.image ?? image, pullPolicy: decision?.pullPolicy ?? pullPolicy },
        options,
      );
    },
  };
}
