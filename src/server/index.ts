/**
 * Serve CRI: the streaming half of it, which Exec, Attach and PortForward give URLs for.
 *
 * @packageDocumentation
 */

export type { CloseOptions, StreamingAnswer, StreamingServer } from "./streaming/api.js";
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
