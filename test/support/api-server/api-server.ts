import { once } from "node:events";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { ApiError, badRequest, forbidden, pathNotFound } from "./api-error.js";
import type { AuditEntry } from "./audit.js";
import { type AccessRequest, type AccessRule, allows, nodeRefusal } from "./authorization.js";
import { type Call, parsedObject, parsedOrUndefined, readBody, send, sendBytes, sendError } from "./call.js";
import { CertificateAuthority, type KeyPair } from "./certificates.js";
import { discovery } from "./discovery.js";
import { errorOf, type Failure, Faults } from "./faults.js";
import { type JsonObject, listAt, textAt } from "./json.js";
import type { KubeObject } from "./kube-object.js";
import {
  fetchFromKubelet,
  isForKubelet,
  type KubeletDialing,
  kubeletOf,
  kubeletTarget,
  proxyRequest,
  proxyUpgrade,
} from "./kubelet-proxy.js";
import { ResourceMetrics } from "./metrics.js";
import { watchNamespaces } from "./namespaces.js";
import { ObjectsApi } from "./objects-api.js";
import { openApi } from "./openapi.js";
import { type RequestInfo, requestInfo } from "./request-info.js";
import { ResourceHandlers } from "./resource-handlers.js";
import { findResource, resourceOfKind } from "./resources.js";
import { review } from "./reviews.js";
import { ObjectStore } from "./store.js";
import { Tokens } from "./tokens.js";
import { admin, anonymous, nodeOf, type User } from "./users.js";

/** Options of the server. */
export interface ApiServerOptions {
  /** An empty folder for certificates. */
  readonly folder: string;
  /** Without TLS, all requests without a token are those of an administrator. @default true */
  readonly https?: boolean;
  /** @default a free one */
  readonly port?: number;
  /** Applies the rules of the Node authorizer to users `system:node:NAME`. @default false: they have full access */
  readonly nodeAuthorizer?: boolean;
  /** What users may do who are neither administrators nor nodes. @default nothing */
  readonly rules?: readonly AccessRule[];
  /** Whether Pods get the volume with the token of their service account, as in a cluster. @default true */
  readonly mountTokens?: boolean;
  /** The time between the bookmarks of a watch. @default 60_000 */
  readonly bookmarkIntervalMs?: number;
  /** Whether the certificates of kubelets must be signed by the authority of this server. @default false */
  readonly verifyKubelets?: boolean;
  /** @default `["InternalIP", "ExternalIP", "Hostname"]`, as kubeadm sets it */
  readonly kubeletAddressTypes?: readonly string[];
}

/** How the server is cut off. */
export interface CutOffOptions {
  /** When it ends. @default when `reconnect()` is called */
  readonly ms?: number;
  /** `reset` destroys connections; `hang` keeps and accepts them, and neither answers nor sends events. @default "reset" */
  readonly how?: "reset" | "hang";
}

const namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

const version = { major: "1", minor: "36", gitVersion: "v1.36.2", platform: "linux/amd64" };

/** Starts a server with the namespaces of a new cluster. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const ca = await CertificateAuthority.create(options.folder);
  const serving = options.https === false ? undefined : await ca.server();
  const server = new ApiServer(options, ca, serving);
  await server.start();
  return server;
}

/** A small Kubernetes API server. Its objects are kept when it restarts. */
export class ApiServer implements AsyncDisposable {
  readonly ca: CertificateAuthority;
  readonly store = new ObjectStore();
  readonly api: ObjectsApi;
  readonly tokens = new Tokens(this.store);
  /** All requests, in the order in which they came. */
  readonly requests: AuditEntry[] = [];
  /** Each request waits so long before it is looked at, in milliseconds. */
  delayMs = 0;
  readonly #options: ApiServerOptions;
  readonly #serving: KeyPair | undefined;
  readonly #dialing: KubeletDialing;
  readonly #faults = new Faults();
  readonly #metrics: ResourceMetrics;
  readonly #sockets = new Set<Socket>();
  readonly #handlers: ResourceHandlers;
  readonly #stopNamespaces: () => void;
  #server: Server | undefined;
  #port: number;
  #cutOff: "reset" | "hang" | undefined;
  #reconnectTimer: NodeJS.Timeout | undefined;
  #identity: Promise<KeyPair> | undefined;

