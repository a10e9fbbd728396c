// What the tests of admission checks have in common.
import type { AdmissionRequest } from "../../../src/kubelet/index.js";
import {
  type DefaultedPod,
  defaultPod,
  type Node,
  type ObjectMeta,
  type PodSpec,
  type Resources,
} from "../../../src/kubernetes/index.js";

/** Returns a Pod whose container requests these resources. */
export function podWith(
  requests: Resources,
  spec: Partial<PodSpec> = {},
  metadata: ObjectMeta = {},
): DefaultedPod {
  return defaultPod({
    metadata: { name: "a", namespace: "test", ...metadata },
    spec: { containers: [{ name: "main", image: "busybox", resources: { requests } }], ...spec },
  });
}

/** Returns a node with these allocatable resources, beside 110 pods. */
export function nodeWith(allocatable: Readonly<Record<string, string>>): Node<Date> {
  return { metadata: { name: "node-1" }, status: { allocatable: { pods: "110", ...allocatable } } };
}

/** Returns the request for a Pod on a node, without other Pods. */
export function requestOf(
  pod: DefaultedPod,
  node: Node<Date> = nodeWith({}),
  others: readonly DefaultedPod[] = [],
): AdmissionRequest {
  return { pod, node, others };
}
