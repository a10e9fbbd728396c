import type { StreamingTransport } from "./options.js";

/** The purpose of a streaming session: a command (CRI's Exec and Attach) or forwarded ports (CRI's PortForward). */
export type SessionKind = "command" | "portforward";

/** The properties of one streaming protocol of Kubernetes. */
export interface StreamingProtocol {
  /** What carries it. */
  readonly transport: StreamingTransport;
  /** What it is for. */
  readonly kind: SessionKind;
  /** The name in the header `X-Stream-Protocol-Version` (SPDY) or `Sec-WebSocket-Protocol` (WebSocket). */
  readonly name: string;
  /** Whether the client of this package offers it. */
  readonly isOffered: boolean;
  /** Whether the server of this package accepts it. */
  readonly isAccepted: boolean;
  /** Whether a client that names no protocol means this one. WebSocket only. */
  readonly isDefault: boolean;
  /** Whether the error channel carries a JSON status. Otherwise it carries plain text, and nothing on success. */
  readonly jsonStatus: boolean;
  /** Whether one channel can be closed on its own, so that the end of stdin reaches the peer. */
  readonly halfClose: boolean;
  /** Whether the size of a terminal can change. */
  readonly resize: boolean;
  /** Whether messages are text: the channel as an ASCII digit, the payload as base64. WebSocket only. */
  readonly base64: boolean;
  /** Whether the WebSocket carries the bytes of an SPDY connection instead of channel messages. */
  readonly tunnel: boolean;
}

type Property = "isDefault" | "jsonStatus" | "halfClose" | "resize" | "base64" | "tunnel";

/**
 * Every streaming protocol of the client and the server, per transport and kind in the order of preference. Today's runtimes
 * accept the v4 protocols and the unversioned ones.
 */
export const streamingProtocols: readonly StreamingProtocol[] = Object.freeze([
  // Over SPDY, v5 behaves as v4. The unversioned protocol never reports the end of stdin, so the client does not offer it.
  row("spdy", "command", "v5.channel.k8s.io", "server", "jsonStatus", "halfClose", "resize"),
  row("spdy", "command", "v4.channel.k8s.io", "both", "jsonStatus", "halfClose", "resize"),
  row("spdy", "command", "v3.channel.k8s.io", "both", "halfClose", "resize"),
  row("spdy", "command", "v2.channel.k8s.io", "both", "halfClose"),
  row("spdy", "command", "channel.k8s.io", "server"),
  row("spdy", "portforward", "portforward.k8s.io", "both", "halfClose"),
  row("websocket", "command", "v5.channel.k8s.io", "both", "jsonStatus", "halfClose", "resize"),
  row("websocket", "command", "v4.channel.k8s.io", "both", "jsonStatus", "resize"),
  row("websocket", "command", "v4.base64.channel.k8s.io", "server", "jsonStatus", "resize", "base64"),
  row("websocket", "command", "v3.channel.k8s.io", "client", "resize"),
  row("websocket", "command", "v2.channel.k8s.io", "client", "resize"),
  row("websocket", "command", "channel.k8s.io", "both", "resize", "isDefault"),
  row("websocket", "command", "base64.channel.k8s.io", "server", "resize", "base64"),
  row("websocket", "portforward", "SPDY/3.1+portforward.k8s.io", "server", "tunnel", "halfClose"),
  row("websocket", "portforward", "v4.channel.k8s.io", "both", "isDefault"),
  row("websocket", "portforward", "v4.base64.channel.k8s.io", "both", "base64"),
]);

function row(
  transport: StreamingTransport,
  kind: SessionKind,
  name: string,
  side: "client" | "server" | "both",
  ...properties: Property[]
): StreamingProtocol {
  return Object.freeze({
    transport,
    kind,
    name,
    isOffered: side !== "server",
    isAccepted: side !== "client",
    isDefault: properties.includes("isDefault"),
    jsonStatus: properties.includes("jsonStatus"),
    halfClose: properties.includes("halfClose"),
    resize: properties.includes("resize"),
    base64: properties.includes("base64"),
    tunnel: properties.includes("tunnel"),
  });
}

/** Returns the names of the protocols that the client offers, the best first. */
export function offeredNames(transport: StreamingTransport, kind: SessionKind): readonly string[] {
  return streamingProtocols
    .filter((protocol) => protocol.transport === transport && protocol.kind === kind && protocol.isOffered)
    .map(({ name }) => name);
}

/** Returns the row of the table that has this name. */
export function findProtocol(
  transport: StreamingTransport,
  kind: SessionKind,
  name: string,
): StreamingProtocol | undefined {
  return streamingProtocols.find(
    (protocol) => protocol.transport === transport && protocol.kind === kind && protocol.name === name,
  );
}

/**
 * The channels of a command with their numbers, which begin each WebSocket message. Over SPDY, a channel is a stream whose header
 * `streamtype` has the channel's name.
 */
export const channelNumber = Object.freeze({ stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const);

/** A channel that the client sends on. */
export type InputChannel = "stdin" | "resize";
/** A channel that the server sends on; `error` carries the status of the session. */
export type OutputChannel = "stdout" | "stderr" | "error";
export type Channel = InputChannel | OutputChannel;

/** The streams that a command's request asks for. */
export interface RequestedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Returns the channels of a command's session, in the order in which the client opens them. */
export function commandChannels({ stdin, stdout, stderr, tty }: RequestedStreams): readonly Channel[] {
  const wanted: readonly (readonly [Channel, boolean])[] = [
    ["error", true],
    ["stdin", stdin],
    ["stdout", stdout],
    ["stderr", stderr],
    ["resize", tty],
  ];
  return wanted.filter(([, isWanted]) => isWanted).map(([channel]) => channel);
}
