import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PullImageRequestSchema } from "../../gen/runtime/v1/api_pb.js";
import type { ImageClient } from "../clients/index.js";
import {
  type CallOptions,
  type CriError,
  criError,
  type ImageReference,
  isCriError,
  parseReference,
} from "../core/index.js";
import type { SecretCredentials } from "./auth/credentials.js";
import { type FoundCredentials, findCredentials, type ImageAuth } from "./auth/source.js";
import { formatReference, idDigits } from "./names.js";
import { type NodeImage, nodeImage } from "./node-image.js";
import { type ImageSpecOptions, imageSpec, type PullOptions } from "./options.js";
import { pullWithProgress } from "./pull-progress.js";
import { readManifestSizes } from "./registry.js";
import { SingleFlight } from "./single-flight.js";

interface Pulled {
  readonly image: NodeImage;
  /** False when the image was on the node, so the registry was not asked. */
  readonly isFromRegistry: boolean;
}

/** A PullImageRequest without credentials. */
type PullRequest = Omit<MessageInitShape<typeof PullImageRequestSchema>, "auth" | "$typeName">;

/** Pulls images; concurrent pulls of the same image are one PullImage call. */
export class Puller {
  readonly #client: ImageClient;
  readonly #pulls = new SingleFlight<Pulled>();
  readonly #lookUps = new WeakMap<object, SingleFlight<FoundCredentials>>();

  constructor(client: ImageClient) {
    this.#client = client;
  }

