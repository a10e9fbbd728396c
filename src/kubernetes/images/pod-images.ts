import type { Image } from "../../../gen/runtime/v1/api_pb.js";
import type { ImageClient } from "../../clients/index.js";
import {
  ConcurrencyLimit,
  isCriError,
  isError,
  OptionTable,
  option,
  parseReference,
  rawMessageOf,
} from "../../core/index.js";
import { authCheck, formatReference, type ImageAuth } from "../../images/index.js";
import type { Secret } from "../api/index.js";
import { imageForPull } from "../config/image-name.js";
import type { ImageFacts } from "../config/pod-inputs.js";
import { durationText } from "../messages.js";
import { StartError } from "../start-error.js";
import { RestartBackOff } from "../worker/back-off.js";
import type { Clock } from "../worker/clock.js";
import type { EventRecorder, PodImages } from "../worker/ports.js";
import { PullAccess } from "./pull-access.js";
import { type FoundPullCredentials, type PullCredentials, pullCredentials } from "./pull-credentials.js";
import { pullError } from "./pull-error.js";
import { pullSecretsOf } from "./pull-secrets.js";

/** Options of {@link podImages}. */
export interface PodImagesOptions {
  /**
   * How many images are pulled at the same time.
   * @default 1: one after the other, as the kubelet does by default
   */
  readonly maxParallelPulls?: number | undefined;
  /**
   * The credentials of the node, which are tried after those of a Pod's pull secrets.
   * @default none
   */
  readonly nodeAuth?: ImageAuth | undefined;
}

/** What pulls use. */
export interface PodImagesParts {
  /** `cri.image` */
  readonly image: Pick<ImageClient, "imageStatus" | "pullImage">;
  readonly clock: Clock;
  /** The Secrets that `spec.imagePullSecrets` may refer to, as they are now. */
  readonly secrets: () => readonly Secret[];
}

const optionTable = new OptionTable<PodImagesOptions>({
  maxParallelPulls: option.wholeNumber(1),
  nodeAuth: authCheck,
});

/**
 * Creates what makes the images of Pods available as the kubelet does: by policy, with the credentials of pull secrets and of the node,
 * one pull after the other, and with a back-off of 10 s to 5 min for each Pod and image. Credentials that match are tried in order until
 * one pull succeeds; without a match, the pull has none. An image that was pulled with a pull secret is pulled again for a Pod that does
 * not have this secret, although it is on the node. All that are created with one client share the queue and this knowledge.
 */
export function podImages(parts: PodImagesParts, options: PodImagesOptions = {}): PodImages {
  optionTable.check("podImages", options);
  return new ImagePulls(parts, options);
}

type Request = Parameters<PodImages["ensure"]>[0];
type RequestOptions = Parameters<PodImages["ensure"]>[1];

/** One request, with what all steps need. */
interface Step extends Request, RequestOptions {
  /** The name that the runtime gets. */
  readonly name: string;
}

class ImagePulls implements PodImages {
  readonly #parts: PodImagesParts;
  readonly #nodeAuth: ImageAuth | undefined;
  readonly #queue: ConcurrencyLimit;
  readonly #backOff = new RestartBackOff();
  /** The reason and text of the last failure, by the key of its back-off. */
  readonly #failures = new Map<string, string>();
  readonly #access: PullAccess;

