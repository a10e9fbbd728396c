/** The labels that the kubelet sets on sandboxes and containers; crictl and other tools find pods by them. */
export const kubernetesLabels = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;

/** The annotations that the kubelet sets on Pods, to say where they come from. */
export const kubernetesAnnotations = {
  /** The name of the source, such as `file` or `api`. */
  configSource: "kubernetes.io/config.source",
  /** A hash of a static pod, by which its mirror pod is found to be outdated. */
  configHash: "kubernetes.io/config.hash",
  /** When the source was read first, as an RFC 3339 time. */
  configSeen: "kubernetes.io/config.seen",
  /** Marks a mirror pod: the hash of its static pod. */
  configMirror: "kubernetes.io/config.mirror",
} as const;
