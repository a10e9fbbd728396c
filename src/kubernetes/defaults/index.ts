export { generatedName } from "./content-hash.js";
export { pullPolicyOf } from "./default-container.js";
export { defaultPod } from "./default-pod.js";
export type * from "./defaulted-pod.js";
export {
  aggregateContainers,
  defaultPodResources,
  isPodLevelResource,
  type ResourceSums,
  tryParseQuantity,
} from "./pod-level-resources.js";
