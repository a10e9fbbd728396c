export { EvictionManager, type EvictionParts } from "./eviction-manager.js";
export { type EvictionOptions, evictionTable } from "./options.js";
export type {
  ContainerConsumption,
  DiskConsumption,
  EvictionCandidate,
  EvictionPolicy,
  EvictionRequest,
  MetThreshold,
  PodConsumption,
  VolumeConsumption,
} from "./policy.js";
export { rankPods } from "./rank-pods.js";
export type { EvictionSignal, NodePressures, Observation, Observations, SignalReader } from "./signals.js";
export { defaultHardThresholds, type Thresholds } from "./thresholds.js";
