export { decodeMessage, encodeMessage, encodeToEnvelope } from "./codecs.js";
export { checkMethod, fromTransportError, toConnectError } from "./connect-errors.js";
export type * from "./contract.js";
export { transportCheck } from "./contract.js";
export type { Environment } from "./crictl-config.js";
export {
  type Candidate,
  type Candidates,
  findCandidates,
  noRuntime,
  wellKnownCandidates,
} from "./discovery.js";
export { type Endpoint, parseEndpoint } from "./endpoint.js";
export { copyOf, EnvelopeReader, encodeEnvelope, type MessageReceiver, prefixBytes } from "./envelope.js";
export { endpointOf, withInterceptors } from "./interceptors.js";
export type { ImageRpc, RpcMethods, RpcName, RpcRequest, RpcResponse, RuntimeRpc } from "./methods.js";
export { type TransportOptions, transportTable } from "./options.js";
export { connectOnceKey, createTransport, type Http2Transport, openTransport } from "./transport.js";
