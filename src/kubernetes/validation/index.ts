export { checkMetadata } from "./metadata.js";
export { configKey } from "./name-rules.js";
export type { ValidatePodOptions } from "./validate-options.js";
export { checkPod, validatePod } from "./validate-pod.js";
