import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { CancellationScope, criError, isCriError, monotonicMs, rawMessageOf } from "../../../core/index.js";
import { acceptWebSocket, Sessions, WebSocketDuplex } from "../../../server/index.js";
import { dial, isTransportRefusal, resolveUrl, upgradeToSpdy } from "../../../streaming/index.js";
import { HttpError } from "../http-error.js";
import { containerOf, findContainer, sandboxOf } from "../known-pods.js";
import { defaultIdleTimeoutMs, type KubeletServerOptions } from "../options.js";
import type { KubeletServerParts } from "../parts.js";
import type { MatchedRoute, RouteName } from "../routes.js";
import { Bridge, type SessionCall } from "./bridge.js";
import { Passage } from "./passage.js";
import { passWebSocket } from "./runtime-upgrade.js";
import { readCommand, readPorts, readStreams, readUpgrade, type SessionUpgrade } from "./session-request.js";

/** The time limit for connecting to the runtime and for its answer, in milliseconds. */
const openMs = 10_000;

/** How long a runtime that has refused a WebSocket protocol is not asked again, in milliseconds. */
const refusalMs = 600_000;

const spdyForward = "portforward.k8s.io";
/** The subprotocol of a WebSocket whose messages are the bytes of SPDY. */
const tunnelProtocol = `SPDY/3.1+${spdyForward}`;

/** A request for a session, permitted. */
export interface SessionRequest {
  readonly route: MatchedRoute;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that arrived after the request. */
  readonly head: Buffer;
  readonly signal: AbortSignal;
}

/** Reports whether a route is that of a session. */
export function isSessionRoute(name: RouteName): boolean {
  return name === "exec" || name === "attach" || name === "portForward";
}

/**
 * The exec, attach and port-forward sessions of the kubelet's API. The bytes of a client that speaks the runtime's protocol are passed on
 * unread: SPDY always, WebSocket where the runtime accepts it. A port-forward in SPDY over WebSocket becomes SPDY, and everything
 * else is served here.
 */
export class KubeletSessions {
  readonly #parts: KubeletServerParts;
  readonly #options: KubeletServerOptions;
  readonly #passages = new Sessions();
  readonly #bridge: Bridge;
  /** When a WebSocket protocol may be tried again, by its name. */
  readonly #refused = new Map<string, number>();
  #opening = 0;

  constructor(options: KubeletServerOptions, parts: KubeletServerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#bridge = new Bridge(parts.view.cri, options.streaming ?? {}, this.#idleTimeoutMs);
  }

  /** The number of open sessions. */
  get size(): number {
    return this.#passages.size + this.#bridge.sessions + this.#opening;
  }

  /** Opens a session on the client's connection. Rejects before the upgrade with an {@link HttpError}; the connection is then unused. */
  async open(session: SessionRequest): Promise<void> {
    const { maxSessions = 500 } = this.#options;
    if (this.size >= maxSessions) throw new HttpError(429, `${maxSessions} sessions are already open`);
    const upgrade = readUpgrade(session.request);
    const call = this.#read(session);
    this.#opening++;
    const scope = new CancellationScope(openMs, session.signal);
    try {
      await this.#connect(session, upgrade, call, scope);
    } catch (error) {
      throw httpErrorOf(error);
    } finally {
      scope.end();
      this.#opening--;
    }
  }

  /** Ends all sessions; resolves when their connections are closed or being closed. */
  async close(): Promise<void> {
    this.#passages.abort(criError("server_closed", "the kubelet's API was closed"));
    await this.#bridge.close();
  }

