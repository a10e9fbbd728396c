/**
 * Builds kubelets: many Pods on one node, from manifests or an API server, on any CRI runtime. Every decision can be replaced.
 *
 * @packageDocumentation
 */

// A kubelet.

export {
  createKubelet,
  type Eviction,
  type Kubelet,
  type KubeletEvent,
  type KubeletOptions,
  type KubeletPod,
  type KubeletStopOptions,
  type KubeletWaitOptions,
} from "./kubelet/index.js";

// Where Pods come from.

export {
  ApiServerError,
  type ApiServerErrorDetails,
  type ApiServerOptions,
  type ApiServerSource,
  apiServer,
  type KubeConfigLike,
  type PodList,
  type PodSource,
  podList,
  type SourceHost,
  type SourceInputs,
  type SourcePod,
  type StaticPodsOptions,
  staticPods,
} from "./kubelet/index.js";

// Which Pods run.

export {
  type AdmissionCheck,
  type AdmissionRejection,
  type AdmissionRequest,
  checkHostPorts,
  checkNodeAffinity,
  checkNodeResources,
  checkPodOs,
  checkSupplementalGroups,
  checkTaints,
  defaultAdmissionChecks,
  makeRoomForCriticalPod,
  toleratesTaint,
} from "./kubelet/index.js";

// Images.

export type {
  ImageDecision,
  ImagePolicy,
  ImageRequest,
} from "./kubelet/index.js";

// The Node and its health.

export type {
  NodeConditionState,
  NodeConditionsHook,
  NodeOptions,
  RelistOptions,
} from "./kubelet/index.js";

// What a node runs out of.

export {
  type CgroupOptions,
  type ContainerConsumption,
  type DiskConsumption,
  defaultHardThresholds,
  type EvictionCandidate,
  type EvictionOptions,
  type EvictionPolicy,
  type EvictionRequest,
  type EvictionSignal,
  type GarbageCollectionOptions,
  type ImageGarbageCollectionOptions,
  type LogRotationOptions,
  type MetThreshold,
  type Observation,
  type Observations,
  type PodConsumption,
  rankPods,
  type SignalReader,
  type Thresholds,
  type VolumeConsumption,
} from "./kubelet/index.js";

// Its own API, and the status page.

export type {
  HealthEndpointOptions,
  KubeletAccess,
  KubeletAccessDecision,
  KubeletCertificate,
  KubeletServerOptions,
  KubeletStreamingOptions,
  KubeletUser,
  ReadOnlyPortOptions,
} from "./kubelet/index.js";
