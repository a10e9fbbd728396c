/**
 * Builds kubelets: many Pods on one node, from manifests or an API server, on any CRI runtime. Every decision can be replaced.
 *
 * @packageDocumentation
 */

// Images.
// The Node and its health.
// Its own API, and the status page.
export type {
  HealthEndpointOptions,
  ImageDecision,
  ImagePolicy,
  ImageRequest,
  KubeletAccess,
  KubeletAccessDecision,
  KubeletCertificate,
  KubeletServerOptions,
  KubeletStreamingOptions,
  KubeletUser,
  NodeConditionState,
  NodeConditionsHook,
  NodeOptions,
  ReadOnlyPortOptions,
  RelistOptions,
} from "./kubelet/index.js";
// A kubelet.
// Where Pods come from.
// Which Pods run.
// What a node runs out of.
export {
  type AdmissionCheck,
  type AdmissionRejection,
  type AdmissionRequest,
  ApiServerError,
  type ApiServerErrorDetails,
  type ApiServerOptions,
  type ApiServerSource,
  apiServer,
  type CgroupOptions,
  type ContainerConsumption,
  checkHostPorts,
  checkNodeAffinity,
  checkNodeResources,
  checkPodOs,
  checkSupplementalGroups,
  checkTaints,
  createKubelet,
  type DiskConsumption,
  defaultAdmissionChecks,
  defaultHardThresholds,
  type Eviction,
  type EvictionCandidate,
  type EvictionOptions,
  type EvictionPolicy,
  type EvictionRequest,
  type EvictionSignal,
  type GarbageCollectionOptions,
  type ImageGarbageCollectionOptions,
  type KubeConfigLike,
  type Kubelet,
  type KubeletEvent,
  type KubeletOptions,
  type KubeletPod,
  type KubeletStopOptions,
  type KubeletWaitOptions,
  type LogRotationOptions,
  type MetThreshold,
  makeRoomForCriticalPod,
  type Observation,
  type Observations,
  type PodConsumption,
  type PodList,
  type PodSource,
  podList,
  rankPods,
  type SignalReader,
  type SourceHost,
  type SourceInputs,
  type SourcePod,
  type StaticPodsOptions,
  staticPods,
  type Thresholds,
  toleratesTaint,
  type VolumeConsumption,
} from "./kubelet/index.js";
