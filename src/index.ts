/**
 * A typed client for the Kubernetes Container Runtime Interface, CRI v1: connect to a runtime, and use its pods,
 * containers and images.
 *
 * @packageDocumentation
 */

// Connecting. The options of the transport are in cri-sdk/transport.
export { connect } from "./connect.js";
export type { ConnectOptions, CustomTransportOptions } from "./connect-options.js";
export type { Cri } from "./cri.js";
export { type DiscoveredRuntime, discover, type ProbeOptions } from "./clients/index.js";
export type { RpcInterceptor, RpcTransport } from "./transport/index.js";

// Calls of single RPCs: `cri.runtime`, `cri.image`, `cri.lists`, `cri.features()`.
export type {
  CriList,
  ImageClient,
  Lists,
  RuntimeClient,
  RuntimeHandlerInfo,
  RuntimeInfo,
  ServerStream,
} from "./clients/index.js";
export { type CallOptions, dateToNanos, type HeadersInput, nanosToDate, nanosToMs } from "./core/index.js";

// Errors.
export {
  CriError,
  type CriErrorCode,
  type CriErrorInit,
  type CriErrorReason,
  criErrorCodes,
  criErrorReasons,
  isCriError,
  type Leftover,
  type Problem,
} from "./core/index.js";

// Pods and containers: `cri.pods`, `cri.containers`, `cri.sweep()`. Parts of specs are in cri-sdk/configs.
export type {
  Container,
  ContainerCondition,
  ContainerListFilter,
  ContainerSnapshot,
  ContainerSpec,
  Containers,
  ContainerWaitOptions,
  CreateContainerOptions,
  EnsureContainerOptions,
  EnsuredContainer,
  EnsuredPod,
  KnownConfig,
  OperationOptions,
  OrphanedObject,
  Pod,
  PodCondition,
  PodListFilter,
  Pods,
  PodSnapshot,
  PodSpec,
  PodsOptions,
  PodWaitOptions,
  RemoveOptions,
  StopOptions,
  SweepOptions,
  SweepResult,
} from "./pods/index.js";

// Commands, terminals, ports, files and logs of containers. The rest is in cri-sdk/streaming and cri-sdk/logs.
export type {
  AttachOptions,
  CommandInput,
  CopyFromOptions,
  CopyProgress,
  CopyResult,
  CopySource,
  CopyToOptions,
  ExecOptions,
  ForwardOptions,
  KillableSession,
  RunCommandOptions,
  RunCommandResult,
} from "./sessions/index.js";
export { type AttachSession, attachTerminal, type ExecSession, type PortForward } from "./streaming/index.js";
export type { LogEntry, LogReader, ReadLogsOptions } from "./logs/index.js";
export type {
  FollowedContainer,
  FollowedLogEntry,
  FollowLogsFilter,
  FollowLogsOptions,
} from "./pods/index.js";

// Images, their references, and credentials for registries: `cri.images`.
export {
  type CredentialFunction,
  type CredentialLookup,
  type CredentialSource,
  defaultPullPolicy,
  dockerAuth,
  type EnsureImageOptions,
  familiarReference,
  formatReference,
  type GetImageOptions,
  type HelperOptions,
  type ImageAuth,
  type ImageFilesystem,
  type ImageFsInfo,
  type ImageSelection,
  type Images,
  type ImageSpecOptions,
  type KeptImage,
  keyring,
  type ListImagesOptions,
  type NodeImage,
  normalizeReference,
  type PruneOptions,
  type PruneResult,
  podmanAuth,
  type PullOptions,
  type PullPolicy,
  type PullProgress,
  type PullProgressOptions,
  type PullSecret,
  type RegistryCredentials,
  type RemovedImage,
  type RemoveImageOptions,
} from "./images/index.js";
export { type ImageReference, parseReference } from "./core/index.js";

// Events and usage: `cri.events`, `cri.watchNode()`, `cri.stats`. Their parts are in cri-sdk/observe.
export type {
  EventStream,
  Events,
  NodeChange,
  NodeContainer,
  NodeEvent,
  NodePod,
  NodeWatch,
} from "./events/index.js";
export type { ContainerUsage, PodUsage, Stats } from "./stats/index.js";
