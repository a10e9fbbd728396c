export { type CgroupParentOptions, cgroupParent } from "./cgroup-parent.js";
export { type ContainerConfigOptions, containerConfig } from "./container-config.js";
export { cpuQuota, cpuShares } from "./cpu.js";
export { defaultLogRoot, type PodIdentity, podLogDirectory } from "./log-paths.js";
export { type OomScoreOptions, oomScoreAdj, type PodLevelMemory } from "./oom-score.js";
export { type InitContainerResources, type PodResourcesInput, podResources } from "./pod-resources.js";
export { podUid } from "./pod-uid.js";
export { type QosClass, type QosClassOptions, qosClass } from "./qos.js";
export { ParsedQuantity, parseQuantity } from "./quantity.js";
export { collecting, type Report } from "./report.js";
export { readResources } from "./resource-fields.js";
export { type LinuxResourcesOptions, linuxResources } from "./resources.js";
export { type SandboxConfigOptions, sandboxConfig } from "./sandbox-config.js";
export type { ContainerSpec, DeviceSpec, MountSpec, Propagation } from "./spec-container.js";
export type { DnsSpec, IdRange, NamespacesSpec, PodSpec, PortSpec } from "./spec-pod.js";
export type { Quantity, ResourcesSpec } from "./spec-resources.js";
export type {
  ContainerSecuritySpec,
  PodSecuritySpec,
  ProfileSpec,
  SelinuxSpec,
  UserSpec,
} from "./spec-security.js";
export { type SwapLimitOptions, swapLimit } from "./swap.js";
