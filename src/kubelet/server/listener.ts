import { once } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import { type AddressInfo, isIPv6 } from "node:net";
import type { Duplex } from "node:stream";
import { codeOf, criError, invalidOption, messageOf } from "../../core/index.js";
import { Connections } from "../../server/index.js";
import type { KubeletCertificate, KubeletServerOptions } from "./options.js";

/** Limits of requests and connections, which hold before anybody is authenticated. */
const limits = {
  /** A command of exec is in the query. */
  maxHeaderSize: 262_144,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
  noDelay: true,
} as const;

const handshakeTimeoutMs = 10_000;

/** A listening server, and its connections until the last one is closed. */
export class Listener {
  readonly #server: HttpServer | HttpsServer;
  readonly #connections = new Connections();

  constructor(server: HttpServer | HttpsServer, idleTimeoutMs: number, maxConnections: number) {
    this.#server = server;
    server.timeout = idleTimeoutMs;
    server.maxConnections = maxConnections;
    server.on("connection", (connection: Duplex) => this.#connections.add(connection, "unused"));
    server.on("secureConnection", (connection: Duplex) => this.#connections.add(connection, "unused"));
    // A listening server reports only errors of single connections.
    server.on("error", () => undefined);
  }

  /** The port; 0 before it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Listens on all addresses for an undefined host. Rejects with `unreachable`. */
  async listen(host: string | undefined, port: number): Promise<void> {
    try {
      await this.#listenOn(host ?? "::", port).catch((error: unknown) => {
        // A machine without IPv6 has no "::".
        const isWithoutIPv6 = ["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(codeOf(error) ?? "");
        if (host === undefined && isWithoutIPv6) return this.#listenOn("0.0.0.0", port);
        throw error;
      });
    } catch (cause) {
      const text = `the kubelet cannot listen on ${host ?? "*"}:${port}: ${messageOf(cause)}`;
      throw criError("unreachable", text, { cause });
    }
  }

  /** Stops listening and destroys all connections; resolves when they are closed. */
  async close(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, "close") : undefined;
    this.#server.close();
    await this.#connections.destroyAll();
    await closed;
  }

  async #listenOn(host: string, port: number): Promise<void> {
    this.#server.listen({ host, port });
    await once(this.#server, "listening");
  }
}

/** Returns the `HOST:PORT` by which this machine reaches a listener. A listener on all addresses is reached on 127.0.0.1. */
export function localAuthority(host: string, port: number): string {
  const name = { "::": "127.0.0.1", "0.0.0.0": "127.0.0.1" }[host] ?? host;
  return `${isIPv6(name) ? `[${name}]` : name}:${port}`;
}

/** Returns what TLS connections are made with. */
export function secureContext(
  certificate: KubeletCertificate,
  { clientCa }: Pick<KubeletServerOptions, "clientCa">,
) {
  return { ...certificate, minVersion: "TLSv1.2", ...(clientCa !== undefined && { ca: clientCa }) } as const;
}

/** Creates a server for HTTPS. Throws `invalid_option` for a certificate or a client CA that cannot be used. */
export function httpsServer(
  certificate: KubeletCertificate,
  options: Pick<KubeletServerOptions, "clientCa">,
): HttpsServer {
  try {
    return createHttpsServer({
      ...limits,
      ...secureContext(certificate, options),
      // An API server takes HTTP/2 where it is offered, and then speaks nothing else.
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: handshakeTimeoutMs,
      requestCert: options.clientCa !== undefined,
      rejectUnauthorized: false,
    });
  } catch (error) {
    throw invalidOption("certificate", "(not shown)", `cannot be used: ${messageOf(error)}`);
  }
}

/** Creates a server for HTTP. */
export function httpServer(): HttpServer {
  return createHttpServer(limits);
}