  constructor(parts: PodImagesParts, { maxParallelPulls = 1, nodeAuth }: PodImagesOptions) {
    this.#parts = parts;
    this.#nodeAuth = nodeAuth;
    const shared = sharedState(parts.image);
    this.#access = shared.access;
    this.#queue = shared.queues.get(maxParallelPulls) ?? new ConcurrencyLimit(maxParallelPulls);
    shared.queues.set(maxParallelPulls, this.#queue);
  }

  async ensure(request: Request, options: RequestOptions): Promise<ImageFacts> {
    const step: Step = { ...request, ...options, name: nameOf(request.image, recorderOf(request, options)) };
    const record = recorderOf(request, options);
    const { pullPolicy, image, signal } = step;
    signal.throwIfAborted();
    const present = pullPolicy === "Always" ? undefined : await this.#inspect(step);
    const isAllowed = present && (this.#access.isOpen(present.id) || (await this.#mayUse(present.id, step)));
    if (present && isAllowed) {
      const message = `Container image ${quoted(image)} already present on machine`;
      record({ type: "Normal", reason: "Pulled", message });
      return factsOf(present);
    }
    if (pullPolicy === "Never") {
      // The same text whether the image is missing or may not be used: its presence is not revealed.
      const message = `Container image ${quoted(image)} is not present with pull policy of Never`;
      record({ type: "Warning", reason: "ErrImageNeverPull", message });
      throw new StartError("ErrImageNeverPull", message);
    }
    return await this.#pullWithBackOff(step);
  }

  async #inspect(step: Step): Promise<Image | undefined> {
    try {
      return await this.#status(step.name, step);
    } catch (error) {
      step.signal.throwIfAborted();
      const message = `Failed to inspect image ${quoted(step.image)}: ${rawMessageOf(error)}`;
      recorderOf(step, step)({ type: "Warning", reason: "InspectFailed", message });
      throw new StartError("ImageInspectError", message, { cause: error });
    }
  }

  async #status(name: string, { pod, signal }: Step): Promise<Image | undefined> {
    const annotations = { ...pod.metadata?.annotations };
    try {
      return (await this.#parts.image.imageStatus({ image: { image: name, annotations } }, { signal })).image;
    } catch (error) {
      // CRI-O fails for a short name that it cannot resolve, which is then the name of no image on the node.
      if (isCriError(error) && error.reason === "image_missing") return undefined;
      throw error;
    }
  }

  async #mayUse(imageId: string, step: Step): Promise<boolean> {
    try {
      return this.#access.allows(imageId, (await this.#credentials(step)).credentials);
    } catch (error) {
      step.signal.throwIfAborted();
      throw new StartError("ErrImagePull", rawMessageOf(error), { cause: error });
    }
  }

  async #credentials({ pod, name, signal }: Step): Promise<FoundPullCredentials> {
    const { secrets } = pullSecretsOf(pod, this.#parts.secrets());
    return await pullCredentials(parseReference(name), secrets, this.#nodeAuth, signal);
  }

  async #pullWithBackOff(step: Step): Promise<ImageFacts> {
    const { pod, name, image, signal } = step;
    const { clock } = this.#parts;
    const record = recorderOf(step, step);
    const key = `${pod.metadata?.uid ?? ""}_${name}`;
    const waitMs = this.#backOff.remainingMs(key, clock.now());
    if (waitMs > 0) {
      const message = `Back-off pulling image ${quoted(image)}`;
      record({ type: "Normal", reason: "BackOff", message });
      const last = this.#failures.get(key);
      throw new StartError("ImagePullBackOff", last === undefined ? message : `${message}: ${last}`, {
        retryAtMs: clock.now() + waitMs,
      });
    }
    this.#prune();
    this.#failures.delete(key);
    try {
      return await this.#pull(step);
    } catch (error) {
      signal.throwIfAborted();
      record({
        type: "Warning",
        reason: "Failed",
        message: `Failed to pull image ${quoted(image)}: ${rawMessageOf(error)}`,
      });
      const { waitingReason, message } = pullError(image, rawMessageOf(error));
      this.#backOff.advance(key, clock.now());
      this.#failures.set(key, `${waitingReason}: ${message}`);
      const retryAtMs = clock.now() + this.#backOff.delayMs(key);
      throw new StartError(waitingReason, message, { cause: error, retryAtMs });
    }
  }

  /** Forgets the failures of Pods that do not try again. */
  #prune(): void {
    this.#backOff.prune(this.#parts.clock.now());
    for (const key of this.#failures.keys()) if (this.#backOff.delayMs(key) === 0) this.#failures.delete(key);
  }

