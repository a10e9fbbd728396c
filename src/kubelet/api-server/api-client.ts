import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from "node:https";
import { codeOf, isError, isKeyed, messageOf, onAbort, withDeadline } from "../../core/index.js";
import { ApiServerError } from "./api-error.js";
import type { KubeConfigLike } from "./kube-config.js";

/** A collection or an object of the API server. */
export interface ResourceLocation {
  /** Such as `coordination.k8s.io`. @default the core group */
  readonly group?: string | undefined;
  /** @default "v1" */
  readonly version?: string | undefined;
  readonly namespace?: string | undefined;
  /** Such as `pods`. */
  readonly resource: string;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** Returns the path of a collection or an object. */
export function resourcePath(location: ResourceLocation): string {
  const { group, version = "v1", namespace, resource, name, subresource } = location;
  const parts = [
    ...(group ? ["apis", group, version] : ["api", version]),
    ...(namespace === undefined ? [] : ["namespaces", namespace]),
    resource,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

/** The values of a query; undefined ones are left out. */
export type ApiQuery = Readonly<Record<string, string | number | boolean | undefined>>;

/** The content types of patches. */
export const patchTypes = {
  strategic: "application/strategic-merge-patch+json",
  merge: "application/merge-patch+json",
} as const;

/** The options of a request besides its method and path. */
export interface ApiRequestOptions {
  readonly query?: ApiQuery | undefined;
  readonly body?: object | undefined;
  /** @default "application/json" */
  readonly contentType?: string | undefined;
  /** @default that of the client */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends requests to an API server. It takes the credentials from a KubeConfig for each request, so that tokens and certificate files may
 * change, and reads and writes JSON as it is: the typed clients of @kubernetes/client-node drop fields that their release does not know.
 */
export class ApiClient {
  readonly #config: KubeConfigLike;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();
  /** With the settings that it was made for. */
  #agent: { readonly key: string; readonly agent: HttpAgent } | undefined;

  constructor(config: KubeConfigLike, { timeoutMs }: { readonly timeoutMs: number }) {
    this.#config = config;
    this.#timeoutMs = timeoutMs;
  }

  /** Ends all requests, and closes all connections. */
  close(): void {
    this.#closing.abort(new ApiServerError("the client was closed"));
    this.#agent?.agent.destroy();
  }

  /** Sends a request, and resolves with the object of the answer. Rejects with an {@link ApiServerError}, or as the signal demands. */
  async request<T>(method: string, path: string, options: ApiRequestOptions = {}): Promise<T> {
    const { timeoutMs = this.#timeoutMs, signal } = options;
    return withDeadline(
      { timeoutMs, signal },
      async (signal) => {
        const response = await this.#send(method, path, options, signal);
        const text = await readText(response, signal);
        if ((response.statusCode ?? 0) >= 300) throw answerError(method, path, response, text);
        return parseJson(method, path, text) as T;
      },
      this.#closing.signal,
    );
  }

  /** Starts a watch. Resolves with the stream of its lines once the answer began; the signal ends it. */
  async open(path: string, query: ApiQuery, signal: AbortSignal): Promise<IncomingMessage> {
    const controller = new AbortController();
    const unlink = [signal, this.#closing.signal].map((one) =>
      onAbort(one, () => controller.abort(one.reason)),
    );
    const timer = setTimeout(
      () => controller.abort(new ApiServerError(`no response to a watch within ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    );
    const end = () => {
      for (const remove of unlink) remove();
    };
    try {
      const response = await this.#send("GET", path, { query }, controller.signal);
      if (response.statusCode !== 200) {
        const text = await readText(response, controller.signal);
        throw answerError("GET", path, response, text);
      }
      response.once("close", end);
      return response;
    } catch (error) {
      end();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(
    method: string,
    path: string,
    { query = {}, body, contentType = "application/json" }: ApiRequestOptions,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { url, options } = await this.#target(path, query);
    signal.throwIfAborted();
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = {
      ...options.headers,
      accept: "application/json",
      "user-agent": "cri-sdk-kubelet",
      ...(payload && { "content-type": contentType, "content-length": payload.length }),
    };
    const send = url.protocol === "http:" ? httpRequest : httpsRequest;
    const once = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const request = send(url, { ...options, method, headers });
        const removeCallback = onAbort(signal, () => request.destroy(abortReason(signal)));
        // Detects servers that vanished without closing the connection: watches are idle most of the time.
        request.once("socket", (socket) => socket.setKeepAlive(true, 30_000));
        request.once("response", (response) => {
          response.once("close", removeCallback);
          // A destroyed request reports its error to the response as well.
          response.on("error", () => undefined);
          resolve(response);
        });
        request.on("error", (error) => {
          removeCallback();
          if (signal.aborted) return reject(signal.reason);
          // The server has closed an idle connection at the moment that it was used again.
          if (request.reusedSocket && isReset(error)) return resolve(once());
          const text = `${method} ${path}: ${messageOf(error) || "the connection failed"}`;
          reject(new ApiServerError(text, { endpoint: url.origin, cause: error }));
        });
        request.end(payload);
      });
    return once();
  }

  /** Returns the address, and the options with the credentials as they are now. */
  async #target(path: string, query: ApiQuery): Promise<{ url: URL; options: RequestOptions }> {
    const cluster = this.#config.getCurrentCluster();
    if (!cluster) throw new ApiServerError("the kubeconfig has no cluster for its current context");
    // The server may be below a path, such as that of a proxy for many clusters.
    const url = new URL(cluster.server.replace(/\/+$/, "") + path);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const options: RequestOptions = { headers: {} };
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (cause) {
      throw new ApiServerError(`no credentials for the API server: ${messageOf(cause)}`, { cause });
    }
    // The agents of client-node keep no connections, and release 2 keeps those of old certificates. For proxies, they are needed.
    if (cluster.proxyUrl === undefined) options.agent = this.#agentFor(url, options);
    return { url, options };
  }

  #agentFor(url: URL, options: RequestOptions): HttpAgent {
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
    const tls = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
    const settings = JSON.stringify([url.protocol, tls]);
    if (this.#agent?.key === settings) return this.#agent.agent;
    // Requests in flight end on the old agent; idle connections of it close by themselves.
    const agent =
      url.protocol === "http:"
        ? new HttpAgent({ keepAlive: true, timeout: idleMs })
        : new HttpsAgent({ ...tls, keepAlive: true, timeout: idleMs });
    this.#agent = { key: settings, agent };
    return agent;
  }
}

/** The idle time after which a connection is closed. API servers close idle ones after minutes. */
const idleMs = 60_000;

/** Reads an answer to its end. */
async function readText(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) chunks.push(chunk);
  } catch (cause) {
    signal.throwIfAborted();
    throw new ApiServerError(`the response was cut off: ${messageOf(cause)}`, { cause });
  }
  return Buffer.concat(chunks).toString("utf8");
}

function answerError(method: string, path: string, response: IncomingMessage, text: string): ApiServerError {
  const { statusCode: status, headers } = response;
  const found = tryParse(text);
  const object = isKeyed(found) ? found : {};
  const message = typeof object.message === "string" ? object.message : text.trim().slice(0, 1_000);
  const statusReason = typeof object.reason === "string" ? object.reason : undefined;
  const details = { status, statusReason, retryAfterMs: retryAfterMs(headers["retry-after"]) };
  return new ApiServerError(`${method} ${path}: ${message || `HTTP status ${status}`}`, details);
}

/** Returns the time of a Retry-After header, which is in seconds: API servers send no dates. */
function retryAfterMs(header: string | undefined): number | undefined {
  const seconds = Number(header?.trim() || Number.NaN);
  return seconds >= 0 ? Math.min(seconds, maxRetryAfterSeconds) * 1_000 : undefined;
}

/** A longer wait is an outage, which is looked at again. */
const maxRetryAfterSeconds = 60;

function parseJson(method: string, path: string, text: string): unknown {
  const value = tryParse(text);
  if (isKeyed(value)) return value;
  throw new ApiServerError(`${method} ${path}: the response is not a JSON object: ${text.slice(0, 100)}`);
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isReset(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ECONNRESET" || code === "EPIPE";
}

function abortReason(signal: AbortSignal): Error {
  return isError(signal.reason) ? signal.reason : new Error("aborted");
}
