import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Authenticator } from "./access/authentication.js";
import { Authorizer } from "./access/authorization.js";
import { answerError, answerText } from "./answer.js";
import { checkpoint } from "./handlers/checkpoint.js";
import { configz } from "./handlers/configz.js";
import { containerLogs } from "./handlers/container-logs.js";
import { answerHealth } from "./handlers/health.js";
import { pods, runningPods } from "./handlers/pod-lists.js";
import { run } from "./handlers/run.js";
import { HttpError } from "./http-error.js";
import { RequestCounts } from "./metrics/request-counts.js";
import type { KubeletServerOptions } from "./options.js";
import type { KubeletServerParts } from "./parts.js";
import type { RequestContext } from "./request-context.js";
import { requestSignal } from "./request-signal.js";
import { type MatchedRoute, type Path, type RouteName, readPath } from "./routes.js";
import { isSessionRoute, KubeletSessions } from "./sessions/sessions.js";

/** The handler of a route that is not a session's. */
export type Handler = (context: RequestContext) => Promise<void>;

/** How long a client may take to disconnect after it was refused, in milliseconds. */
const disconnectMs = 5_000;

/** Answers the requests of the kubelet's API: who is it, may they, and what is there. */
export class Requests {
  readonly counts = new RequestCounts();
  readonly #parts: KubeletServerParts;
  readonly #authenticator: Authenticator;
  readonly #authorizer: Authorizer;
  readonly #sessions: KubeletSessions;
  readonly #handlers: Readonly<Record<string, Handler>>;
  readonly #closing = new AbortController();

  /** @param handlers those of the statistics and metrics, which have a state of their own */
  constructor(
    options: KubeletServerOptions,
    parts: KubeletServerParts,
    handlers: Readonly<Partial<Record<RouteName, Handler>>>,
  ) {
    this.#parts = parts;
    this.#authenticator = new Authenticator(options);
    this.#authorizer = new Authorizer(parts.view.nodeName, options);
    this.#sessions = new KubeletSessions(options, parts);
    this.#handlers = {
      ...handlers,
      containerLogs,
      pods,
      runningPods,
      run,
      checkpoint,
      configz,
      healthz: async ({ response, route, query }) => answerHealth(response, parts, route.rest, query),
    };
  }

  /** Fires when the server closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The number of open sessions. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Answers a request without an upgrade. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { signal, unlink } = requestSignal(response, this.closing);
    const path = readPath(request.url ?? "");
    const done = this.counts.begin(path.route?.name, request.method ?? "");
    response.once("close", () => done(response.statusCode));
    // A body is not read; what a client sends of it must not be taken for the next request.
    if (hasBody(request)) response.setHeader("Connection", "close");
    try {
      const route = await this.#permitted(request, path, signal);
      if (isSessionRoute(route.name))
        throw new HttpError(400, "unable to upgrade: missing upgrade headers in request");
      await this.#answer({ route, request, response, signal });
    } catch (error) {
      if (!signal.aborted) answerError(response, error);
      else response.destroy();
    } finally {
      unlink();
    }
  }

  /** Opens a session, or answers a request for something else as if it did not ask for an upgrade. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // An error without a listener would end the process.
    socket.on("error", () => undefined);
    const path = readPath(request.url ?? "");
    if (!path.route || !isSessionRoute(path.route.name)) {
      await this.handle(request, responseOn(request, socket));
      return;
    }
    const { signal, unlink } = requestSignal(socket, this.closing);
    const done = this.counts.begin(path.route.name, request.method ?? "");
    const query = queryOf(request);
    try {
      const route = await this.#permitted(request, path, signal);
      await this.#sessions.open({ route, query, request, socket, head, signal });
      done(101);
    } catch (error) {
      done(error instanceof HttpError ? error.status : 500);
      if (signal.aborted) socket.destroy();
      else answerError(responseOn(request, socket), error);
    } finally {
      unlink();
    }
  }

  /** Ends all sessions and requests. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the kubelet's API was closed"));
    await this.#sessions.close();
  }

  /** Throws 401, 403, 404 and 405, in this order: without permission, a client cannot find out which paths exist. */
  async #permitted(request: IncomingMessage, path: Path, signal: AbortSignal): Promise<MatchedRoute> {
    const { method = "" } = request;
    const user = await this.#authenticator.userOf(request, signal);
    if (!user) throw new HttpError(401, "Unauthorized");
    await this.#authorizer.check(user, { method, path: path.text, subresources: path.subresources }, signal);
    const { route } = path;
    if (!route) throw new HttpError(404, "404 page not found");
    if (!route.methods.includes(method))
      throw new HttpError(405, "405: Method Not Allowed", { Allow: route.methods.join(", ") });
    return route;
  }

  async #answer({
    route,
    request,
    response,
    signal,
  }: Omit<RequestContext, "parts" | "query">): Promise<void> {
    const handler = this.#handlers[route.name];
    if (!handler) throw new HttpError(404, "404 page not found");
    const query = queryOf(request);
    await handler({ parts: this.#parts, route, request, response, query, signal });
  }
}

/** Answers `/healthz` without asking who it is, and nothing else. */
export function healthOnly(parts: KubeletServerParts) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { route } = readPath(request.url ?? "");
    if (hasBody(request)) response.setHeader("Connection", "close");
    if (route?.name !== "healthz") answerText(response, 404, "404 page not found\n");
    else if (!route.methods.includes(request.method ?? ""))
      answerText(response, 405, "405: Method Not Allowed\n");
    else answerHealth(response, parts, route.rest, queryOf(request));
  };
}

function queryOf({ url = "" }: IncomingMessage): URLSearchParams {
  const at = url.indexOf("?");
  return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** Returns a response on a connection whose request asked for an upgrade. The connection ends with it. */
function responseOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // Node's types demand a socket of TCP, and its code any stream.
  response.assignSocket(socket as Socket);
  response.once("finish", () => {
    // Unread bytes would turn the end into a TCP reset, which may drop the response.
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), disconnectMs).unref();
    socket.once("end", () => socket.destroy());
    socket.once("close", () => clearTimeout(timer));
  });
  return response;
}
