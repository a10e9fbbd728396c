import type { IncomingMessage, ServerResponse } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { ApiError, badRequest, notFound } from "./api-error.js";
import type { KeyPair } from "./certificates.js";
import { listAt, numberAt, textAt } from "./json.js";
import type { KubeObject } from "./kube-object.js";
import type { RequestInfo } from "./request-info.js";
import { resourceNamed } from "./resources.js";
import type { ObjectStore } from "./store.js";

/** How the server dials kubelets. */
export interface KubeletDialing {
  /** The client certificate that it shows. */
  readonly identity: () => Promise<KeyPair>;
  /** The certificate that must have signed those of the kubelets; without it, any is accepted. */
  readonly ca: string | undefined;
  /** The types of addresses, best first. */
  readonly addressTypes: readonly string[];
}

const nodes = resourceNamed("nodes");
const pods = resourceNamed("pods");
const dialTimeoutMs = 10_000;

/** Returns where a node's kubelet listens, and how to dial it. */
export async function kubeletOf(
  store: ObjectStore,
  nodeName: string,
  dialing: KubeletDialing,
): Promise<RequestOptions> {
  const node = store.get("nodes", "", nodeName);
  if (!node) throw notFound(nodes, nodeName);
  const addresses = listAt(node, "status", "addresses");
  const wanted = dialing.addressTypes.flatMap((type) =>
    addresses.filter((one) => textAt(one, "type") === type),
  );
  const host = textAt(wanted[0], "address");
  if (host === "")
    throw new ApiError(500, "InternalError", `no preferred addresses found; known addresses: []`);
  const port = numberAt(node, "status", "daemonEndpoints", "kubeletEndpoint", "Port") ?? 10_250;
  const { cert, key } = await dialing.identity();
  const ca = dialing.ca === undefined ? { rejectUnauthorized: false } : { ca: dialing.ca };
  return { host, port, cert, key, ...ca, agent: false };
}

/** Whether a request is passed to a kubelet: logs, exec, attach and port-forward of a pod, and the proxy of a node. */
export function isForKubelet({ resource, subresource }: RequestInfo): boolean {
  if (resource === "nodes") return subresource === "proxy";
  return resource === "pods" && ["log", "exec", "attach", "portforward"].includes(subresource);
}

/** Returns the node and the path for such a request. */
export function kubeletTarget(
  store: ObjectStore,
  info: RequestInfo,
): { readonly node: string; readonly path: string } {
  if (info.resource === "nodes") {
    const query = info.query.toString();
    return { node: info.name, path: `${info.rest || "/"}${query && `?${query}`}` };
  }
  const { namespace, name, subresource, query } = info;
  const pod = store.get("pods", namespace, name);
  if (!pod) throw notFound(pods, name);
  const node = textAt(pod, "spec", "nodeName");
  if (node === "" && subresource === "log") throw badRequest(`pod ${name} does not have a host assigned`);
  if (node === "") throw badRequest(`pod ${name} does not have a host assigned`);
  const parameters = new URLSearchParams();
  if (subresource === "portforward")
    return { node, path: `/portForward/${namespace}/${name}${portsOf(query)}` };
  const container = containerOf(pod, query.get("container") ?? "", subresource !== "log");
  if (subresource === "log") {
    const names = [
      "follow",
      "previous",
      "timestamps",
      "sinceSeconds",
      "sinceTime",
      "tailLines",
      "limitBytes",
      "stream",
    ];
    for (const one of names) {
      const value = query.get(one);
      if (value !== null && value !== "false") parameters.set(one, value);
    }
    return { node, path: `/containerLogs/${namespace}/${name}/${container}${suffix(parameters)}` };
  }
  for (const [flag, short] of [
    ["stdin", "input"],
    ["stdout", "output"],
    ["stderr", "error"],
    ["tty", "tty"],
  ] as const)
    if (/^(1|true)$/.test(query.get(flag) ?? "")) parameters.set(short, "1");
  for (const part of query.getAll("command")) parameters.append("command", part);
  return { node, path: `/${subresource}/${namespace}/${name}/${container}${suffix(parameters)}` };
}

function suffix(parameters: URLSearchParams): string {
  const query = parameters.toString();
  return query === "" ? "" : `?${query}`;
}

/** Over WebSocket with v4 of the protocol, the ports are in the query. */
function portsOf(query: URLSearchParams): string {
  const parameters = new URLSearchParams();
  for (const port of query.getAll("ports")) parameters.append("port", port);
  return suffix(parameters);
}

