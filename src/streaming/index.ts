/**
 * From a streaming URL to bytes: remote commands and forwarded ports, over SPDY/3.1 and WebSocket. Knows no RPC.
 *
 * @packageDocumentation
 */

// For people who have a URL.
export type {
  AttachSession,
  CommandExit,
  ExecSession,
  Session,
  SessionOptions,
  SessionStreams,
} from "./command.js";
export { attach, exec } from "./exec.js";
export type { StreamingOptions, StreamingTransport, StreamingUrl } from "./options.js";
export type { ForwardedConnection } from "./port-forward/connection.js";
export type { ForwardSource } from "./port-forward/link-opener.js";
export type {
  ForwardListener,
  ListenOptions,
  PortForward,
  PortForwardOptions,
} from "./port-forward/options.js";
export { portForward } from "./port-forward/port-forward.js";
export type { TerminalSize } from "./resize.js";
