/**
 * A typed client for the Kubernetes Container Runtime Interface, CRI v1.
 *
 * What is not listed here is not public.
 *
 * @packageDocumentation
 */

// For people who call a runtime.
export { connect } from "./connect.js";
export type { Cri } from "./cri.js";
export type { ConnectOptions, CustomTransportOptions } from "./connect-options.js";
export {
  type CriList,
  type Discovered,
  discover,
  type ImageClient,
  type Lists,
  type ProbeOptions,
  type RuntimeClient,
  type RuntimeHandlerInfo,
  type RuntimeInfo,
  type ServerStream,
} from "./clients/index.js";
export {
  type BackoffOptions,
  type CallOptions,
  CriError,
  type CriErrorCode,
  type CriErrorReason,
  criErrorCodes,
  criErrorReasons,
  dateToNanos,
  type HeadersInput,
  type ImageReference,
  isCriError,
  nanosToDate,
  nanosToMs,
  parseReference,
  type Problem,
  type TlsOptions,
} from "./core/index.js";
// Images.
export {
  type CredentialFunction,
  type CredentialLookup,
  type CredentialSource,
  defaultPullPolicy,
  dockerAuth,
  type EnsureImageOptions,
  familiarReference,
  formatReference,
  type HelperOptions,
  type ImageAuth,
  type ImageFilesystem,
  type ImageFsInfo,
  type ImageSelection,
  type Images,
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
  type PullSecret,
  type RegistryCredentials,
  type RemovedImage,
  type RemoveImageOptions,
  type WatchOptions,
} from "./images/index.js";
export type {
  AttachOptions,
  CommandInput,
  CopyFromOptions,
  CopyOptions,
  CopyProgress,
  CopyResult,
  CopySource,
  CopyToOptions,
  ExecOptions,
  ForwardOptions,
  KillableSession,
  RunOptions,
  RunResult,
  StreamingDefaults,
} from "./sessions/index.js";
export {
  type AttachSession,
  attachTerminal,
  type CommandExit,
  type ExecSession,
  type ForwardedConnection,
  type ForwardListener,
  type ListenOptions,
  type PortForward,
  type PortForwardOptions,
  type Session,
  type SessionOptions,
  type SessionStreams,
  type StreamingOptions,
  type StreamingTransport,
  type TerminalOptions,
  type TerminalProcess,
  type TerminalSize,
} from "./streaming/index.js";
export type { RetryOptions, RpcName, TransportOptions } from "./transport/index.js";

// crictl's config files, and its output.
export {
  type ConfigDialect,
  type ConfigFileOptions,
  CrictlJson,
  type CrictlJsonWriter,
  type FromGoJsonOptions,
  fromGoJson,
  loadContainerConfig,
  loadSandboxConfig,
  type ParseConfigOptions,
  parseContainerConfig,
  parseSandboxConfig,
  toCrictlJson,
  toGoJson,
  type UnknownKeys,
} from "./crictl/index.js";

// For people who build on this package.
export { type Backoff, backoff, type CriErrorInit, sleep, untilBreak, whyStopped } from "./core/index.js";
export {
  createTransport,
  type Endpoint,
  type Http2Transport,
  type MethodPolicy,
  parseEndpoint,
  policy,
  type RpcMethods,
  type RpcRequest,
} from "./transport/index.js";

// Connect's types, in words of our own: no user needs the DOM library for them.
export type {
  RpcContextKey,
  RpcContextValues,
  RpcHeadersInit,
  RpcInterceptor,
  RpcNext,
  RpcStreamRequest,
  RpcStreamResponse,
  RpcTransport,
  RpcUnaryRequest,
  RpcUnaryResponse,
} from "./transport/index.js";
