export { fromTransportError, toConnectError } from "./connect-errors.js";
export type * from "./contract.js";
export type { Environment } from "./crictl-config.js";
export {
  type Candidate,
  type Candidates,
  findCandidates,
  noRuntime,
  wellKnownCandidates,
} from "./discovery.js";
export { type Endpoint, parseEndpoint } from "./endpoint.js";
export { endpointOf } from "./endpoint-key.js";
export { EnvelopeReader, encodeEnvelope, type MessageReceiver } from "./envelope.js";
export { withInterceptors } from "./interceptors.js";
export type { TransportOptions } from "./options.js";
export {
  defaultTimeoutMs,
  type ImageRpc,
  type MethodPolicy,
  policy,
  type RpcMethods,
  type RpcName,
  type RpcRequest,
  type RuntimeRpc,
  rpcName,
} from "./policy.js";
export { type Retry, type RetryOptions, resolveRetry, withRetry } from "./retry.js";
export { connectOnceKey, createTransport, type Http2Transport } from "./transport.js";
