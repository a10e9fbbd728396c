import { once } from "node:events";
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { CriError, invalidOption, maxTimerMs } from "../../core/index.js";
import type { CloseOptions, StreamingAnswer, StreamingServer } from "./api.js";
import { Connections } from "./connections.js";
import { messageOf, streamingServerClosed } from "./errors.js";
import type { StreamingHandlers } from "./handlers.js";
import { answer, isRefusal, planOf, refuse, unableToUpgrade } from "./http.js";
import { type ResolvedServerOptions, resolveServerOptions, type StreamingServerOptions } from "./options.js";
import {
  planCommand,
  planForward,
  type SessionPlan,
  type StreamingAttachRequest,
  type StreamingExecRequest,
  type StreamingPortForwardRequest,
} from "./requests.js";
import { Sessions } from "./sessions.js";
import { TokenCache } from "./tokens.js";
import { openSession } from "./upgrade.js";

/** A TLS client that does not get through its handshake is dropped after this many milliseconds. */
const handshakeMs = 10_000;

/**
 * Starts a streaming server; it listens when this resolves. Rejects with `invalid_option`, and with `unreachable` when
 * the address cannot be had.
 */
export async function createStreamingServer(
  handlers: StreamingHandlers,
  options: StreamingServerOptions = {},
): Promise<StreamingServer> {
  const resolved = resolveServerOptions(options);
  const { host, port, listen } = resolved;
  const http = httpServer(resolved);
  if (listen)
    try {
      http.listen({ host, port });
      await once(http, "listening");
    } catch (cause) {
      const text = `cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new CriError({ code: "unavailable", reason: "unreachable", text, cause });
    }
  return new HttpStreamingServer(http, handlers, resolved);
}

function httpServer({ tls }: ResolvedServerOptions): Server {
  if (!tls) return createHttp();
  try {
    // HTTP/2, which TLS clients may offer, knows no upgrade.
    return createHttps({ ...tls, ALPNProtocols: ["http/1.1"], handshakeTimeout: handshakeMs });
  } catch (error) {
    throw invalidOption("tls", "(not shown)", `cannot be used: ${messageOf(error)}`);
  }
}

class HttpStreamingServer implements StreamingServer {
  readonly baseUrl: string;
  readonly #http: Server;
  readonly #handlers: StreamingHandlers;
  readonly #options: ResolvedServerOptions;
  readonly #tokens: TokenCache<SessionPlan>;
  readonly #sessions = new Sessions();
  readonly #connections = new Connections();
  #closing: Promise<void> | undefined;

  constructor(http: Server, handlers: StreamingHandlers, options: ResolvedServerOptions) {
    this.#http = http;
    this.#handlers = handlers;
    this.#options = options;
    this.#tokens = new TokenCache(options.tokenLifetimeMs, options.maxTokens);
    this.baseUrl = options.baseUrl ?? addressUrl(http, options);
    const carrier = options.tls ? "tls" : "unused";
    http.on("connection", (connection: Duplex) => this.#connections.add(connection, carrier));
    http.on("secureConnection", (connection: Duplex) => this.#connections.add(connection, "unused"));
    http.on("request", (request, response) => this.handleRequest(request, response));
    http.on("upgrade", (request, socket, head) => this.handleUpgrade(request, socket, head));
    // What a listening server can fail with after it has begun concerns single connections.
    http.on("error", () => undefined);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  exec(request: StreamingExecRequest): StreamingAnswer {
    return this.#offer("Exec", this.#handlers.exec, planCommand("exec", request));
  }

  attach(request: StreamingAttachRequest): StreamingAnswer {
    return this.#offer("Attach", this.#handlers.attach, planCommand("attach", request));
  }

  portForward(request: StreamingPortForwardRequest): StreamingAnswer {
    return this.#offer("PortForward", this.#handlers.portForward, planForward(request));
  }

  handleConnection(connection: Duplex): void {
    if (this.#closing) connection.destroy();
    else this.#http.emit(this.#options.tls ? "secureConnection" : "connection", connection);
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    const plan = planOf(request, (token) => this.#tokens.take(token));
    answer(response, isRefusal(plan) ? plan : unableToUpgrade("the request asks for no upgrade"));
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#connections.add(socket, "session");
    const plan = planOf(request, (token) => this.#tokens.take(token));
    const host = { handlers: this.#handlers, times: this.#options, sessions: this.#sessions };
    const refusal = isRefusal(plan) ? plan : openSession(request, { socket, head }, plan, host);
    if (refusal) refuse(request, socket, refusal);
  }

  async close({ graceMs = 0 }: CloseOptions = {}): Promise<void> {
    if (!(graceMs >= 0)) throw invalidOption("graceMs", graceMs, "must be 0 milliseconds or more");
    this.#closing ??= this.#close();
    const closing = this.#closing;
    const cut = () => this.#sessions.abort(streamingServerClosed());
    if (graceMs === 0) cut();
    else {
      const timer = setTimeout(cut, Math.min(graceMs, maxTimerMs));
      void closing.finally(() => clearTimeout(timer));
    }
    await closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closed = this.#http.listening ? once(this.#http, "close") : undefined;
    this.#http.close();
    this.#tokens.clear();
    this.#connections.destroyUnused();
    await this.#sessions.gone();
    await this.#connections.destroyAll();
    await closed;
  }

  #offer(method: string, handler: unknown, plan: SessionPlan): StreamingAnswer {
    if (this.#closing) throw streamingServerClosed().with({ method });
    if (handler === undefined) {
      const text = `this server has no handler for ${method}`;
      throw new CriError({ code: "unimplemented", reason: "unimplemented", text, method });
    }
    const token = this.#tokens.put(plan);
    if (token === undefined) {
      const text = `${this.#options.maxTokens} streaming URLs are waiting to be used`;
      throw new CriError({
        code: "resource_exhausted",
        reason: "stream_limit",
        text,
        method,
        hint: `Each is given up ${this.#options.tokenLifetimeMs} ms after it was asked for`,
      });
    }
    return { url: `${this.baseUrl}/${plan.kind}/${token}` };
  }
}

/** Where a server listens, as a URL. */
function addressUrl(http: Server, { tls }: ResolvedServerOptions): string {
  const scheme = tls ? "https" : "http";
  const address = http.address() as AddressInfo | null;
  if (!address) return `${scheme}://127.0.0.1`;
  // Nobody can connect to a wildcard, and the kubelet is on this machine.
  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[address.address] ?? address.address;
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
