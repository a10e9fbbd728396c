import { createHash } from "node:crypto";
import { kubernetesAnnotations } from "../../core/index.js";
import { defaultPod, type Pod } from "../../kubernetes/index.js";

/** The origin of a static pod. */
export interface StaticPodOrigin {
  readonly nodeName: string;
  /** The path of its file. */
  readonly file: string;
  /** When it was first read, in milliseconds since 1970. */
  readonly seenMs: number;
}

/** A static pod tolerates every taint that would evict it. */
const toleration = { operator: "Exists", effect: "NoExecute" } as const;

/**
 * Returns the Pod of a manifest as a static pod of a node, as the kubelet does: the node's name is part of its name, its uid is a hash of
 * its content, its file and the node, and its annotations have its source. So an edited manifest is another Pod.
 */
export function staticPod(pod: Pod, { nodeName, file, seenMs }: StaticPodOrigin): Pod {
  const { metadata } = defaultPod(pod);
  const content = JSON.stringify([nodeName, file, metadata.uid]);
  const uid = pod.metadata?.uid ?? createHash("sha256").update(content).digest("hex").slice(0, 32);
  const { tolerations = [] } = pod.spec ?? {};
  // The status of a manifest is that of another pod.
  const { status: _status, ...manifest } = pod;
  return {
    ...manifest,
    metadata: {
      ...pod.metadata,
      name: `${metadata.name}-${nodeName}`,
      namespace: metadata.namespace,
      uid,
      annotations: {
        ...pod.metadata?.annotations,
        [kubernetesAnnotations.configSource]: "file",
        [kubernetesAnnotations.configHash]: uid,
        [kubernetesAnnotations.configSeen]: new Date(seenMs).toISOString(),
      },
    },
    ...(pod.spec && { spec: { ...pod.spec, nodeName, tolerations: [...tolerations, toleration] } }),
  };
}