function containerOf(pod: KubeObject, name: string, orDefault: boolean): string {
  const namesOf = (field: string): string[] => listAt(pod, "spec", field).map((one) => textAt(one, "name"));
  const regular = namesOf("containers");
  const init = namesOf("initContainers");
  const all = [...regular, ...init, ...namesOf("ephemeralContainers")];
  const podName = pod.metadata.name;
  if (name !== "") {
    if (!all.includes(name)) throw badRequest(`container ${name} is not valid for pod ${podName}`);
    return name;
  }
  const [first = ""] = regular;
  if (regular.length === 1 && (init.length === 0 || orDefault)) return first;
  throw badRequest(
    `a container name must be specified for pod ${podName}, choose one of: [${regular.join(" ")}]${init.length > 0 ? ` or one of the init containers: [${init.join(" ")}]` : ""}`,
  );
}

/** Sends a request to a kubelet, and its answer back, chunk by chunk. For logs, an error of the kubelet becomes one of the API server. */
export function proxyRequest(
  options: RequestOptions,
  path: string,
  incoming: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const { method } = incoming;
    const headers = body.byteLength > 0 ? { "content-length": body.byteLength } : {};
    const outgoing = httpsRequest({ ...options, path, method, headers, timeout: dialTimeoutMs });
    const onDialTimeout = (): void => {
      if (!outgoing.socket?.remoteAddress)
        outgoing.destroy(new Error(`dial tcp ${options.host}:${options.port}: i/o timeout`));
    };
    outgoing.on("timeout", onDialTimeout);
    outgoing.on("error", (error) => {
      if (response.headersSent) response.destroy();
      reject(unreachable(options, path, error));
    });
    outgoing.on("response", (answer) => {
      const code = answer.statusCode ?? 502;
      if (code >= 400 && path.startsWith("/containerLogs/")) {
        text(answer).then((message) => reject(kubeletError(code, message)), reject);
        return;
      }
      response.writeHead(code, contentHeaders(answer));
      response.flushHeaders();
      answer.pipe(response);
      answer.on("error", () => response.destroy());
      answer.on("close", () => resolve(code));
    });
    response.on("close", () => outgoing.destroy());
    outgoing.end(body);
  });
}

/** Fetches a path of a kubelet. */
export function fetchFromKubelet(options: RequestOptions, path: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({ ...options, path, signal: AbortSignal.timeout(timeoutMs) }, (answer) => {
      text(answer).then((body) => {
        if (answer.statusCode === 200) resolve(body);
        else reject(new Error(`${path}: ${answer.statusCode}: ${body}`));
      }, reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

function kubeletError(code: number, message: string): ApiError {
  if (code === 400) return badRequest(message);
  if (code === 500) return new ApiError(500, "InternalError", `Internal error occurred: ${message}`);
  return new ApiError(code, code === 404 ? "NotFound" : "Unknown", message);
}

function contentHeaders(answer: IncomingMessage): Record<string, string> {
  const { "content-type": type, "content-length": length } = answer.headers;
  return { ...(type && { "content-type": type }), ...(length && { "content-length": length }) };
}

function unreachable({ host, port }: RequestOptions, path: string, error: Error): ApiError {
  return new ApiError(500, "InternalError", `Get "https://${host}:${port}${path}": ${error.message}`);
}

/** Passes an upgrade to a kubelet; afterwards both connections are one. An answer without an upgrade is passed on as it is. */
export function proxyUpgrade(
  options: RequestOptions,
  path: string,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const { method } = incoming;
    const outgoing = httpsRequest({
      ...options,
      path,
      method,
      headers: upgradeHeaders(incoming),
      timeout: dialTimeoutMs,
    });
    outgoing.on("error", (error) => reject(unreachable(options, path, error)));
    outgoing.on("upgrade", (answer, upstream, firstBytes) => {
      socket.write(headOf(answer));
      if (firstBytes.byteLength > 0) socket.write(firstBytes);
      if (head.byteLength > 0) upstream.write(head);
      upstream.setTimeout(0);
      join(socket, upstream);
      resolve(101);
    });
    outgoing.on("response", (answer) => {
      // The connection ends after the answer, so it needs neither a length nor chunks.
      socket.write(headOf(answer, ["transfer-encoding", "connection"]));
      answer.pipe(socket);
      resolve(answer.statusCode ?? 502);
    });
    socket.on("close", () => outgoing.destroy());
    outgoing.end();
  });
}

/** The headers of the request but those that are about its sender: a kubelet does not learn who the user is. */
function upgradeHeaders({ rawHeaders }: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string[]> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    if (/^(host|authorization|content-length)$/i.test(name)) continue;
    headers[name] = [...(headers[name] ?? []), rawHeaders[at + 1] ?? ""];
  }
  return headers;
}

function headOf(answer: IncomingMessage, left: readonly string[] = []): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let at = 0; at < answer.rawHeaders.length; at += 2) {
    const name = answer.rawHeaders[at] ?? "";
    if (!left.includes(name.toLowerCase())) lines.push(`${name}: ${answer.rawHeaders[at + 1]}`);
  }
  if (left.includes("connection")) lines.push("Connection: close");
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}