  /** Pulls the image with this request name. Unless `always`, an image on the node is enough. */
  async pull(name: string, always: boolean, options: PullOptions, signal: AbortSignal): Promise<NodeImage> {
    const { auth, sandboxConfig } = options;
    const reference = parseReference(name);
    const found = await this.#findCredentials(auth, reference, signal);
    const request: PullRequest = {
      image: imageSpec(name, options),
      ...(sandboxConfig ? { sandboxConfig } : {}),
    };
    const work = async (stop: AbortSignal): Promise<Pulled> => {
      // A concurrent pull may have ended since this caller looked for the image.
      const present = always ? undefined : await this.find(name, options, { signal: stop });
      if (present) return { image: present, isFromRegistry: false };
      return { image: await this.#pullAndFind(request, reference, found, stop), isFromRegistry: true };
    };
    const key = keyOf(name, options, found);
    const pull = async (stop: AbortSignal): Promise<NodeImage> => {
      for (;;) {
        const { image, isFromRegistry } = await this.#pulls.join(key, stop, work);
        if (isFromRegistry || !always) return image;
      }
    };
    const readSizes = (stop: AbortSignal) => readManifestSizes(reference, found.credentials, stop);
    return await pullWithProgress(this.#client, { image: name, pull, readSizes }, options, signal);
  }

  /** Returns the image with this request name or id; undefined when it is not on the node. */
  async find(name: string, spec: ImageSpecOptions, options?: CallOptions): Promise<NodeImage | undefined> {
    try {
      const { image } = await this.#client.imageStatus({ image: imageSpec(name, spec) }, options);
      return image && nodeImage(image);
    } catch (error) {
      // CRI-O fails for a short name that it cannot resolve, which is then the name of no image on the node.
      if (isCriError(error) && error.reason === "image_missing") return undefined;
      throw error;
    }
  }

  /** Finds credentials; once for concurrent callers with the same source and the same image. */
  async #findCredentials(
    auth: ImageAuth | undefined,
    image: ImageReference,
    signal: AbortSignal,
  ): Promise<FoundCredentials> {
    if (auth === undefined || auth === null || (typeof auth !== "object" && typeof auth !== "function"))
      return await findCredentials(auth, image, signal);
    const lookUps = this.#lookUps.get(auth) ?? new SingleFlight<FoundCredentials>();
    this.#lookUps.set(auth, lookUps);
    return await lookUps.join(formatReference(image), signal, (stop) => findCredentials(auth, image, stop));
  }

  async #pullAndFind(
    request: PullRequest,
    reference: ImageReference,
    found: FoundCredentials,
    signal: AbortSignal,
  ): Promise<NodeImage> {
    const id = await tryCredentials(this.#client, request, reference, found, signal);
    const { image: name = "", ...spec } = request.image ?? {};
    const image = await this.find(idDigits(id) ?? id, spec, { signal });
    if (image) return image;
    throw imageMissing(name, "Pull the image again: it was removed right after the pull");
  }
}

/** Creates the `image_missing` error for an image that is not on the node. */
export function imageMissing(image: string, hint: string): CriError {
  return criError("image_missing", `the image ${JSON.stringify(image)} is not on this node`, { hint });
}

/**
 * Returns a key that is equal for pulls that may be shared. Of the pod it has what runtimes decide by: the namespace, for the signature
 * policy, and the handler, for the snapshotter.
 */
function keyOf(name: string, options: PullOptions, { credentials }: FoundCredentials): string {
  const { runtimeHandler = "", annotations = {}, sandboxConfig } = options;
  const { metadata, annotations: podAnnotations } = sandboxConfig ?? {};
  const parts = [
    name,
    runtimeHandler,
    Object.entries(annotations).sort(),
    credentials.map(({ fingerprint }) => fingerprint),
    metadata?.namespace ?? "",
    podAnnotations?.["io.containerd.cri.runtime-handler"] ?? "",
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** A pull that the registry refused. */
interface Refusal {
  readonly credentials: SecretCredentials | undefined;
  readonly error: CriError;
}

/**
 * Pulls with each of the credentials in order, then without any. Resolves with the image's id. Registries respond with "not found" or
 * "denied" to clients that may not read an image, so both lead to the next attempt; any other error ends the attempts.
 */
async function tryCredentials(
  client: ImageClient,
  request: PullRequest,
  reference: ImageReference,
  found: FoundCredentials,
  signal: AbortSignal,
): Promise<string> {
  const refusals: Refusal[] = [];
  for (const credentials of [...found.credentials, undefined]) {
    try {
      // CRI-O tries a short name in several registries; the credentials are only for the registry of the full name.
      const image = credentials ? { ...request.image, image: formatReference(reference) } : request.image;
      const auth = credentials ? { auth: credentials.toAuth() } : {};
      const message = { ...request, ...(image ? { image } : {}), ...auth };
      return (await client.pullImage(message, { signal, timeoutMs: 0 })).imageRef;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusals.push({ credentials, error });
    }
  }
  throw summarize(refusals, found);
}

function isRefusal(error: unknown): error is CriError {
  return isCriError(error) && (error.reason === "registry_denied" || error.reason === "image_missing");
}

/**
 * Returns one error for all refusals. With valid credentials "not found" outweighs a refusal; without credentials it may be one. A
 * failed source of credentials may be the cause of the refusals.
 */
function summarize(refusals: readonly Refusal[], { credentials, failures }: FoundCredentials): unknown {
  const missing = refusals.find(
    ({ credentials, error }) => credentials && error.reason === "image_missing",
  )?.error;
  const [failure] = failures;
  if (missing)
    return failure
      ? missing.with({ hint: `Check the failed credential source: ${failure.rawMessage}` })
      : missing;
  const error = refusals.find(({ error }) => error.reason === "registry_denied")?.error ?? refusals[0]?.error;
  if (error && failure)
    return criError(
      "credentials_failed",
      `${failure.rawMessage}; the pull without these credentials failed: ${error.rawMessage}`,
      { method: error.method, endpoint: error.endpoint, hint: failure.hint, cause: failure },
    );
  if (error?.reason !== "registry_denied") return error;
  if (credentials.length === 0)
    return error.with({ hint: "Pass `auth`, or `imageAuth` to connect(): no credentials match this image" });
  const tried = credentials.length === 1 ? "they were" : `all ${credentials.length} were`;
  const anonymous =
    refusals.at(-1)?.error.reason === "image_missing" ? "did not find the image" : "was refused, too";
  return error.with({
    hint: `Check the credentials: ${tried} refused; a pull without credentials ${anonymous}`,
  });
}
