import { createHash } from "node:crypto";
import type { ImageClient, Lists, RuntimeClient } from "../clients/index.js";
import { bounded, type CallOptions, CriError, invalidOption, parseReference } from "../core/index.js";
import { type Found, lookUp } from "./auth/look-up.js";
import type { ImageAuth } from "./auth/source.js";
import { Flights } from "./flights.js";
import { idDigits, sentName } from "./names.js";
import { type NodeImage, nodeImage } from "./node-image.js";
import type { EnsureImageOptions, PullOptions } from "./options.js";
import { defaultPullPolicy, type PullPolicy } from "./policy.js";
import { pullInTurn } from "./pull.js";

/** What {@link Images} are built on. */
export interface ImagesParts {
  readonly image: ImageClient;
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
  /** Credentials for calls that say nothing of them. */
  readonly auth?: ImageAuth | undefined;
}

interface Pulled {
  readonly image: NodeImage;
  /** False when it was there, and the registry was not asked. */
  readonly fromRegistry: boolean;
}

const policies: readonly PullPolicy[] = ["Always", "IfNotPresent", "Never"];

/** The images of a node, and getting them there. `cri.images`. */
export class Images {
  readonly #client: ImageClient;
  readonly #auth: ImageAuth | undefined;
  readonly #pulls = new Flights<Pulled>();

  /** @internal Made by `connect()`. */
  constructor({ image, auth }: ImagesParts) {
    this.#client = image;
    this.#auth = auth;
  }

  /**
   * The image of a name or of an id (64 hex digits, also after `sha256:`); undefined when it is not on the node.
   *
   * Rejects with {@link CriError} `invalid_image_reference`, and what ImageStatus answers.
   */
  async get(image: string, options?: CallOptions): Promise<NodeImage | undefined> {
    return await this.#find(sentName(image), options);
  }

  /**
   * Makes sure that an image is on the node, by the policy, and gives it. An id cannot be pulled: it is looked up, whatever the
   * policy. Pulls of one image at the same time are one; it ends early only when all who wait for it have gone.
   *
   * Rejects with {@link CriError}: `image_missing`, `registry_denied`, `registry_unavailable`, `signature_invalid`,
   * `invalid_image_reference`, `credentials_failed`, `invalid_option`, `aborted_by_caller`, `deadline`, and what the runtime
   * answers.
   */
  async ensure(image: string, options: EnsureImageOptions = {}): Promise<NodeImage> {
    const policy = options.policy ?? defaultPullPolicy(image);
    if (!policies.includes(policy))
      throw invalidOption("policy", policy, `must be one of ${policies.join(", ")}`);
    const name = sentName(image);
    return await bounded(options, async (signal) => {
      if (policy === "Always" && idDigits(image) === undefined)
        return await this.#pull(name, true, options, signal);
      const present = await this.#find(name, { signal });
      if (present) return present;
      if (idDigits(image) !== undefined)
        throw missing(image, "An image cannot be pulled by its id: give its name");
      if (policy === "Never")
        throw missing(
          image,
          "The policy is Never: pull it before, with cri.images.pull(), or choose another policy",
        );
      return await this.#pull(name, false, options, signal);
    });
  }

  /** Asks the registry, also for an image that is on the node: `ensure` with the policy `Always`. Rejects as that does. */
  async pull(image: string, options: PullOptions = {}): Promise<NodeImage> {
    return await this.ensure(image, { ...options, policy: "Always" });
  }

  async #pull(name: string, anew: boolean, options: PullOptions, signal: AbortSignal): Promise<NodeImage> {
    const { auth = this.#auth, runtimeHandler = "", annotations = {}, sandboxConfig } = options;
    const found = await lookUp(auth, parseReference(name), signal);
    const request = {
      image: { image: name, runtimeHandler, annotations: { ...annotations } },
      ...(sandboxConfig ? { sandboxConfig } : {}),
    };
    const key = sha256([
      name,
      runtimeHandler,
      annotations,
      found.logins.map((login) => login.fingerprint),
      [sandboxConfig?.metadata?.namespace, sandboxConfig?.annotations?.["io.containerd.cri.runtime-handler"]],
    ]);
    const work = async (stop: AbortSignal): Promise<Pulled> => {
      // Somebody else's pull may have ended since this one's caller looked.
      const present = anew ? undefined : await this.#find(name, { signal: stop });
      if (present) return { image: present, fromRegistry: false };
      return { image: await this.#fromRegistry(request, found, stop), fromRegistry: true };
    };
    for (;;) {
      const { image, fromRegistry } = await this.#pulls.join(key, signal, work);
      if (fromRegistry || !anew) return image;
    }
  }

  async #fromRegistry(
    request: Parameters<typeof pullInTurn>[1],
    found: Found,
    signal: AbortSignal,
  ): Promise<NodeImage> {
    const id = await pullInTurn(this.#client, request, found, signal);
    const name = request.image?.image ?? "";
    const image = await this.#find(idDigits(id) ?? id, { signal });
    if (image) return image;
    throw missing(name, "It was pulled, and somebody removed it at once");
  }

  async #find(sent: string, options?: CallOptions): Promise<NodeImage | undefined> {
    const { image } = await this.#client.imageStatus({ image: { image: sent } }, options);
    return image && nodeImage(image);
  }
}

function missing(image: string, hint: string): CriError {
  return new CriError({
    code: "not_found",
    reason: "image_missing",
    text: `the image ${JSON.stringify(image)} is not on this node`,
    hint,
  });
}

function sha256(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
