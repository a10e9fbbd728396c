import { readReference } from "../core/index.js";

/** When an image is asked of its registry, in the words of a Pod's `imagePullPolicy`. */
export type PullPolicy = "Always" | "IfNotPresent" | "Never";

/**
 * The kubelet's rule where nobody says one: `Always` for the tag `latest`, which is also the tag of a name without any,
 * else `IfNotPresent`. An id of an image is on the node or nowhere: `IfNotPresent`.
 */
export function defaultPullPolicy(image: string): PullPolicy {
  return readReference(image)?.tag === "latest" ? "Always" : "IfNotPresent";
}
