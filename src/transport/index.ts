export { fromTransportError, toConnectError } from "./connect-errors.js";
export type * from "./contract.js";
export { type Endpoint, parseEndpoint } from "./endpoint.js";
export { withInterceptors } from "./interceptors.js";
export type { TlsOptions, TransportOptions } from "./options.js";
export { connectOnceKey, createTransport, type Http2Transport } from "./transport.js";