  constructor(options: ApiServerOptions, ca: CertificateAuthority, serving: KeyPair | undefined) {
    this.#options = options;
    this.ca = ca;
    this.#serving = serving;
    this.#port = options.port ?? 0;
    this.api = new ObjectsApi(this.store, options.mountTokens ?? true);
    this.#handlers = new ResourceHandlers(this.api, this.tokens, options.bookmarkIntervalMs ?? 60_000);
    this.#dialing = {
      identity: () => {
        this.#identity ??= ca.client("kube-apiserver-kubelet-client", ["system:masters"]);
        return this.#identity;
      },
      ca: options.verifyKubelets ? ca.cert : undefined,
      addressTypes: options.kubeletAddressTypes ?? ["InternalIP", "ExternalIP", "Hostname"],
    };
    this.#metrics = new ResourceMetrics(this.store, async (node) =>
      fetchFromKubelet(await kubeletOf(this.store, node, this.#dialing), "/metrics/resource", 10_000),
    );
    this.#stopNamespaces = watchNamespaces(this.api, ca.cert);
    for (const name of namespaces) this.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }

  get url(): string {
    return `${this.#serving ? "https" : "http"}://127.0.0.1:${this.#port}`;
  }

  /** Creates an object, past authorization and HTTP, as an administrator. */
  create(object: JsonObject): KubeObject {
    const resource = resourceOfKind(textAt(object, "apiVersion"), textAt(object, "kind"));
    const namespace = resource.namespaced ? textAt(object, "metadata", "namespace") || "default" : "";
    return this.api.create({ resource, namespace, name: "", subresource: "" }, object);
  }

  /** Lets the next `count` requests fail. */
  failNext(count: number, failure: Failure): void {
    this.#faults.add(count, failure);
  }

  /** Ends the failures of `failNext`. */
  failNoMore(): void {
    this.#faults.clear();
  }

