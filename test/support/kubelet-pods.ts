import type { KubeletPod } from "../../src/kubelet/index.js";
import {
  defaultPod,
  type ObservedPod,
  type Pod,
  type PodSpec,
  type PodStatus,
} from "../../src/kubernetes/index.js";

/** A pod as the parts of a kubelet see it. */
export function kubeletPodOf({
  uid,
  name = "p",
  namespace = "test",
  spec = {},
  metadata = {},
  status = {},
  state = "active",
  observed = { sandboxes: [], containers: [] },
}: {
  readonly uid: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly spec?: Partial<PodSpec>;
  readonly metadata?: Pod["metadata"];
  readonly status?: PodStatus<Date>;
  readonly state?: KubeletPod["state"];
  readonly observed?: ObservedPod;
}): KubeletPod {
  const containers = [{ name: "c", image: "docker.io/library/busybox:1.37" }];
  const pod = defaultPod({
    metadata: { ...metadata, uid, name, namespace },
    spec: { containers, ...spec },
  });
  return { pod, source: "list", status, observed, state };
}
