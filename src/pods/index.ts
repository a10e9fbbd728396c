export type { KnownConfig } from "./adopt.js";
export * from "./config/index.js";
export { Container } from "./container.js";
export { Containers } from "./containers.js";
export { createPodKit } from "./create-kit.js";
export type { ContainerFilter } from "./find-containers.js";
export type { PodFilter } from "./find-pods.js";
export type { PodKit } from "./kit.js";
export { containerLogs } from "./life/container-logs.js";
export type { CreateContainerOptions } from "./life/create-container.js";
export type { EnsureContainerOptions, EnsuredContainer } from "./life/ensure-container.js";
export type { EnsuredPod } from "./life/ensure-pod.js";
export type { RemoveOptions } from "./life/remove.js";
export type { StepsOptions } from "./life/run-pod.js";
export type { StopOptions } from "./life/stop.js";
export type { WaitOptions } from "./life/wait.js";
export type { ContainerCondition, ContainerWaitOptions } from "./life/wait-for-container.js";
export type { PodCondition } from "./life/wait-for-pod.js";
export type { PodsOptions } from "./options.js";
export { Pod } from "./pod.js";
export { Pods } from "./pods.js";
export type {
  ContainerSnapshot,
  CreatedContainer,
  ExitedContainer,
  PodSnapshot,
  RunningContainer,
  UnknownContainer,
} from "./snapshots.js";
export { type Orphan, type SweepOptions, type SweepResult, sweep } from "./sweep.js";
