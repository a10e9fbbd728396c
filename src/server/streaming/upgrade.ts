import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { channelProtocols } from "../../streaming/index.js";
import { CommandSession } from "./command/session.js";
import { SpdyCommandWire } from "./command/spdy.js";
import { WebSocketCommandWire } from "./command/websocket.js";
import type { CommandWire } from "./command/wire.js";
import { SpdyForwardSession } from "./forward/spdy.js";
import { WebSocketForwardSession } from "./forward/websocket.js";
import type { StreamingHandlers } from "./handlers.js";
import { answerHead, noProtocol, type Refusal, unableToUpgrade } from "./http.js";
import type { SessionTimes } from "./options.js";
import {
  listed,
  spdyCommandProtocols,
  spdyForwardProtocol,
  spdyTunnelProtocol,
  webSocketCommandProtocols,
  webSocketForwardProtocols,
} from "./protocols.js";
import type { SessionPlan } from "./requests.js";
import type { Sessions } from "./sessions.js";
import type { Upgraded } from "./spdy.js";
import { acceptWebSocket } from "./websocket/accept.js";
import { WebSocketDuplex } from "./websocket/duplex.js";

/** What sessions are made of. */
export interface SessionHost {
  readonly handlers: StreamingHandlers;
  readonly times: SessionTimes;
  readonly sessions: Sessions;
}

/** Agrees to an upgrade and begins its session, or says why not. */
export function openSession(
  request: IncomingMessage,
  upgraded: Upgraded,
  plan: SessionPlan,
  host: SessionHost,
): Refusal | undefined {
  const { socket } = upgraded;
  if (socket.destroyed || !socket.readable) {
    // The client hung up before it came here: nobody would ever hear of that.
    socket.destroy();
    return undefined;
  }
  const upgrades = listed(request.headers.upgrade).map((name) => name.toLowerCase());
  if (upgrades.includes("websocket")) return openOverWebSocket(request, upgraded, plan, host);
  if (upgrades.includes("spdy/3.1")) return openOverSpdy(request, upgraded, plan, host);
  return unableToUpgrade(`the server speaks SPDY/3.1 and WebSocket, not ${upgrades.join(", ")}`);
}

function openOverSpdy(
  request: IncomingMessage,
  upgraded: Upgraded,
  plan: SessionPlan,
  { handlers, times, sessions }: SessionHost,
): Refusal | undefined {
  const offered = listed(request.headers["x-stream-protocol-version"]);
  if (offered.length === 0) return unableToUpgrade("the request has no X-Stream-Protocol-Version");
  const { socket } = upgraded;
  if (plan.kind === "portforward") {
    if (!offered.includes(spdyForwardProtocol)) return noProtocol(offered, [spdyForwardProtocol]);
    agreeToSpdy(socket, spdyForwardProtocol);
    sessions.open((onOver) => new SpdyForwardSession(upgraded, plan, handlers, times, onOver));
    return undefined;
  }
  const protocol = firstKnown(offered, (name) => spdyCommandProtocols.find((one) => one.name === name));
  if (!protocol) {
    const names = spdyCommandProtocols.map(({ name }) => name);
    return noProtocol(offered, names);
  }
  agreeToSpdy(socket, protocol.name);
  sessions.open(
    (onOver) =>
      new CommandSession(plan, handlers, new SpdyCommandWire(upgraded, plan, protocol, times), onOver),
  );
  return undefined;
}

function openOverWebSocket(
  request: IncomingMessage,
  upgraded: Upgraded,
  plan: SessionPlan,
  { handlers, times, sessions }: SessionHost,
): Refusal | undefined {
  const offered = listed(request.headers["sec-websocket-protocol"]);
  const known: readonly string[] =
    plan.kind === "portforward" ? webSocketForwardProtocols : webSocketCommandProtocols;
  const name = firstKnown(offered, (one) => (known.includes(one) ? one : undefined)) ?? "";
  if (offered.length > 0 && name === "") return { status: 403, text: "" };
  const webSocket = acceptWebSocket(request, upgraded, name);
  if (!webSocket) return undefined;
  if (plan.kind === "portforward" && name === spdyTunnelProtocol) {
    const tunnel = { socket: new WebSocketDuplex(webSocket), head: Buffer.alloc(0) };
    sessions.open((onOver) => new SpdyForwardSession(tunnel, plan, handlers, times, onOver));
    return undefined;
  }
  // Without a subprotocol, a client means the first one of its kind.
  const protocol =
    channelProtocols[name || (plan.kind === "portforward" ? "v4.channel.k8s.io" : "channel.k8s.io")];
  if (!protocol) return undefined;
  sessions.open((onOver) => {
    if (plan.kind === "portforward")
      return new WebSocketForwardSession(webSocket, upgraded, plan, protocol, handlers, times, onOver);
    const wire: CommandWire = new WebSocketCommandWire(webSocket, upgraded, plan, protocol, times);
    return new CommandSession(plan, handlers, wire, onOver);
  });
  return undefined;
}

function agreeToSpdy(socket: Duplex, protocol: string): void {
  // One of another server may come with a timeout of that server's; one in memory knows none.
  if (socket instanceof Socket) socket.setTimeout(0).setNoDelay(true);
  socket.write(
    answerHead(101, [
      ["Connection", "Upgrade"],
      ["Upgrade", "SPDY/3.1"],
      // A client that is not told falls back to the first protocol, in which stdin has no end.
      ["X-Stream-Protocol-Version", protocol],
    ]),
  );
}

function firstKnown<T>(names: readonly string[], find: (name: string) => T | undefined): T | undefined {
  for (const name of names) {
    const found = find(name);
    if (found !== undefined) return found;
  }
  return undefined;
}
