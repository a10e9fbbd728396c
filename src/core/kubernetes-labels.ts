/** The labels that the kubelet sets on sandboxes and containers; crictl and other tools find pods by them. */
export const kubernetesLabels = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;
