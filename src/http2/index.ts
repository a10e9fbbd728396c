export { alpnProblem, alpnProtocols } from "./alpn.js";
export { ClientConnection, type ClientEvents, type ClientOptions } from "./client.js";
export { errorCode, errorCodeName, Http2Error } from "./errors.js";
export type { HeaderMap } from "./headers.js";
export { type HeaderFields, RepeatedHeaders } from "./hpack/encoder.js";
export { MemoryLimit } from "./memory-limit.js";
export type { Goaway } from "./role.js";
export { ServerConnection, type ServerEvents, type ServerOptions } from "./server.js";
export type { Stream, StreamEnd, StreamReceiver } from "./stream.js";
