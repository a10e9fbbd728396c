import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import type { StreamingServer } from "../../src/server/index.js";
import { apiResources, podObject, statusObject } from "./api-objects.js";

/** A minimal Kubernetes API server: kubectl can find one pod and open streams to it. */
export interface FakeApiServer extends AsyncDisposable {
  readonly url: string;
  /** The upgrade requests that were proxied: `exec websocket`, `portforward SPDY/3.1`. */
  readonly upgrades: readonly string[];
  /** Stops the server and destroys its connections. */
  close(): Promise<void>;
}

/** The name of the only pod. */
export const podName = "web";
/** The name of its container. */
export const containerName = "main";

const podPath = `/api/v1/namespaces/default/pods/${podName}`;

/**
 * Starts the server on a free port of this machine. For exec, attach and port-forward it requests a URL from the streaming
 * server, as a runtime's CRI call would, and then proxies the bytes in both directions unparsed, as a kubelet does.
 */
export async function startApiServer(streaming: StreamingServer): Promise<FakeApiServer> {
  const upgrades: string[] = [];
  const connections = new Set<Duplex>();
  const server = createServer(handleRequest);
  server.on("connection", (socket) => connections.add(socket));
  server.on("upgrade", (request, socket, head) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
    upgrades.push(`${pathname.slice(podPath.length + 1)} ${request.headers.upgrade}`);
    connections.add(proxyUpgrade(request, socket, head, urlFor(streaming, pathname, searchParams)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => stop(server, connections);
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, upgrades, close, [Symbol.asyncDispose]: close };
}

async function stop(server: Server, connections: ReadonlySet<Duplex>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  for (const connection of connections) connection.destroy();
  await closed;
}

function handleRequest(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? "/", "http://x");
  const found = pathname === podPath ? podObject(podName, containerName) : apiResources[pathname];
  response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(found ?? statusObject(404, `${pathname}: not found`)));
}

/** Returns the URL that a kubelet would request from the runtime for a subresource of the pod. */
function urlFor(streaming: StreamingServer, pathname: string, query: URLSearchParams): URL {
  const flag = (name: string): boolean => /^(1|true)$/.test(query.get(name) ?? "");
  const request = {
    containerId: query.get("container") ?? containerName,
    cmd: query.getAll("command"),
    stdin: flag("stdin"),
    stdout: flag("stdout"),
    stderr: flag("stderr"),
    tty: flag("tty"),
  };
  switch (pathname) {
    case `${podPath}/exec`:
      return new URL(streaming.exec(request).url);
    case `${podPath}/attach`:
      return new URL(streaming.attach(request).url);
    case `${podPath}/portforward`:
      return new URL(
        streaming.portForward({ podSandboxId: podName, port: query.getAll("ports").map(Number) }).url,
      );
    default:
      throw new Error(`${pathname}: unknown subresource`);
  }
}

/** Forwards the request to another URL, then pipes both directions; each half closes on its own. */
function proxyUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, target: URL): Duplex {
  const upstream = connect({
    host: target.hostname,
    port: Number(target.port),
    allowHalfOpen: true,
    noDelay: true,
  });
  const lines = [`${request.method} ${target.pathname} HTTP/1.1`];
  for (let at = 0; at < request.rawHeaders.length; at += 2)
    lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
  upstream.write(`${lines.join("\r\n")}\r\n\r\n`);
  upstream.write(head);
  for (const [from, to] of [
    [socket, upstream],
    [upstream, socket],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
  return upstream;
}
