export { CgroupDrivers } from "./cgroups.js";
export * from "./config/index.js";
export { containerLogs } from "./container-logs.js";
export { Containers } from "./containers.js";
export { createPodContext, type PodContext } from "./context.js";
export {
  type FollowedContainer,
  type FollowedLogEntry,
  type FollowLogsFilter,
  type FollowLogsOptions,
  followLogs,
} from "./follow-logs.js";
export { Container, type EnsuredContainer, Pod } from "./handles.js";
export type { CreateContainerOptions } from "./lifecycle/create-container.js";
export type { EnsureContainerOptions } from "./lifecycle/ensure-container.js";
export type {
  ContainerCondition,
  ContainerWaitOptions,
  PodCondition,
  PodWaitOptions,
} from "./lifecycle/wait.js";
export type { ContainerListFilter, PodListFilter } from "./listing.js";
export {
  type OperationOptions,
  type PodsOptions,
  podsTable,
  type RemoveOptions,
  type StopOptions,
} from "./options.js";
export { type EnsuredPod, Pods } from "./pods.js";
export { ownProcessIdentity, processState } from "./process-identity.js";
export type { KnownConfig } from "./sandbox.js";
export type {
  ContainerSnapshot,
  CreatedContainer,
  ExitedContainer,
  PodSnapshot,
  RunningContainer,
  UnknownContainer,
} from "./status.js";
export { type OrphanedObject, type SweepOptions, type SweepResult, sweep } from "./sweep.js";
