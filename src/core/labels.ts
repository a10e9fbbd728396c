/** The labels that the kubelet puts on sandboxes and containers, by which every tool of the field finds them again. */
export const kubernetesLabels = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;
