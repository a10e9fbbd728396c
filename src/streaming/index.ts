// From a streaming URL to bytes: remote commands and forwarded ports, over SPDY/3.1 and WebSocket. Knows no RPC.

export { DetachKeys } from "./detach-keys.js";
export { dial } from "./dial.js";
export { sessionClosed } from "./errors.js";
export { attach, exec } from "./exec.js";
export {
  type CommandExit,
  type ExitStatus,
  formatJsonStatus,
  formatTextStatus,
  parseJsonStatus,
  parseTextStatus,
} from "./exit-status.js";
export {
  type StreamingOptions,
  type StreamingTransport,
  type StreamingUrl,
  streamingTable,
  type UrlRequestOptions,
} from "./options.js";
export type { ForwardedConnection } from "./port-forward/connection.js";
export type { ForwardSource } from "./port-forward/links.js";
export {
  type ForwardListener,
  type ListenOptions,
  type PortForward,
  type PortForwardOptions,
  portForwardTable,
} from "./port-forward/options.js";
export { diagnosedPortForward, portForward } from "./port-forward/port-forward.js";
export {
  type Channel,
  channelNumber,
  commandChannels,
  type SessionKind,
  type StreamingProtocol,
  streamingProtocols,
} from "./protocols.js";
export { isTransportRefusal } from "./refusal.js";
export { encodeResize, ResizeDecoder, type TerminalSize } from "./resize.js";
export {
  type AttachSession,
  type ExecSession,
  type Session,
  type SessionOptions,
  type SessionStreams,
  sessionTable,
} from "./session.js";
export { SpdyConnection, type SpdyOptions } from "./spdy/connection.js";
export { resetStatus } from "./spdy/frames.js";
export type { SpdyHeaders } from "./spdy/headers.js";
export type { SpdyStream, StreamEnd, StreamSink } from "./spdy/stream.js";
export { upgradeToSpdy } from "./spdy/upgrade.js";
export { attachTerminal, type TerminalOptions, type TerminalProcess } from "./terminal.js";
export { describeUrl, resolveUrl } from "./url.js";
export {
  type ChannelMessage,
  decodeChannel,
  encodeChannel,
  encodeChannelEnd,
} from "./websocket/channels.js";
