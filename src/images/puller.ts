import { createHash } from "node:crypto";
import type { ImageClient } from "../clients/index.js";
import { type CallOptions, CriError, type ImageReference, parseReference } from "../core/index.js";
import { type Found, lookUp } from "./auth/look-up.js";
import type { ImageAuth } from "./auth/source.js";
import { Flights } from "./flights.js";
import { formatReference, idDigits } from "./names.js";
import { type NodeImage, nodeImage } from "./node-image.js";
import { type ImageSpecOptions, type PullOptions, specOf } from "./options.js";
import { type PullRequest, pullInTurn } from "./pull.js";
import { manifestSizes } from "./registry/manifest.js";
import { watchPull } from "./watch.js";

interface Pulled {
  readonly image: NodeImage;
  /** False when it was there, and the registry was not asked. */
  readonly fromRegistry: boolean;
}

/** Gets images from their registries; pulls of one image at the same time are one. */
export class Puller {
  readonly #client: ImageClient;
  readonly #pulls = new Flights<Pulled>();
  readonly #lookUps = new WeakMap<object, Flights<Found>>();

  constructor(client: ImageClient) {
    this.#client = client;
  }

  /** Pulls by a name as it is sent. With `anew` the registry is asked in any case, else an image that is there will do. */
  async pull(sent: string, anew: boolean, options: PullOptions, signal: AbortSignal): Promise<NodeImage> {
    const { auth, sandboxConfig } = options;
    const reference = parseReference(sent);
    const found = await this.#lookUp(auth, reference, signal);
    const request: PullRequest = {
      image: specOf(sent, options),
      ...(sandboxConfig ? { sandboxConfig } : {}),
    };
    const work = async (stop: AbortSignal): Promise<Pulled> => {
      // Somebody else's pull may have ended since this one's caller looked.
      const present = anew ? undefined : await this.find(sent, options, { signal: stop });
      if (present) return { image: present, fromRegistry: false };
      return { image: await this.#fromRegistry(request, reference, found, stop), fromRegistry: true };
    };
    const key = keyOf(sent, options, found);
    const pull = async (stop: AbortSignal): Promise<NodeImage> => {
      for (;;) {
        const { image, fromRegistry } = await this.#pulls.join(key, stop, work);
        if (fromRegistry || !anew) return image;
      }
    };
    const sizes = (stop: AbortSignal) => manifestSizes(reference, found.logins, stop);
    return await watchPull(this.#client, { image: sent, pull, sizes }, options, signal);
  }

  /** The image of a name or an id as they are sent; undefined when it is not on the node. */
  async find(sent: string, more: ImageSpecOptions, options?: CallOptions): Promise<NodeImage | undefined> {
    const { image } = await this.#client.imageStatus({ image: specOf(sent, more) }, options);
    return image && nodeImage(image);
  }

  /** Asks for credentials; once for all who want those of the same source for the same image at the same time. */
  async #lookUp(auth: ImageAuth | undefined, image: ImageReference, signal: AbortSignal): Promise<Found> {
    if (auth === undefined || auth === null || (typeof auth !== "object" && typeof auth !== "function"))
      return await lookUp(auth, image, signal);
    const flights = this.#lookUps.get(auth) ?? new Flights<Found>();
    this.#lookUps.set(auth, flights);
    return await flights.join(formatReference(image), signal, (stop) => lookUp(auth, image, stop));
  }

  async #fromRegistry(
    request: PullRequest,
    reference: ImageReference,
    found: Found,
    signal: AbortSignal,
  ): Promise<NodeImage> {
    const id = await pullInTurn(this.#client, request, reference, found, signal);
    const { image: sent = "", ...more } = request.image ?? {};
    const image = await this.find(idDigits(id) ?? id, more, { signal });
    if (image) return image;
    throw missing(sent, "It was pulled, and somebody removed it at once");
  }
}

/** The `image_missing` error for an image that is not on the node. */
export function missing(image: string, hint: string): CriError {
  return new CriError({
    code: "not_found",
    reason: "image_missing",
    text: `the image ${JSON.stringify(image)} is not on this node`,
    hint,
  });
}

/** What makes two pulls the same. Of a pod it is what runtimes decide by: whose policy, and which snapshotter. */
function keyOf(sent: string, options: PullOptions, { logins }: Found): string {
  const { runtimeHandler = "", annotations = {}, sandboxConfig } = options;
  const { metadata, annotations: ofPod } = sandboxConfig ?? {};
  const parts = [
    sent,
    runtimeHandler,
    Object.entries(annotations).sort(),
    logins.map(({ fingerprint }) => fingerprint),
    metadata?.namespace ?? "",
    ofPod?.["io.containerd.cri.runtime-handler"] ?? "",
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