  async #pull(step: Step): Promise<ImageFacts> {
    const { image, signal, pod } = step;
    const { clock } = this.#parts;
    const record = recorderOf(step, step);
    const { missing } = pullSecretsOf(pod, this.#parts.secrets());
    if (missing.length > 0)
      record({
        type: "Warning",
        reason: "FailedToRetrieveImagePullSecret",
        message: `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`,
      });
    record({ type: "Normal", reason: "Pulling", message: `Pulling image ${quoted(image)}` });
    const queuedAtMs = clock.now();
    const { found, pullMs } = await this.#queue.run(async () => {
      const startedAtMs = clock.now();
      const found = await this.#pullAndInspect(step);
      return { found, pullMs: clock.now() - startedAtMs };
    }, signal);
    const took = `${durationText(pullMs)} (${durationText(clock.now() - queuedAtMs)} including waiting)`;
    const message = `Successfully pulled image ${quoted(image)} in ${took}. Image size: ${found.size} bytes.`;
    record({ type: "Normal", reason: "Pulled", message });
    return factsOf(found);
  }

  async #pullAndInspect(step: Step): Promise<Image> {
    const { ref, credentials } = await this.#tryCredentials(step);
    const image = await this.#status(ref.replace(/^sha256:/, ""), step);
    if (!image) throw new Error(`the image ${ref} was removed right after the pull`);
    this.#access.pulled(image.id, credentials);
    return image;
  }

  /** Pulls with each of the credentials in order, or without any if there are none. */
  async #tryCredentials(step: Step) {
    const found = await this.#credentials(step);
    const errors: unknown[] = [];
    for (const credentials of found.credentials.length > 0 ? found.credentials : [undefined])
      try {
        return { ref: await this.#callPull(step, credentials), credentials };
      } catch (error) {
        step.signal.throwIfAborted();
        errors.push(error);
      }
    const texts = [...new Set(errors.map(rawMessageOf))];
    const text = texts.length === 1 ? `${texts[0]}` : `[${texts.join(", ")}]`;
    // A source that failed may be why the others did not suffice.
    const all = [text, ...found.failures.map(rawMessageOf)].join("; ");
    throw new Error(all, { cause: errors[0] });
  }

  async #callPull({ name, pod, sandbox, signal }: Step, credentials: PullCredentials | undefined) {
    // CRI-O tries a short name in several registries; the credentials are only for the registry of the full name.
    const image = credentials ? formatReference(parseReference(name)) : name;
    const annotations = { ...pod.metadata?.annotations };
    const auth = credentials ? { auth: credentials.secret.toAuth() } : {};
    const request = { image: { image, annotations }, sandboxConfig: sandbox, ...auth };
    return (await this.#parts.image.pullImage(request, { signal, timeoutMs: 0 })).imageRef;
  }
}

/** What all Pods of one client have in common. */
interface SharedState {
  readonly access: PullAccess;
  /** By the number of pulls at a time. */
  readonly queues: Map<number, ConcurrencyLimit>;
}

const sharedStates = new WeakMap<object, SharedState>();

function sharedState(client: PodImagesParts["image"]): SharedState {
  const state = sharedStates.get(client) ?? { access: new PullAccess(), queues: new Map() };
  sharedStates.set(client, state);
  return state;
}

/** Returns the name that pulls send. Throws a {@link StartError} for an invalid one. */
function nameOf(image: string, record: EventRecorder): string {
  try {
    return imageForPull(image, "image");
  } catch (error) {
    const why = rawMessageOf(isError(error) ? error.cause : error);
    const message = `Failed to apply default image tag ${quoted(image)}: ${why}`;
    record({ type: "Warning", reason: "InspectFailed", message });
    throw new StartError("InvalidImageName", message, { cause: error });
  }
}

function recorderOf({ container }: Request, { record }: RequestOptions): EventRecorder {
  return (event) => record({ ...event, container });
}

function factsOf({ id, uid, username }: Image): ImageFacts {
  return { id, uid: uid?.value, username: username || undefined };
}

function quoted(image: string): string {
  return JSON.stringify(image);
}
