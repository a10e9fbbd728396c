import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server as NetServer } from "node:net";
import type { TestContext } from "node:test";
import type { Container, Probe } from "../../../src/kubernetes/api/index.js";
import type { ProbeOutcome } from "../../../src/kubernetes/probes/outcome.js";
import { probeRunner } from "../../../src/kubernetes/probes/run-probe.js";
import { selfSigned } from "../../support/certificate.js";
import { cleanup } from "../../support/cleanup.js";

/** Listens on a free port of 127.0.0.1, until the end of the test. */
export async function listen(t: TestContext, server: NetServer, host = "127.0.0.1"): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, host, resolve));
  cleanup(t, () => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

/** Starts an HTTP server. Returns its port. */
export async function serveHttp(t: TestContext, listener: RequestListener, host?: string): Promise<number> {
  return await listenHttp(t, createServer(listener), host);
}

/** Starts an HTTPS server with a certificate that no authority signed. */
export async function serveHttps(t: TestContext, listener: RequestListener): Promise<number> {
  return await listenHttp(t, createTlsServer(await selfSigned(t), listener));
}

async function listenHttp(t: TestContext, server: Server, host?: string): Promise<number> {
  const port = await listen(t, server, host);
  // Done before the clean-up of `listen`, which waits for the connections.
  cleanup(t, () => server.closeAllConnections());
  return port;
}

/** The raw headers of a request, as `name: value`. */
export function headerLines({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? `${name}: ${rawHeaders[index + 1]}` : []));
}

/** A runtime that must not be asked. */
const noRuntime = {
  execSync: () => {
    throw new Error("execSync was called");
  },
};

/** Makes one probe, of a container in a pod with the address 127.0.0.1. */
export function probe(
  spec: Probe,
  {
    container = {},
    podIPs = ["127.0.0.1"],
    timeoutMs = 5_000,
    signal = new AbortController().signal,
  }: {
    readonly container?: Partial<Container>;
    readonly podIPs?: readonly string[];
    readonly timeoutMs?: number;
    readonly signal?: AbortSignal;
  } = {},
): Promise<ProbeOutcome> {
  const target = { container: { name: "web", ...container }, containerId: "id", podIPs };
  return probeRunner(noRuntime)(spec, target, { timeoutMs, signal });
}
