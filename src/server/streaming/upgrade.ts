import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  type StreamingProtocol,
  type StreamingTransport,
  streamingProtocols,
} from "../../streaming/index.js";
import { CommandSession } from "./command/session.js";
import { SpdyCommandWire } from "./command/spdy.js";
import { WebSocketCommandWire } from "./command/websocket.js";
import type { CommandWire } from "./command/wire.js";
import { SpdyForwardSession } from "./forward/spdy.js";
import { WebSocketForwardSession } from "./forward/websocket.js";
import type { StreamingHandlers } from "./handlers.js";
import { headerList, noProtocol, type Refusal, responseHead, unableToUpgrade } from "./http.js";
import type { SessionTimeouts } from "./options.js";
import type { SessionPlan } from "./requests.js";
import type { Sessions } from "./sessions.js";
import type { Upgraded } from "./spdy.js";
import { acceptWebSocket, WebSocketDuplex } from "./websocket.js";

/** The parts of a server that its sessions use. */
export interface SessionHost {
  readonly handlers: StreamingHandlers;
  readonly timeouts: SessionTimeouts;
  readonly sessions: Sessions;
}

/** Accepts an upgrade and starts its session, or returns a refusal. */
export function openSession(
  request: IncomingMessage,
  upgraded: Upgraded,
  plan: SessionPlan,
  host: SessionHost,
): Refusal | undefined {
  const { socket } = upgraded;
  if (socket.destroyed || !socket.readable) {
    // The client has disconnected already, and no later event would report that.
    socket.destroy();
    return undefined;
  }
  const upgrades = headerList(request.headers.upgrade).map((name) => name.toLowerCase());
  if (upgrades.includes("websocket")) return openOverWebSocket(request, upgraded, plan, host);
  if (upgrades.includes("spdy/3.1")) return openOverSpdy(request, upgraded, plan, host);
  return unableToUpgrade(`the server supports SPDY/3.1 and WebSocket, not ${upgrades.join(", ")}`);
}

function openOverSpdy(
  request: IncomingMessage,
  upgraded: Upgraded,
  plan: SessionPlan,
  { handlers, timeouts, sessions }: SessionHost,
): Refusal | undefined {
  const offered = headerList(request.headers["x-stream-protocol-version"]);
  if (offered.length === 0) return unableToUpgrade("the request has no X-Stream-Protocol-Version");
  const accepted = acceptedProtocols("spdy", plan);
  const protocol = mostPreferred(offered, accepted);
  if (!protocol)
    return noProtocol(
      offered,
      accepted.map(({ name }) => name),
    );
  acceptSpdy(upgraded.socket, protocol.name);
  sessions.open((onEnd) =>
    plan.kind === "portforward"
      ? new SpdyForwardSession(upgraded, plan, handlers, timeouts, onEnd)
      : new CommandSession(plan, handlers, new SpdyCommandWire(upgraded, plan, protocol, timeouts), onEnd),
  );
  return undefined;
}

function openOverWebSocket(
  request: IncomingMessage,
  upgraded: Upgraded,
  plan: SessionPlan,
  { handlers, timeouts, sessions }: SessionHost,
): Refusal | undefined {
  const offered = headerList(request.headers["sec-websocket-protocol"]);
  const accepted = acceptedProtocols("websocket", plan);
  const agreed = mostPreferred(offered, accepted);
  if (offered.length > 0 && !agreed) return { status: 403, text: "" };
  const webSocket = acceptWebSocket(request, upgraded, agreed?.name ?? "");
  if (!webSocket) return undefined;
  const protocol = agreed ?? accepted.find(({ isDefault }) => isDefault);
  if (!protocol) return undefined;
  if (plan.kind === "portforward" && protocol.tunnel) {
    const tunnel = { socket: new WebSocketDuplex(webSocket), head: Buffer.alloc(0) };
    sessions.open((onEnd) => new SpdyForwardSession(tunnel, plan, handlers, timeouts, onEnd));
    return undefined;
  }
  sessions.open((onEnd) => {
    if (plan.kind === "portforward")
      return new WebSocketForwardSession(webSocket, upgraded, plan, protocol, handlers, timeouts, onEnd);
    const wire: CommandWire = new WebSocketCommandWire(webSocket, upgraded, plan, protocol, timeouts);
    return new CommandSession(plan, handlers, wire, onEnd);
  });
  return undefined;
}

function acceptSpdy(socket: Duplex, protocol: string): void {
  // A socket from another HTTP server may have that server's timeout; an in-memory connection has none.
  if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true);
  socket.write(
    responseHead(101, [
      ["Connection", "Upgrade"],
      ["Upgrade", "SPDY/3.1"],
      // Without this header, a client falls back to the oldest protocol, which cannot signal the end of stdin.
      ["X-Stream-Protocol-Version", protocol],
    ]),
  );
}

function acceptedProtocols(
  transport: StreamingTransport,
  { kind }: SessionPlan,
): readonly StreamingProtocol[] {
  const kindOfSession = kind === "portforward" ? kind : "command";
  return streamingProtocols.filter(
    (protocol) => protocol.transport === transport && protocol.kind === kindOfSession && protocol.isAccepted,
  );
}

/** Returns the accepted protocol that the client prefers most. */
function mostPreferred(
  offered: readonly string[],
  accepted: readonly StreamingProtocol[],
): StreamingProtocol | undefined {
  for (const name of offered) {
    const protocol = accepted.find((one) => one.name === name);
    if (protocol) return protocol;
  }
  return undefined;
}
