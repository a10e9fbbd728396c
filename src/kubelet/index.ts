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
  apiServerTable,
  type KubeConfigLike,
} from "./api-server/index.js";
export {
  type CgroupOptions,
  cgroupOptionsTable,
  NodeCgroups,
  type NodeCgroupsParts,
} from "./cgroups/index.js";
export { createKubelet } from "./create-kubelet.js";
export {
  type CorrelatedEvent,
  EventCorrelator,
  type EventCorrelatorOptions,
  type EventPatch,
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
  evictionTable,
  type MetThreshold,
  type NodePressures,
  type Observation,
  type Observations,
  type PodConsumption,
  rankPods,
  type SignalReader,
  type Thresholds,
  type VolumeConsumption,
} from "./eviction/index.js";
export {
  type CollectOptions,
  GarbageCollection,
  type GarbageCollectionOptions,
  type GarbageParts,
  garbageCollectionTable,
  ImageGarbageCollection,
  type ImageGarbageCollectionOptions,
  type ImageGarbageParts,
  imageGarbageCollectionTable,
} from "./garbage/index.js";
export { Kubelet, type KubeletStopOptions, type KubeletWaitOptions } from "./kubelet.js";
export type { KubeletEvent, RecordEvent } from "./kubelet-event.js";
export type { Eviction, KubeletLoop, KubeletPod, KubeletView } from "./kubelet-view.js";
export {
  LogRotation,
  type LogRotationOptions,
  type LogRotationParts,
  logRotationTable,
} from "./log-rotation/index.js";
export {
  type KnownNode,
  type NodeConditionState,
  type NodeConditionsHook,
  type NodeOptions,
  NodeReporter,
  type NodeReporterParts,
  nodeTable,
} from "./node/index.js";
export {
  type ImageDecision,
  type ImagePolicy,
  type ImageRequest,
  type KubeletOptions,
  kubeletTable,
} from "./options.js";
export type { PodSource, SourceHost, SourceInputs, SourcePod } from "./pod-source.js";
export {
  NodeRelist,
  type NodeRelistParts,
  type RelistOptions,
  type RuntimeHealth,
  relistTable,
} from "./relist/index.js";
export { type AllocationsOptions, PodAllocations } from "./resize/index.js";
export {
  type HealthEndpointOptions,
  type KubeletAccess,
  type KubeletAccessDecision,
  type KubeletCertificate,
  type KubeletMetric,
  KubeletServer,
  type KubeletServerOptions,
  type KubeletServerParts,
  type KubeletStreamingOptions,
  type KubeletUser,
  kubeletServerTable,
  ProbeCounts,
  type ReadOnlyPortOptions,
} from "./server/index.js";
export { type PodList, podList, type StaticPodsOptions, staticPods } from "./sources/index.js";
