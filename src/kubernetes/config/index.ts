export { containerAnnotationKeys, containerHash } from "./container-annotations.js";
export type { ContainerFiles, HostsFilePlan, SubPathPlan } from "./container-files.js";
export type { PodHostname } from "./hostname.js";
export { type HostsFileInput, hostsFileText } from "./hosts-file.js";
export { containerLogLinkName } from "./log-links.js";
export type { NodeFacts } from "./node-facts.js";
export { planContainer, podConfigs, podPlan } from "./plan-pod.js";
export { volumePlans } from "./plan-volumes.js";
export type { ConfigNotice, ContainerKind, PlannedContainer, PodConfigs, PodPlan } from "./pod-configs.js";
export type { ContainerInput, DeviceInput, ImageFacts, PodInputs, ServiceInput } from "./pod-inputs.js";

export {
  podCgroupLimit,
  podCgroupParent,
  podLimit,
  podQosClass,
  podRequest,
  podRequests,
} from "./pod-resources.js";
export { amountOf } from "./resources.js";
export { type TokenRequest, tokenRequests } from "./token-requests.js";
export type { VolumeFile, VolumePlan } from "./volume-plans.js";
