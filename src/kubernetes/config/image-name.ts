import { parseReference } from "../../core/index.js";
import { StartError, type WaitingReason } from "../start-error.js";

/**
 * Returns the image name that pulls send: the manifest's, with `:latest` appended when it has neither tag nor digest. Not the expanded
 * form: runtimes add docker.io themselves.
 *
 * @param path the path of the field, for the error
 * @throws StartError with InvalidImageName
 */
export function imageForPull(image: string, path: string): string {
  try {
    const { tag, digest } = parseReference(image);
    return digest !== undefined || tag === undefined || image.endsWith(`:${tag}`) ? image : `${image}:${tag}`;
  } catch (cause) {
    throw new StartError(
      "InvalidImageName",
      `${path}: must be the name of an image, got ${JSON.stringify(image)}`,
      { cause },
    );
  }
}

/** When an image is pulled: `imagePullPolicy`. */
type PullPolicy = "Always" | "IfNotPresent" | "Never";

/** Returns a pull policy; throws a StartError for another word. */
export function pullPolicyOf(policy: string, path: string, reason: WaitingReason): PullPolicy {
  if (policy === "Always" || policy === "IfNotPresent" || policy === "Never") return policy;
  throw new StartError(
    reason,
    `${path}: must be "Always", "IfNotPresent" or "Never", got ${JSON.stringify(policy)}`,
  );
}
