import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, isIPv6 } from "node:net";
import { criError, messageOf } from "../../core/index.js";
import { type KubeletServerOptions, kubeletServerTable } from "./options.js";
import type { KubeletServerParts } from "./parts.js";

/**
 * The kubelet's own API over HTTPS: logs, exec, attach, port-forward, pods, statistics and metrics. Every request needs a client
 * certificate or a bearer token.
 */
export class KubeletServer implements AsyncDisposable {
  readonly #options: KubeletServerOptions;
  readonly #parts: KubeletServerParts;
  #server: Server | undefined;
  #port = 0;

  /** Throws `invalid_option`. */
  constructor(options: KubeletServerOptions, parts: KubeletServerParts) {
    kubeletServerTable.check("KubeletServer", options);
    this.#options = options;
    this.#parts = parts;
  }

  /** The port that the server listens on: that of `status.daemonEndpoints` of the Node. 0 before it listens. */
  get port(): number {
    return this.#port;
  }

  /** The URL of the server on this machine. */
  get url(): string {
    const { host = "::" } = this.#options;
    const name = { "::": "127.0.0.1", "0.0.0.0": "127.0.0.1" }[host] ?? host;
    return `https://${isIPv6(name) ? `[${name}]` : name}:${this.#port}`;
  }

  /** Prepares the certificate and listens. Rejects with `unreachable` when the port is in use, and when the signal fires. */
  async start(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { host = "::", port = 10_250, certificate } = this.#options;
    const server = createServer({ cert: certificate?.cert, key: certificate?.key });
    server.on("request", (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(401).end("Unauthorized\n");
    });
    try {
      server.listen({ host, port });
      await once(server, "listening");
    } catch (cause) {
      throw criError(
        "unreachable",
        `the kubelet's API cannot listen on ${host}:${port}: ${messageOf(cause)}`,
        {
          cause,
        },
      );
    }
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    void this.#parts;
  }

  /** Ends all connections and sessions, and resolves when they are closed. Idempotent. */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server?.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