  get #idleTimeoutMs(): number {
    return this.#options.idleTimeoutMs ?? defaultIdleTimeoutMs;
  }

  /** Reads what CRI is asked for. Throws 400 and 404. */
  #read({ route, query }: SessionRequest): SessionCall {
    const { view } = this.#parts;
    const { names } = route;
    if (route.name === "portForward") {
      const port = readPorts(query);
      return { kind: "portForward", fields: { podSandboxId: sandboxOf(view, names).id, port } };
    }
    const streams = readStreams(query);
    if (route.name === "exec") {
      const cmd = readCommand(query);
      return { kind: "exec", fields: { containerId: containerOf(view, names).id, cmd, ...streams } };
    }
    const { id: containerId } = containerOf(view, names);
    // Whether the process has a terminal was decided when it started.
    const tty = findContainer(view, names)?.tty ?? false;
    return { kind: "attach", fields: { containerId, ...streams, tty, stderr: streams.stderr && !tty } };
  }

  async #connect(
    session: SessionRequest,
    upgrade: SessionUpgrade,
    call: SessionCall,
    scope: CancellationScope,
  ): Promise<void> {
    if (upgrade.transport === "spdy") return this.#passSpdy(session, upgrade.protocols, call, scope);
    if (call.kind === "portForward" && upgrade.protocols.includes(tunnelProtocol))
      return this.#passTunnel(session, call, scope);
    if (await this.#passWebSocket(session, upgrade.protocols[0], call, scope)) return;
    await this.#bridge.serve(call, session.request, session.socket, session.head);
  }

  async #passSpdy(
    session: SessionRequest,
    protocols: readonly string[],
    call: SessionCall,
    scope: CancellationScope,
  ): Promise<void> {
    const runtime = await this.#dialSpdy(protocols, call, scope);
    this.#pass(session, runtime, [
      ["Upgrade", "SPDY/3.1"],
      ["X-Stream-Protocol-Version", runtime.protocol],
    ]);
  }

  /** SPDY in the messages of a WebSocket: its bytes are those of an SPDY connection. */
  async #passTunnel(
    { request, socket, head }: SessionRequest,
    call: SessionCall,
    scope: CancellationScope,
  ): Promise<void> {
    const runtime = await this.#dialSpdy([spdyForward], call, scope);
    // An invalid request is refused by this call.
    const webSocket = socket.destroyed
      ? undefined
      : acceptWebSocket(request, { socket, head }, tunnelProtocol);
    if (!webSocket) {
      runtime.socket.destroy();
      return;
    }
    const client = { socket: new WebSocketDuplex(webSocket), head: Buffer.alloc(0) };
    this.#passages.open((onEnd) => new Passage(client, runtime, this.#idleTimeoutMs, onEnd));
  }

  /** Returns false, without a byte for the client, when the runtime refuses the WebSocket. */
  async #passWebSocket(
    session: SessionRequest,
    protocol: string | undefined,
    call: SessionCall,
    scope: CancellationScope,
  ): Promise<boolean> {
    const key = `${call.kind} ${protocol ?? ""}`;
    if ((this.#refused.get(key) ?? 0) > monotonicMs()) return false;
    const url = await this.#url(call, scope);
    const socket = await dial(url, this.#options.streaming ?? {}, scope);
    const runtime = await passWebSocket(socket, url, session.request, protocol, scope);
    if (!runtime) {
      // The names come from clients, so their number needs a limit.
      if (this.#refused.size >= 100) this.#refused.clear();
      this.#refused.set(key, monotonicMs() + refusalMs);
      return false;
    }
    this.#pass(session, runtime, [["Upgrade", "websocket"], ...Object.entries(runtime.headers)]);
    return true;
  }

  /** Answers the client with 101, and passes on all bytes from then on. */
  #pass(
    { socket, head }: SessionRequest,
    runtime: { readonly socket: Duplex; readonly head: Buffer },
    headers: readonly (readonly [name: string, value: string])[],
  ): void {
    if (socket.destroyed) {
      runtime.socket.destroy();
      return;
    }
    const lines = [
      `HTTP/1.1 101 ${STATUS_CODES[101]}`,
      "Connection: Upgrade",
      ...headers.map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    this.#passages.open((onEnd) => new Passage({ socket, head }, runtime, this.#idleTimeoutMs, onEnd));
  }

  async #dialSpdy(protocols: readonly string[], call: SessionCall, scope: CancellationScope) {
    const url = await this.#url(call, scope);
    const socket = await dial(url, this.#options.streaming ?? {}, scope);
    return upgradeToSpdy(socket, url, protocols, {}, scope);
  }

  /** Asks the runtime for the URL of a session. */
  async #url(call: SessionCall, scope: CancellationScope): Promise<URL> {
    const { runtime } = this.#parts.view.cri;
    const options = { timeoutMs: scope.remainingMs };
    const request = () => {
      switch (call.kind) {
        case "exec":
          return runtime.exec(call.fields, options);
        case "attach":
          return runtime.attach(call.fields, options);
        case "portForward":
          return runtime.portForward(call.fields, options);
      }
    };
    const { url } = await scope.race<{ readonly url: string }>(request());
    return resolveUrl(url, this.#options.streaming ?? {});
  }
}

/** Returns the answer for an error of the runtime, with its own text. */
function httpErrorOf(error: unknown): unknown {
  if (error instanceof HttpError || !isCriError(error)) return error;
  const text = rawMessageOf(error);
  if (isTransportRefusal(error)) return new HttpError(403, text);
  switch (error.code) {
    case "not_found":
      return new HttpError(404, text);
    case "resource_exhausted":
      return new HttpError(429, text);
    case "invalid_argument":
      return new HttpError(400, text);
    case "deadline_exceeded":
      return new HttpError(504, text);
    default:
      return new HttpError(500, text);
  }
}
