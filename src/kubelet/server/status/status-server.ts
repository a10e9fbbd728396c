import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { KubeletEvent } from "../../kubelet-event.js";
import { answerError, answerHtml, answerJson } from "../answer.js";
import { loggedContainer, readerOptions, readLogRequest } from "../handlers/log-request.js";
import { podList } from "../handlers/pod-lists.js";
import { sendLog } from "../handlers/send-log.js";
import { HttpError } from "../http-error.js";
import { findContainer, findPod } from "../known-pods.js";
import { httpServer, Listener, localAuthority } from "../listener.js";
import type { KubeletServerParts } from "../parts.js";
import { requestSignal } from "../request-signal.js";
import { decodeSegments, type PathNames } from "../routes.js";
import type { ReadOnlyPortOptions } from "./options.js";
import { statusPage } from "./status-page.js";

const defaultPort = 10_255;
const idleTimeoutMs = 60_000;
/** Connections of browsers, and of programs that check the health. */
const maxConnections = 100;
const defaultRefreshSeconds = 5;
const maxRefreshSeconds = 3_600;
/** The lines of a log that are shown where the request names no number. */
const defaultTailLines = 1_000;

/** What the status page shows of the kubelet that it belongs to. */
export interface StatusServerParts extends Pick<KubeletServerParts, "view" | "healthChecks"> {
  /** The recent events, the oldest first. */
  readonly events: () => readonly KubeletEvent[];
}

/**
 * The read-only port: a page with the Pods of the node, their logs as text, and `/pods` and `/healthz` in JSON. It has no authentication, so
 * it listens on this machine only unless `host` says otherwise, and answers no page of another origin.
 */
export class StatusServer implements AsyncDisposable {
  readonly #options: ReadOnlyPortOptions;
  readonly #parts: StatusServerParts;
  readonly #closing = new AbortController();
  readonly #listener: Listener;

  constructor(options: ReadOnlyPortOptions, parts: StatusServerParts) {
    this.#options = options;
    this.#parts = parts;
    const server = httpServer();
    server.on("request", (request, response) => void this.#handle(request, response));
    this.#listener = new Listener(server, idleTimeoutMs, maxConnections);
  }

  /** The URL of the page on this machine. */
  get url(): string {
    return `http://${localAuthority(this.#options.host ?? "127.0.0.1", this.#listener.port)}/`;
  }

  /** Listens. Rejects with `unreachable` when the port is in use. */
  async start(): Promise<void> {
    const { host = "127.0.0.1", port = defaultPort } = this.#options;
    await this.#listener.listen(host, port);
  }

  /** Ends all connections, and resolves when they are closed. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the status page was closed"));
    await this.#listener.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Answers a request. Never rejects. */
  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { signal, unlink } = requestSignal(response, this.#closing.signal);
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    try {
      this.#check(request);
      await this.#answer(new URL(request.url ?? "/", "http://kubelet"), response, signal);
    } catch (error) {
      answerError(response, error);
    } finally {
      unlink();
    }
  }

  #check({ method = "", headers }: IncomingMessage): void {
    if (!this.#isOwnName(headers.host)) {
      const text = "the header Host does not name this machine: use its address, such as 127.0.0.1\n";
      throw new HttpError(421, text);
    }
    if (method !== "GET" && method !== "HEAD")
      throw new HttpError(405, "405: Method Not Allowed", { Allow: "GET, HEAD" });
  }

  /**
   * Whether a name belongs to this machine. A page of another site can let its own name point to 127.0.0.1, and so read what this
   * machine serves (DNS rebinding); addresses and the names of the node it cannot take.
   */
  #isOwnName(host: string | undefined): boolean {
    const name = hostName(host);
    if (name === undefined) return false;
    const { nodeName, node } = this.#parts.view;
    const addresses = (node().status?.addresses ?? []).map(({ address }) => address);
    const own = ["localhost", this.#options.host, nodeName, ...addresses];
    return isIP(name) !== 0 || own.some((one) => one?.toLowerCase() === name);
  }

  async #answer(url: URL, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const [first = "", ...names] = decodeSegments(url.pathname) ?? ["unknown"];
    if (first === "logs" && names.length === 3) {
      const [namespace = "", pod = "", container = ""] = names;
      await this.#log({ namespace, pod, container, uid: undefined }, url.searchParams, response, signal);
    } else if (names.length > 0) throw new HttpError(404, "404 page not found");
    else if (first === "") this.#page(url.searchParams, response);
    else if (first === "pods") answerJson(response, podList(this.#parts.view.pods()));
    else if (first === "healthz") this.#health(response);
    else throw new HttpError(404, "404 page not found");
  }

  #page(query: URLSearchParams, response: ServerResponse): void {
    const { view, events } = this.#parts;
    const nonce = randomBytes(16).toString("base64");
    const page = statusPage({
      node: view.node(),
      pods: view.pods(),
      events: events(),
      nowMs: view.clock.now(),
      refreshSeconds: refreshSeconds(query),
      nonce,
    });
    // No script at all, and only the style with this nonce: a mistake in escaping would stay text.
    const policy = `${strictPolicy}; style-src 'nonce-${nonce}'; img-src data:`;
    answerHtml(response, page.toString(), { "Content-Security-Policy": policy });
  }

  #health(response: ServerResponse): void {
    const { view, healthChecks = {} } = this.#parts;
    const problems = Object.entries(healthChecks).flatMap(([name, check]) => {
      const problem = check();
      return problem === undefined ? [] : [[name, problem] as const];
    });
    const conditions = view.node().status?.conditions ?? [];
    const ready = conditions.some(({ type, status }) => type === "Ready" && status === "True");
    const isHealthy = problems.length === 0;
    answerJson(
      response,
      { status: isHealthy ? "ok" : "failed", ready, problems: Object.fromEntries(problems) },
      isHealthy ? 200 : 500,
    );
  }

  /** Answers with the end of a log as plain text, whatever it contains. */
  async #log(names: PathNames, query: URLSearchParams, response: ServerResponse, signal: AbortSignal) {
    const { view } = this.#parts;
    const pod = findPod(view, names);
    if (!pod || !findContainer(view, names)) throw new HttpError(404, "404 page not found");
    const request = readLogRequest(query, view.clock.now());
    const { tail = request.stream === undefined ? defaultTailLines : undefined } = request;
    const id = loggedContainer(pod, names.container, request.previous);
    const options = { ...readerOptions(request), limitBytes: request.limitBytes };
    await using reader = view.cri.logs(id, { ...options, tail, signal });
    const { follow } = request;
    const write = () => reader.writeTo(response);
    await sendLog(response, { contentType: "text/plain; charset=utf-8", follow, write, signal });
  }
}

const strictPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Of all answers. */
const securityHeaders: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": strictPolicy,
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/** Returns the name in a header Host, in lower case and without the port; undefined for what is not one name. */
function hostName(host: string | undefined): string | undefined {
  const [, v6, name] = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host ?? "") ?? [];
  return (v6 ?? name)?.toLowerCase();
}

function refreshSeconds(query: URLSearchParams): number {
  const text = query.get("refresh") ?? "";
  if (!/^\d{1,4}$/.test(text)) return defaultRefreshSeconds;
  return Math.min(Number(text), maxRefreshSeconds);
}
