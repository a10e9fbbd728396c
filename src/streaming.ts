/**
 * From a streaming URL to bytes: remote commands and forwarded ports, over SPDY/3.1 and WebSocket. Needs no CRI client.
 *
 * @packageDocumentation
 */

// Sessions from a URL.
export {
  type AttachSession,
  attach,
  attachTerminal,
  type CommandExit,
  type ExecSession,
  exec,
  type ForwardedConnection,
  type ForwardListener,
  type ForwardSource,
  type ListenOptions,
  type PortForward,
  type PortForwardOptions,
  portForward,
  type Session,
  type SessionOptions,
  type SessionStreams,
  type StreamingOptions,
  type StreamingTransport,
  type StreamingUrl,
  type TerminalOptions,
  type TerminalProcess,
  type TerminalSize,
  type UrlRequestOptions,
} from "./streaming/index.js";
export type { StreamingDefaults } from "./sessions/index.js";

// The protocols, for servers and proxies.
export {
  type ChannelMessage,
  channelNumber,
  decodeChannel,
  type ExitStatus,
  encodeChannel,
  encodeChannelEnd,
  encodeResize,
  formatJsonStatus,
  formatTextStatus,
  parseJsonStatus,
  parseTextStatus,
  ResizeDecoder,
  resetStatus,
  SpdyConnection,
  type SpdyHeaders,
  type SpdyOptions,
  type SessionKind,
  type SpdyStream,
  type StreamEnd,
  type StreamingProtocol,
  type StreamSink,
  streamingProtocols,
} from "./streaming/index.js";
