// The room of the kubelet. The door `cri-sdk/kubelet` (`src/kubelet.ts`) lists what is public.

export {
  checkHostPorts,
  checkNodeAffinity,
  checkNodeResources,
  checkPodOs,
  checkSupplementalGroups,
  checkTaints,
  defaultAdmissionChecks,
  makeRoomForCriticalPod,
  toleratesTaint,
} from "./admission/index.js";
export type { AdmissionCheck, AdmissionRejection, AdmissionRequest } from "./admission-check.js";
export {
  ApiServerError,
  type ApiServerErrorDetails,
  type ApiServerOptions,
  type ApiServerSource,
  apiServer,
  type KubeConfigLike,
} from "./api-server/index.js";
export {
  type CgroupOptions,
  NodeCgroups,
  type NodeCgroupsParts,
} from "./cgroups/index.js";
export { createKubelet } from "./create-kubelet.js";
export {
  type CorrelatedEvent,
  EventCorrelator,
} from "./events/index.js";
export {
  type ContainerConsumption,
  type DiskConsumption,
  defaultHardThresholds,
  type EvictionCandidate,
  EvictionManager,
  type EvictionOptions,
  type EvictionParts,
  type EvictionPolicy,
  type EvictionRequest,
  type EvictionSignal,
  type MetThreshold,
  type Observation,
  type Observations,
  type PodConsumption,
  rankPods,
  type SignalReader,
  type Thresholds,
  type VolumeConsumption,
} from "./eviction/index.js";
export {
  GarbageCollection,
  type GarbageCollectionOptions,
  type GarbageParts,
  ImageGarbageCollection,
  type ImageGarbageCollectionOptions,
} from "./garbage/index.js";
export { Kubelet, type KubeletStopOptions, type KubeletWaitOptions } from "./kubelet.js";
export type { KubeletEvent } from "./kubelet-event.js";
export type { Eviction, KubeletPod, KubeletView } from "./kubelet-view.js";
export type { LogRotationOptions } from "./log-rotation/index.js";
export {
  type NodeConditionState,
  type NodeConditionsHook,
  type NodeOptions,
  NodeReporter,
  type NodeReporterParts,
} from "./node/index.js";
export type {
  ImageDecision,
  ImagePolicy,
  ImageRequest,
  KubeletOptions,
} from "./options.js";
export type { PodSource, SourceHost, SourceInputs, SourcePod } from "./pod-source.js";
export {
  NodeRelist,
  type RelistOptions,
} from "./relist/index.js";
export { type AllocationsOptions, PodAllocations } from "./resize/index.js";
export {
  type HealthEndpointOptions,
  type KubeletAccess,
  type KubeletAccessDecision,
  type KubeletCertificate,
  KubeletServer,
  type KubeletServerOptions,
  type KubeletServerParts,
  type KubeletStreamingOptions,
  type KubeletUser,
  ProbeCounts,
  type ReadOnlyPortOptions,
} from "./server/index.js";
export { type PodList, podList, type StaticPodsOptions, staticPods } from "./sources/index.js";
