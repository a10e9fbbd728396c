export { EvictionManager, type EvictionParts, type NodePressures } from "./eviction-manager.js";
export { type EvictionOptions, evictionTable, type Thresholds } from "./options.js";
export type {
  ContainerConsumption,
  DiskConsumption,
  EvictionCandidate,
  EvictionPolicy,
  EvictionRequest,
  MetThreshold,
  PodConsumption,
} from "./policy.js";
export type { EvictionSignal, Observation, Observations, SignalReader } from "./signals.js";
