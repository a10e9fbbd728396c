/**
 * CRI configs from specs, and the numbers in them, as the kubelet makes them. Needs no runtime.
 *
 * @packageDocumentation
 */

// Specs and their parts.
export type {
  ContainerSecuritySpec,
  ContainerSpec,
  DeviceSpec,
  DnsSpec,
  MountPropagationMode,
  MountSpec,
  NamespacesSpec,
  PodSecuritySpec,
  PodSpec,
  PortSpec,
  ProfileSpec,
  Quantity,
  ResourcesSpec,
  SelinuxSpec,
  UserIdRange,
  UserSpec,
} from "./pods/index.js";
// Configs.
// Numbers.
export {
  type CgroupParentOptions,
  type ContainerConfigOptions,
  cgroupParent,
  containerConfig,
  type InitContainerResources,
  type OomScoreOptions,
  oomScoreAdj,
  type ParsedQuantity,
  type PodIdentity,
  type PodLevelMemory,
  type PodResourcesInput,
  parseQuantity,
  podLogDirectory,
  podResources,
  podUid,
  type QosClass,
  type QosClassOptions,
  qosClass,
  type SandboxConfigOptions,
  type SwapLimitOptions,
  sandboxConfig,
  swapLimit,
} from "./pods/index.js";
