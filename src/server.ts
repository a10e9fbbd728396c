/**
 * Servers for CRI: the gRPC services at an endpoint, and the streaming server for Exec, Attach and PortForward URLs.
 *
 * @packageDocumentation
 */

// The two services.
export {
  type CallContext,
  type CriServer,
  type ImageImplementation,
  type Implementation,
  type MemoryOptions,
  memoryTransport,
  type RawHandler,
  type RuntimeImplementation,
  type ServeOptions,
  type Services,
  type SocketFileOptions,
  type StreamHandler,
  serve,
  type UnaryHandler,
} from "./server/index.js";

// A proxy for another runtime.
export {
  type ImageOverrides,
  type ObservedCall,
  type Overrides,
  type ProxyOptions,
  type ProxyOverrides,
  proxy,
  type RuntimeOverrides,
  type StreamOverride,
  type UnaryOverride,
  type UrlMethod,
} from "./server/index.js";

// Errors of handlers.
export { type CriErrorDetails, criError } from "./server/index.js";

// Streaming sessions.
export {
  type AttachContext,
  type CloseOptions,
  type CommandContext,
  createStreamingServer,
  type ExecContext,
  type PortForwardContext,
  type ServerTlsOptions,
  type StreamChoice,
  type StreamingUrlResponse,
  type StreamingAttachRequest,
  type StreamingExecRequest,
  type StreamingHandlers,
  type StreamingPortForwardRequest,
  type StreamingServer,
  type StreamingServerOptions,
} from "./server/index.js";
