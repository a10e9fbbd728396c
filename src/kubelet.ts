/**
 * Builds kubelets: many Pods on one node, from manifests or an API server, on any CRI runtime. Every decision can be replaced.
 *
 * @packageDocumentation
 */

// Images.
// The Node and its health.
// What a node runs out of.
// Its own API, and the status page.
export type {
  CgroupOptions,
  ContainerConsumption,
  DiskConsumption,
  EvictionCandidate,
  EvictionOptions,
  EvictionPolicy,
  EvictionRequest,
  EvictionSignal,
  GarbageCollectionOptions,
  HealthEndpointOptions,
  ImageDecision,
  ImageGarbageCollectionOptions,
  ImagePolicy,
  ImageRequest,
  KubeletAccess,
  KubeletAccessDecision,
  KubeletCertificate,
  KubeletServerOptions,
  KubeletStreamingOptions,
  KubeletUser,
  LogRotationOptions,
  MetThreshold,
  NodeConditionState,
  NodeConditionsHook,
  NodeOptions,
  Observation,
  Observations,
  PodConsumption,
  ReadOnlyPortOptions,
  RelistOptions,
  SignalReader,
  Thresholds,
} from "./kubelet/index.js";
// A kubelet.
// Where Pods come from.
// Which Pods run.
export {
  type AdmissionCheck,
  type AdmissionRejection,
  type AdmissionRequest,
  ApiServerError,
  type ApiServerErrorDetails,
  type ApiServerOptions,
  type ApiServerSource,
  apiServer,
  checkHostPorts,
  checkNodeAffinity,
  checkNodeResources,
  checkPodOs,
  checkSupplementalGroups,
  checkTaints,
  createKubelet,
  defaultAdmissionChecks,
  type Eviction,
  type KubeConfigLike,
  type Kubelet,
  type KubeletEvent,
  type KubeletOptions,
  type KubeletPod,
  type KubeletStopOptions,
  type KubeletWaitOptions,
  makeRoomForCriticalPod,
  type PodList,
  type PodSource,
  podList,
  type SourceHost,
  type SourceInputs,
  type SourcePod,
  type StaticPodsOptions,
  staticPods,
  toleratesTaint,
} from "./kubelet/index.js";
