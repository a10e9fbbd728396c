import type { IncomingMessage } from "node:http";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { lingerMs, type Upgraded } from "../spdy.js";

/** The largest message that is taken: clients send 32 KiB. */
const messageLimitBytes = 16 * 2 ** 20;

/**
 * Agrees to a WebSocket with a subprotocol that was chosen before, or without one. Undefined where the request breaks
 * the rules of WebSocket; then it was answered.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  { socket, head }: Upgraded,
  protocol: string,
): WebSocket | undefined {
  // Not in the types yet: how long the client may take for its own close.
  const options: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageLimitBytes,
    closeTimeout: lingerMs,
  };
  const server = new WebSocketServer(options);
  // A tunnel's name has a character that subprotocols must not have, so they are none of ws's business.
  const { "sec-websocket-protocol": _, ...headers } = request.headers;
  const plain: IncomingMessage = Object.create(request, { headers: { value: headers } });
  if (protocol !== "")
    server.on("headers", (lines) => {
      lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
    });
  let accepted: WebSocket | undefined;
  server.handleUpgrade(plain, socket, head, (webSocket) => {
    accepted = webSocket;
  });
  return accepted;
}
