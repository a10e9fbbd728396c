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
import {
  checkArgument,
  criError,
  hasFunctions,
  invalidOption,
  maxTimerMs,
  messageOf,
  type OptionCheck,
  option,
} from "../../core/index.js";
import { streamingServerClosed } from "../errors.js";
import { type CloseOptions, closeTable, type StreamingServer, type StreamingUrlResponse } from "./api.js";
import { Connections } from "./connections.js";
import { handlersTable, type StreamingHandlers } from "./handlers.js";
import { isRefusal, planOf, refuseRequest, refuseUpgrade, unableToUpgrade } from "./http.js";
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

/** The time limit of a TLS handshake, in milliseconds. */
const handshakeMs = 10_000;

const duplexCheck = hasFunctions<Duplex>("a connection, such as a socket", "on", "write", "destroy");
const responseCheck = hasFunctions<ServerResponse>(
  "the response of an HTTP server of Node",
  "writeHead",
  "end",
);
const requestCheck: OptionCheck<IncomingMessage> = (value) =>
  typeof value?.url === "string" && typeof value.headers === "object"
    ? undefined
    : "must be a request of an HTTP server of Node";

/**
 * Starts a streaming server; resolves when it listens. Rejects with `invalid_option`, and with `unreachable` when
 * listening fails.
 */
export async function createStreamingServer(
  handlers: StreamingHandlers,
  options: StreamingServerOptions = {},
): Promise<StreamingServer> {
  checkArgument("createStreamingServer", "handlers", handlers, option.handlers(handlersTable));
  const resolved = resolveServerOptions(options);
  const { host, port, listen } = resolved;
  const http = httpServer(resolved);
  if (listen)
    try {
      http.listen({ host, port });
      await once(http, "listening");
    } catch (cause) {
      const text = `cannot listen on ${host}:${port}: ${messageOf(cause)}`;
      throw criError("unreachable", text, { cause });
    }
  return new HttpStreamingServer(http, handlers, resolved);
}

function httpServer({ tls }: ResolvedServerOptions): Server {
  if (!tls) return createHttp();
  try {
    // HTTP/2, which TLS clients may offer, has no upgrade.
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
    // A listening server reports only errors of single connections.
    http.on("error", () => undefined);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  exec(request: StreamingExecRequest): StreamingUrlResponse {
    return this.#offer("Exec", this.#handlers.exec, planCommand("exec", request));
  }

  attach(request: StreamingAttachRequest): StreamingUrlResponse {
    return this.#offer("Attach", this.#handlers.attach, planCommand("attach", request));
  }

  portForward(request: StreamingPortForwardRequest): StreamingUrlResponse {
    return this.#offer("PortForward", this.#handlers.portForward, planForward(request));
  }

  handleConnection(connection: Duplex): void {
    checkArgument("handleConnection", "connection", connection, duplexCheck);
    if (this.#closing) connection.destroy();
    else this.#http.emit(this.#options.tls ? "secureConnection" : "connection", connection);
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    checkArgument("handleRequest", "request", request, requestCheck);
    checkArgument("handleRequest", "response", response, responseCheck);
    const plan = planOf(request, (token) => this.#tokens.take(token));
    refuseRequest(
      response,
      isRefusal(plan) ? plan : unableToUpgrade("the request does not ask for an upgrade"),
    );
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    checkArgument("handleUpgrade", "request", request, requestCheck);
    checkArgument("handleUpgrade", "socket", socket, duplexCheck);
    checkArgument("handleUpgrade", "head", head, option.byteArray);
    this.#connections.add(socket, "session");
    const plan = planOf(request, (token) => this.#tokens.take(token));
    const host = { handlers: this.#handlers, timeouts: this.#options, sessions: this.#sessions };
    const refusal = isRefusal(plan) ? plan : openSession(request, { socket, head }, plan, host);
    if (refusal) refuseUpgrade(request, socket, refusal);
  }

  async close(options: CloseOptions = {}): Promise<void> {
    closeTable.check("close", options);
    const { graceMs = 0 } = options;
    this.#closing ??= this.#close();
    const closing = this.#closing;
    const abortAll = () => this.#sessions.abort(streamingServerClosed());
    if (graceMs === 0) abortAll();
    else {
      const timer = setTimeout(abortAll, Math.min(graceMs, maxTimerMs));
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
    await this.#sessions.drained();
    await this.#connections.destroyAll();
    await closed;
  }

  #offer(method: string, handler: unknown, plan: SessionPlan): StreamingUrlResponse {
    if (this.#closing) throw streamingServerClosed().with({ method });
    if (handler === undefined) {
      const text = `this server has no handler for ${method}`;
      throw criError("unimplemented", text, { method });
    }
    const token = this.#tokens.put(plan);
    if (token === undefined) {
      const { maxTokens, tokenLifetimeMs } = this.#options;
      const hint = `Unused URLs expire after ${tokenLifetimeMs} ms; raise \`maxTokens\` if clients need more`;
      throw criError("stream_limit", `${maxTokens} streaming URLs are unused`, { method, hint });
    }
    return { url: `${this.baseUrl}/${plan.kind}/${token}` };
  }
}

/** Returns the listening address as a URL. */
function addressUrl(http: Server, { tls }: ResolvedServerOptions): string {
  const scheme = tls ? "https" : "http";
  const address = http.address() as AddressInfo | null;
  if (!address) return `${scheme}://127.0.0.1`;
  // Clients cannot connect to a wildcard address, and the kubelet runs on this machine.
  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[address.address] ?? address.address;
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
