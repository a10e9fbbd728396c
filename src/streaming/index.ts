/**
 * From a streaming URL to bytes: remote commands and forwarded ports, over SPDY/3.1 and WebSocket. Knows no RPC.
 *
 * @packageDocumentation
 */

// For people who have a URL.
export { attach, exec } from "./exec.js";
export { portForward } from "./port-forward/port-forward.js";
export { attachTerminal, type TerminalOptions, type TerminalProcess } from "./terminal.js";
export type {
  AttachSession,
  CommandExit,
  ExecSession,
  Session,
  SessionOptions,
  SessionStreams,
} from "./command.js";
export type { StreamingOptions, StreamingTransport, StreamingUrl } from "./options.js";
export type { ForwardedConnection } from "./port-forward/connection.js";
export type { ForwardSource } from "./port-forward/link-opener.js";
export type {
  ForwardListener,
  ListenOptions,
  PortForward,
  PortForwardOptions,
} from "./port-forward/options.js";
export type { TerminalSize } from "./resize.js";

// For people who serve, or build on the protocols.
export { SpdyConnection } from "./spdy/connection.js";
export type { SpdyOptions } from "./spdy/options.js";
export type { SpdyHeaders } from "./spdy/headers.js";
export type { SpdyStream, StreamEnd, StreamSink } from "./spdy/stream.js";
export { resetStatus } from "./spdy/frames.js";
export {
  type ChannelMessage,
  type ChannelProtocol,
  channelNumber,
  channelProtocols,
  decodeChannel,
  encodeChannel,
  encodeChannelEnd,
} from "./websocket/channels.js";
export {
  type ExitStatus,
  formatJsonStatus,
  formatTextStatus,
  parseJsonStatus,
  parseTextStatus,
} from "./exit-status.js";
export { encodeResize, ResizeDecoder } from "./resize.js";
export { closedEarly } from "./outcomes.js";
