/**
 * Builds kubelets: many Pods on one node, from manifests or an API server, on any CRI runtime. Every decision can be replaced.
 *
 * @packageDocumentation
 */

export type {
  AdmissionCheck,
  AdmissionRejection,
  AdmissionRequest,
  Eviction,
  KubeletEvent,
  KubeletPod,
  PodSource,
  SourceHost,
  SourceInputs,
  SourcePod,
} from "./kubelet/index.js";
