export { type CgroupParentOptions, cgroupParent } from "./cgroup-parent.js";
export { type ContainerConfigOptions, checkContainerSpec, containerConfig } from "./container-config.js";
export { signalNamed } from "./container-fields.js";
export {
  type OomScoreOptions,
  oomScoreAdj,
  type PodLevelMemory,
  type SwapLimitOptions,
  swapLimit,
} from "./node-memory.js";
export {
  type InitContainerResources,
  type PodResourcesInput,
  podResources,
  type QosClass,
  type QosClassOptions,
  qosClass,
  qosClassOf,
} from "./pod-resources.js";
export { ParsedQuantity, parseQuantity, unlessZero } from "./quantity.js";
export { cpuQuota, cpuShares, pageSizeName, updatedResources } from "./resources.js";
export { podUid, type SandboxConfigOptions, sandboxConfig, uuidOfHash } from "./sandbox-config.js";
export { dottedSysctl, truncateHostname } from "./sandbox-fields.js";
export { defaultMaskedPaths, defaultReadonlyPaths, deprecatedApparmorName } from "./security.js";
export { type PodIdentity, podLogDirectory } from "./shared-fields.js";
export type { ContainerSpec, DeviceSpec, MountPropagationMode, MountSpec } from "./spec-container.js";
export type { DnsSpec, NamespacesSpec, PodSpec, PortSpec, UserIdRange } from "./spec-pod.js";
export type { Quantity, ResourcesSpec } from "./spec-resources.js";
export type {
  ContainerSecuritySpec,
  PodSecuritySpec,
  ProfileSpec,
  SelinuxSpec,
  UserSpec,
} from "./spec-security.js";
export { annotationKey, dnsLabel, dnsSubdomain, labelKey, labelValue, uidRule } from "./string-rules.js";