  /** Cuts all clients off. */
  cutOff({ ms, how = "reset" }: CutOffOptions = {}): void {
    this.#cutOff = how;
    if (how === "reset") this.#destroySockets();
    this.#handlers.isSilent = how === "hang";
    clearTimeout(this.#reconnectTimer);
    if (ms !== undefined) this.#reconnectTimer = setTimeout(() => this.reconnect(), ms);
  }

  /** Ends a cut. Connections that hung end, as those do whose packets were lost for long. */
  reconnect(): void {
    clearTimeout(this.#reconnectTimer);
    if (this.#cutOff === "hang") this.#destroySockets();
    this.#cutOff = undefined;
    this.#handlers.isSilent = false;
  }

  /** Ends all watches, as a server does from time to time. */
  endWatches(): void {
    this.#handlers.endWatches();
  }

  /** Forgets old versions: watches from them get 410. */
  compact(): void {
    this.store.compact();
  }

  /** Listens. */
  async start(): Promise<void> {
    const handle = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#handle(request, response);
    const tls = { ...this.#serving, ca: this.ca.cert, requestCert: true, rejectUnauthorized: false };
    const server = this.#serving
      ? createHttpsServer({ ...tls, ALPNProtocols: ["http/1.1"] }, handle)
      : createHttpServer(handle);
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
      if (this.#cutOff === "reset") socket.destroy();
    });
    server.on(
      "upgrade",
      (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head),
    );
    server.on("tlsClientError", () => undefined);
    server.requestTimeout = 0;
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    // A port of 0 is chosen once: restarts keep it.
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Stops listening, and destroys all connections. The objects are kept. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, "close");
    server.close();
    this.#destroySockets();
    await closed;
  }

  /** Stops and starts again. Like a real one, it no longer knows older versions afterwards. */
  async restart(downMs = 0): Promise<void> {
    await this.stop();
    if (downMs > 0) await pause(downMs);
    this.compact();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#reconnectTimer);
    this.#stopNamespaces();
    await this.stop();
  }

  #destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const info = requestInfo(request.method ?? "GET", request.url ?? "/");
    let entry: AuditEntry | undefined;
    try {
      const body = await readBody(request);
      // Its connection is destroyed when the cut ends.
      if (this.#cutOff === "hang") return;
      const user = this.#authenticate(request);
      entry = this.#audit(request, info, user, body);
      if (this.delayMs > 0) await pause(this.delayMs);
      const failure = this.#faults.take(entry);
      if (failure && !failure.afterwards) throw errorOf(failure);
      this.#authorize(info, user, entry);
      await this.#dispatch({ request, response, info, user, body, entry, failure });
    } catch (error) {
      const failed = error instanceof ApiError ? error : new ApiError(500, "InternalError", String(error));
      if (entry) entry.code = failed.code;
      if (response.headersSent) return;
      sendError(response, failed);
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const info = requestInfo(request.method ?? "GET", request.url ?? "/");
    socket.on("error", () => undefined);
    let entry: AuditEntry | undefined;
    try {
      const user = this.#authenticate(request);
      entry = this.#audit(request, info, user, Buffer.alloc(0));
      if (this.delayMs > 0) await pause(this.delayMs);
      const failure = this.#faults.take(entry);
      if (failure) throw errorOf(failure);
      this.#authorize(info, user, entry);
      if (!isForKubelet(info)) throw pathNotFound();
      const { node, path } = kubeletTarget(this.store, info);
      this.#checkProtocol(request, node);
      const options = await kubeletOf(this.store, node, this.#dialing);
      entry.code = await proxyUpgrade(options, path, request, socket, head);
    } catch (error) {
      const failed = error instanceof ApiError ? error : new ApiError(500, "InternalError", String(error));
      if (entry) entry.code = failed.code;
      const text = JSON.stringify(failed.status());
      socket.end(
        `HTTP/1.1 ${failed.code} ${failed.reason}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
      );
    }
  }

  /**
   * A WebSocket is passed only to nodes that say that they take it. A real API server turns it into SPDY for the others; this one refuses
   * it, and kubectl tries SPDY then.
   */
  #checkProtocol(request: IncomingMessage, node: string): void {
    if (request.headers.upgrade?.toLowerCase() !== "websocket") return;
    const features = listAt(this.store.get("nodes", "", node), "status", "declaredFeatures");
    if (!features.includes("ExtendWebSocketsToKubelet"))
      throw badRequest("unable to upgrade: the node does not take WebSockets");
  }

  #audit(request: IncomingMessage, info: RequestInfo, user: User, body: Buffer): AuditEntry {
    const { verb, resource, subresource, namespace, name, query } = info;
    const parsed = parsedOrUndefined(body);
    const entry: AuditEntry = {
      timeMs: Date.now(),
      user: user.name,
      verb,
      url: request.url ?? "/",
      resource: subresource === "" ? resource : `${resource}/${subresource}`,
      namespace,
      name,
      query: Object.fromEntries(query),
      contentType: request.headers["content-type"] ?? "",
      userAgent: request.headers["user-agent"] ?? "",
      ...(parsed !== undefined && { body: parsed }),
    };
    this.requests.push(entry);
    return entry;
  }

  #authenticate(request: IncomingMessage): User {
    const [scheme = "", token = ""] = (request.headers.authorization ?? "").split(" ");
    if (scheme.toLowerCase() === "bearer") {
      const found = this.tokens.check(token);
      if (!found) throw new ApiError(401, "Unauthorized", "Unauthorized");
      return found.user;
    }
    const { socket } = request;
    if (!(socket instanceof TLSSocket)) return admin;
    if (!socket.authorized) return anonymous;
    const { subject } = socket.getPeerCertificate();
    const organizations: unknown = subject?.O;
    const groups = Array.isArray(organizations)
      ? organizations
      : organizations === undefined
        ? []
        : [organizations];
    return { name: String(subject?.CN ?? ""), groups: [...groups.map(String), "system:authenticated"] };
  }

  #authorize(info: RequestInfo, user: User, entry: AuditEntry): void {
    const request: AccessRequest = {
      ...{ user, verb: info.verb, group: info.group, resource: info.resource, subresource: info.subresource },
      ...{ namespace: info.namespace, name: info.name },
      fieldSelector: info.query.get("fieldSelector") ?? "",
      path: info.isResource ? "" : info.path,
    };
    const refusal = this.refusal(request);
    if (refusal === undefined) return;
    entry.refusal = refusal;
    const full = info.subresource === "" ? info.resource : `${info.resource}/${info.subresource}`;
    const scope = info.namespace === "" ? "at the cluster scope" : `in the namespace "${info.namespace}"`;
    const what = info.isResource
      ? `User "${user.name}" cannot ${info.verb} resource "${full}" in API group "${info.group}" ${scope}: ${refusal}`
      : `User "${user.name}" cannot ${info.verb} path "${info.path}"`;
    throw forbidden(info.isResource ? full : info.path, info.name, what);
  }

  /** Why a request is not allowed, or undefined. */
  refusal(request: AccessRequest): string | undefined {
    const { user } = request;
    if (user.groups.includes("system:masters")) return undefined;
    if (nodeOf(user) !== undefined)
      return this.#options.nodeAuthorizer ? nodeRefusal(request, this.store) : undefined;
    const isPublic = ["/version", "/healthz", "/livez", "/readyz"].includes(request.path);
    if (isPublic || (this.#options.rules ?? []).some((rule) => allows(rule, request))) return undefined;
    return "no rule allows it";
  }

  async #dispatch(call: Call): Promise<void> {
    const { request, response, info, user, body, entry } = call;
    const { resource, group, version } = info;
    const found = findResource(group, version, resource);
    if (!info.isResource) this.#answerPath(call);
    else if (isForKubelet(info)) {
      const { node, path } = kubeletTarget(this.store, info);
      const options = await kubeletOf(this.store, node, this.#dialing);
      entry.code = await proxyRequest(options, path, request, body, response);
    } else if (group === "metrics.k8s.io") send(call, 200, await this.#resourceMetrics(info));
    else if (found) this.#handlers.handle(call, found);
    else {
      if (info.verb !== "create") throw pathNotFound();
      const refusal = (asked: AccessRequest): string | undefined => this.refusal(asked);
      const answer = review(info, parsedObject(call), user, { tokens: this.tokens, refusal });
      if (!answer) throw pathNotFound();
      send(call, 201, answer);
    }
  }

  #resourceMetrics({ resource, namespace, name, query }: RequestInfo): Promise<JsonObject> {
    const selector = query.get("labelSelector") ?? "";
    if (resource === "nodes") return this.#metrics.nodes(name, selector);
    if (resource === "pods") return this.#metrics.pods(namespace, name, selector);
    throw pathNotFound();
  }

  #answerPath(call: Call): void {
    const { info, request } = call;
    const { path } = info;
    // An OpenAPI v2 document as protobuf without a single field: kubectl then uses the types that it knows.
    const fixed: Readonly<Record<string, readonly [type: string, text: string]>> = {
      "/healthz": ["text/plain", "ok"],
      "/livez": ["text/plain", "ok"],
      "/readyz": ["text/plain", "ok"],
      "/version": ["application/json", JSON.stringify(version)],
      "/openapi/v2": ["application/com.github.proto-openapi.spec.v2@v1.0+protobuf", ""],
    };
    const answer = fixed[path];
    const document = openApi(path);
    const found = discovery(path, request.headers.accept ?? "");
    if (answer) sendBytes(call, 200, answer[0], Buffer.from(answer[1]));
    else if (document) send(call, 200, document);
    else if (found) sendBytes(call, 200, found.type, Buffer.from(JSON.stringify(found.body)));
    else throw pathNotFound();
  }
}
