/**
 * Serve CRI: gRPC services at an endpoint, and the streaming server that Exec, Attach and PortForward give URLs for.
 *
 * @packageDocumentation
 */

// Errors of handlers.
export { type CriErrorDetails, criError } from "../core/index.js";
// The two services.
export type {
  CallContext,
  ImageImplementation,
  Implementation,
  RawHandler,
  RuntimeImplementation,
  Services,
  StreamHandler,
  UnaryHandler,
} from "./implementation.js";
export { type MemoryOptions, memoryTransport, nextLoopTurn } from "./memory.js";
export { proxy } from "./proxy.js";
export type {
  ImageOverrides,
  ObservedCall,
  Overrides,
  ProxyOptions,
  ProxyOverrides,
  RuntimeOverrides,
  StreamOverride,
  UnaryOverride,
  UrlMethod,
} from "./proxy-options.js";
export type { ServeOptions } from "./serve.js";
export { type CriServer, serve } from "./serve.js";
export type { SocketFileOptions } from "./socket-file.js";

// Streaming sessions.
export type { CloseOptions, StreamingServer, StreamingUrlResponse } from "./streaming/api.js";
export type {
  AttachContext,
  CommandContext,
  ExecContext,
  PortForwardContext,
  StreamingHandlers,
} from "./streaming/handlers.js";
export type { ServerTlsOptions, StreamingServerOptions } from "./streaming/options.js";
export type {
  StreamChoice,
  StreamingAttachRequest,
  StreamingExecRequest,
  StreamingPortForwardRequest,
} from "./streaming/requests.js";
export { createStreamingServer } from "./streaming/server.js";

// For the kubelet's own API, which passes sessions on.
export { Connections } from "./streaming/connections.js";
export { headerList } from "./streaming/http.js";
export { type ServedSession, Sessions } from "./streaming/sessions.js";
export { acceptWebSocket, WebSocketDuplex } from "./streaming/websocket.js";
