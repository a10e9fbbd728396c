// A Prometheus exporter for a container runtime without a kubelet: the usage of its pods and containers, with the kubelet's metric names.
//
//   npx tsx --conditions=cri-sdk-source examples/exporter/main.ts RUNTIME [PORT]
//   npx tsx --conditions=cri-sdk-source examples/exporter/main.ts /run/containerd/containerd.sock 9105
//   curl http://127.0.0.1:9105/metrics
//
// It listens on 127.0.0.1 only, and prints its URL. It responds with OpenMetrics if the Accept header asks for it, within the scrape
// timeout of Prometheus. While the runtime is unavailable it responds with 503, so that `up` is 0. It exits cleanly on SIGTERM.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "cri-sdk";
import { prometheusContentTypes } from "cri-sdk/observe";

const [, , endpoint, port = "9105"] = process.argv;
if (!endpoint) {
  console.error("usage: examples/exporter/main.ts RUNTIME [PORT]");
  process.exit(2);
}
await using cri = connect.lazy(endpoint);

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // The request line may contain any text, not only a valid URL.
  const [path] = (request.url ?? "").split("?", 1);
  if (path !== "/metrics") {
    response.writeHead(404).end("the metrics are at /metrics\n");
    return;
  }
  // Cancels the calls when the client disconnects.
  const disconnected = new AbortController();
  response.once("close", () => disconnected.abort());
  const format = request.headers.accept?.includes("application/openmetrics-text") ? "openmetrics" : "text";
  // A little less than the scrape timeout, so that Prometheus receives the error.
  const seconds = Number(request.headers["x-prometheus-scrape-timeout-seconds"]) || 10;
  try {
    const page = await cri.stats.toPrometheus({
      format,
      timeoutMs: seconds * 900,
      signal: disconnected.signal,
    });
    response.writeHead(200, { "content-type": prometheusContentTypes[format] }).end(page);
  } catch (error) {
    if (disconnected.signal.aborted) return;
    console.error(String(error));
    response.writeHead(503, { "content-type": "text/plain" }).end(`${error}\n`);
  }
}

const stopped = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
const server = createServer((request, response) => void respond(request, response));
await once(server.listen(Number(port), "127.0.0.1"), "listening");
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
await stopped;
server.close();
server.closeAllConnections();
