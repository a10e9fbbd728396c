/**
 * A typed client for the Kubernetes Container Runtime Interface, CRI v1.
 *
 * What is not listed here is not public.
 *
 * @packageDocumentation
 */

// For people who call a runtime.
export type {
  CriList,
  ImageClient,
  Lists,
  RuntimeClient,
  RuntimeHandlerInfo,
  RuntimeInfo,
  ServerStream,
} from "./clients/index.js";
// For people who build on this package.
export {
  type Backoff,
  type BackoffOptions,
  backoff,
  type CallOptions,
  CriError,
  type CriErrorCode,
  type CriErrorInit,
  type CriErrorReason,
  criErrorCodes,
  criErrorReasons,
  dateToNanos,
  type HeadersInput,
  isCriError,
  nanosToDate,
  nanosToMs,
  type Problem,
  sleep,
  untilBreak,
  whyStopped,
} from "./core/index.js";
export { type ConnectOptions, type Cri, type CustomTransportOptions, connect } from "./cri.js";
export {
  createTransport,
  type Discovered,
  discover,
  type Endpoint,
  type Http2Transport,
  type MethodPolicy,
  type ProbeOptions,
  parseEndpoint,
  policy,
  type RetryOptions,
  type RpcContextKey,
  type RpcContextValues,
  type RpcHeadersInit,
  type RpcInterceptor,
  type RpcMethods,
  type RpcName,
  type RpcNext,
  type RpcRequest,
  type RpcStreamRequest,
  type RpcStreamResponse,
  type RpcTransport,
  type RpcUnaryRequest,
  type RpcUnaryResponse,
  type TlsOptions,
  type TransportOptions,
} from "./transport/index.js";
