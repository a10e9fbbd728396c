// A Prometheus exporter for a container runtime without a kubelet: what its pods and containers use, by the kubelet's names.
//
//   npx tsx --conditions=cri-sdk-source examples/exporter/main.ts RUNTIME [PORT]
//   npx tsx --conditions=cri-sdk-source examples/exporter/main.ts /run/containerd/containerd.sock 9105
//   curl http://127.0.0.1:9105/metrics
//
// It listens on this machine only, and prints where. Prometheus gets OpenMetrics if it asks for that, and an answer within the
// time that it gives. While the runtime is away the answer is 503, so that `up` is 0. It ends cleanly on SIGTERM.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, prometheusContentTypes } from "cri-sdk";

const [, , endpoint, port = "9105"] = process.argv;
if (!endpoint) {
  console.error("usage: examples/exporter/main.ts RUNTIME [PORT]");
  process.exit(2);
}
await using cri = connect.lazy(endpoint);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Whatever stands in the request line arrives here, and need not be a URL.
  const [path] = (request.url ?? "").split("?", 1);
  if (path !== "/metrics") {
    response.writeHead(404).end("the metrics are at /metrics\n");
    return;
  }
  // Whoever hangs up needs no answer.
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const format = request.headers.accept?.includes("application/openmetrics-text") ? "openmetrics" : "text";
  // A little less than Prometheus waits, so that it hears why.
  const seconds = Number(request.headers["x-prometheus-scrape-timeout-seconds"]) || 10;
  try {
    const page = await cri.stats.toPrometheus({ format, timeoutMs: seconds * 900, signal: gone.signal });
    response.writeHead(200, { "content-type": prometheusContentTypes[format] }).end(page);
  } catch (error) {
    if (gone.signal.aborted) return;
    console.error(String(error));
    response.writeHead(503, { "content-type": "text/plain" }).end(`${error}\n`);
  }
}

const ended = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
const server = createServer((request, response) => void answer(request, response));
await once(server.listen(Number(port), "127.0.0.1"), "listening");
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
await ended;
server.close();
server.closeAllConnections();
