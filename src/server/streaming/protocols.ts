/** A stream protocol of remote commands over SPDY. */
export interface SpdyCommandProtocol {
  readonly name: string;
  /** The error stream carries a JSON status; else it carries text, and nothing after a success. */
  readonly jsonStatus: boolean;
  /** A terminal has a stream for its sizes. */
  readonly resize: boolean;
}

/** The stream protocols of remote commands over SPDY, the newest first. v5 is the same as v4 here. */
export const spdyCommandProtocols: readonly SpdyCommandProtocol[] = [
  { name: "v5.channel.k8s.io", jsonStatus: true, resize: true },
  { name: "v4.channel.k8s.io", jsonStatus: true, resize: true },
  { name: "v3.channel.k8s.io", jsonStatus: false, resize: true },
  { name: "v2.channel.k8s.io", jsonStatus: false, resize: false },
  { name: "channel.k8s.io", jsonStatus: false, resize: false },
];

/** The stream protocol of port-forwarding over SPDY. */
export const spdyForwardProtocol = "portforward.k8s.io";

/** The WebSocket subprotocol that carries port-forwarding's SPDY as bytes. */
export const spdyTunnelProtocol = `SPDY/3.1+${spdyForwardProtocol}`;

/** The WebSocket subprotocols of remote commands. */
export const webSocketCommandProtocols = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "channel.k8s.io",
  "base64.channel.k8s.io",
] as const;

/** The WebSocket subprotocols of port-forwarding. */
export const webSocketForwardProtocols = [
  spdyTunnelProtocol,
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
] as const;

/** The names in a header that lists some, in the client's order, which is that of its preference. */
export function listed(header: string | readonly string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .join(",")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
