import type { Server as HttpsServer } from "node:https";
import { join } from "node:path";
import { criError } from "../../core/index.js";
import { CertificateStore } from "./certificate/certificate-store.js";
import { httpServer, httpsServer, Listener, localAuthority, secureContext } from "./listener.js";
import {
  defaultIdleTimeoutMs,
  type KubeletCertificate,
  type KubeletServerOptions,
  kubeletServerTable,
} from "./options.js";
import type { KubeletServerParts } from "./parts.js";
import { healthOnly, Requests } from "./requests.js";
import { UsagePages } from "./usage/usage-pages.js";

const defaultMaxConnections = 1_000;
/** Connections for the health: its answers are short. */
const maxHealthConnections = 100;
/** How often the names and the age of the self-signed certificate are checked. */
const certificateCheckMs = 3_600_000;

/**
 * The kubelet's own API over HTTPS: logs, exec, attach, port-forward, pods, statistics and metrics. Every request needs a client
 * certificate or a bearer token. Only HTTP/1.1 is offered, since the upgrades of sessions need it. `/logs/`, the log folder of the machine,
 * is not served.
 */
export class KubeletServer implements AsyncDisposable {
  readonly #options: KubeletServerOptions;
  readonly #parts: KubeletServerParts;
  readonly #certificates: CertificateStore;
  readonly #requests: Requests;
  readonly #closing = new AbortController();
  readonly #listeners: Listener[] = [];
  #started: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #port = 0;
  #healthPort = 0;

  /** Throws `invalid_option`. */
  constructor(options: KubeletServerOptions, parts: KubeletServerParts) {
    kubeletServerTable.check("KubeletServer", options);
    this.#options = options;
    this.#parts = parts;
    this.#certificates = new CertificateStore(join(parts.rootDir, "pki"), () => parts.view.clock.now());
    const pages = new UsagePages(parts);
    this.#requests = new Requests(options, parts, {
      statsSummary: (context) => pages.summary(context),
      metrics: (context) => pages.kubelet(context, this.#requests.counts, this.sessions),
      metricsCadvisor: (context) => pages.cadvisor(context),
      metricsResource: (context) => pages.resource(context),
      metricsProbes: (context) => pages.probes(context),
    });
  }

  /** The port that the server listens on: that of `status.daemonEndpoints` of the Node. 0 before it listens. */
  get port(): number {
    return this.#port;
  }

  /** The port of `healthz`; 0 without that option. */
  get healthPort(): number {
    return this.#healthPort;
  }

  /** The URL of the server on this machine. */
  get url(): string {
    return `https://${localAuthority(this.#options.host ?? "::", this.#port)}`;
  }

  /** The number of open exec, attach and port-forward sessions. */
  get sessions(): number {
    return this.#requests.sessions;
  }

  /**
   * Prepares the certificate and listens. Rejects with {@link CriError}: `unreachable` when the port is in use, `invalid_option` for a certificate
   * that cannot be used, `server_closed` after `close()`; and with the signal's reason. A server is started once.
   */
  start(signal?: AbortSignal): Promise<void> {
    this.#started ??= this.#start(signal).catch(async (error: unknown) => {
      await this.close();
      throw error;
    });
    return this.#started;
  }

  /** Ends all connections and sessions, and resolves when they are closed. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    const { host, port = 10_250, healthz = false, idleTimeoutMs = defaultIdleTimeoutMs } = this.#options;
    const { maxConnections = defaultMaxConnections } = this.#options;
    const given = this.#options.certificate;
    const https = httpsServer(given ?? (await this.#ownCertificate()), this.#options);
    https.on("request", (request, response) => void this.#requests.handle(request, response));
    https.on("upgrade", (request, socket, head) => void this.#requests.upgrade(request, socket, head));
    const listener = this.#listener(new Listener(https, idleTimeoutMs, maxConnections), signal);
    await listener.listen(host, port);
    this.#port = listener.port;
    if (healthz !== false) {
      const { host: healthHost = "127.0.0.1", port: healthPort = 10_248 } = healthz;
      const http = httpServer();
      http.on("request", healthOnly(this.#parts));
      const health = this.#listener(new Listener(http, idleTimeoutMs, maxHealthConnections), signal);
      await health.listen(healthHost, healthPort);
      this.#healthPort = health.port;
    }
    this.#checkOpen(signal);
    if (!given) void this.#renewCertificate(https);
  }

  #listener(listener: Listener, signal: AbortSignal | undefined): Listener {
    this.#checkOpen(signal);
    this.#listeners.push(listener);
    return listener;
  }

  #checkOpen(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#closing.signal.aborted) throw criError("server_closed", "the kubelet's API was closed");
  }

  async #close(): Promise<void> {
    this.#closing.abort(criError("server_closed", "the kubelet's API was closed"));
    await this.#requests.close();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  #ownCertificate(): Promise<KubeletCertificate> {
    const { nodeName, node } = this.#parts.view;
    const addresses = (node().status?.addresses ?? []).map(({ address }) => address);
    return this.#certificates.get({ nodeName, addresses });
  }

  /** Replaces the certificate of new connections when it gets old, or the node gets another address. Ends with `close()`; never rejects. */
  async #renewCertificate(https: HttpsServer): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#parts.view.clock.sleep(certificateCheckMs, signal);
        https.setSecureContext(secureContext(await this.#ownCertificate(), this.#options));
      } catch {
        // A full disk: the certificate in use is valid for some time, and the next round tries again.
      }
    }
  }
}
