/**
 * The transport below the clients: RPCs over HTTP/2 to an endpoint, with retry and interceptors.
 *
 * @packageDocumentation
 */

export type { BackoffOptions, TlsOptions } from "./core/index.js";
// Connect's types, declared here because Connect's own declarations need the DOM library.
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
// The defaults of each RPC.
export { type MethodPolicy, policy, type RetryOptions } from "./clients/index.js";
export {
  createTransport,
  type Endpoint,
  type Http2Transport,
  type ImageRpc,
  parseEndpoint,
  type RpcMethods,
  type RpcName,
  type RpcRequest,
  type RpcResponse,
  type RuntimeRpc,
  type TransportOptions,
} from "./transport/index.js";
