// Our server with the clients of nghttp2, a second implementation of HTTP/2 in C: nghttp prints every frame, h2load counts failures.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { installNghttp2, type Nghttp2 } from "../../scripts/interop/nghttp2.js";
import { serve } from "../../src/server/index.js";
import { selfSigned } from "../support/certificate.js";
import { cleanup } from "../support/cleanup.js";
import { freePort } from "../support/free-port.js";
import { checkLeaks } from "../support/leaks.js";
import { tempFolder } from "../support/temp.js";

let nghttp2: Nghttp2;
before(
  async () => {
    nghttp2 = await installNghttp2();
  },
  { timeout: 300_000 },
);

const version = "/runtime.v1.RuntimeService/Version";
/** 700 containers: a response of many frames. */
const containers = Array.from({ length: 700 }, (_, n) => ({ id: String(n).padStart(64, "0") }));

async function startServers(t: TestContext) {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const services = {
    runtime: {
      version: () => ({
        version: "0.1.0",
        runtimeName: "test",
        runtimeVersion: "1",
        runtimeApiVersion: "v1",
      }),
      listContainers: async () => ({ containers }),
    },
  };
  const socket = join(folder, "cri.sock");
  const port = await freePort();
  for (const endpoint of [socket, `http://127.0.0.1:${port}`]) {
    const server = await serve(endpoint, services);
    cleanup(t, () => server.close());
  }
  const tls = await selfSigned(t);
  const tlsPort = await freePort();
  const secure = await serve(`https://127.0.0.1:${tlsPort}`, services, { tls });
  cleanup(t, () => secure.close());
  // An empty message behind gRPC's prefix.
  const body = join(folder, "request");
  await writeFile(body, Buffer.alloc(5));
  const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers", "-d", body];
  return {
    tcp: `http://127.0.0.1:${port}`,
    tls: `https://127.0.0.1:${tlsPort}`,
    unix: ["-B", `unix:${socket}`],
    headers,
  };
}

test("nghttp gets responses, errors and refusals, frame by frame", { timeout: 180_000 }, async (t) => {
  const { tcp, tls, headers } = await startServers(t);
  for (const origin of [tcp, tls]) {
    const output = await nghttp2("nghttp", ["-v", ...headers, `${origin}${version}`]);
    const frames = output.match(/recv (?:\(stream_id=\d+\) )?(?:\S+ frame|[\w:-]+: .*)/g)?.join("\n") ?? "";
    assert.match(
      frames,
      /:status: 200\n.*content-type: application\/grpc\n[\s\S]*HEADERS frame[\s\S]*DATA frame[\s\S]*grpc-status: 0\n.*HEADERS frame/,
    );
  }
  const unknown = await nghttp2("nghttp", ["-v", ...headers, `${tcp}/runtime.v1.RuntimeService/Nothing`]);
  assert.match(unknown, /:status: 200/);
  assert.match(unknown, /grpc-status: 12/);
  assert.match(unknown, /grpc-message: unknown method Nothing for service runtime\.v1\.RuntimeService/);
  assert.match(await nghttp2("nghttp", ["-v", `${tcp}${version}`]), /:status: 405/);
  const large = await nghttp2("nghttp", [
    "-v",
    ...headers,
    `${tcp}/runtime.v1.RuntimeService/ListContainers`,
  ]);
  assert.match(large, /recv DATA frame <length=16384[\s\S]*grpc-status: 0/);
  // Continuations, padding, and a window that the response does not fit into.
  const small = ["--continuation", "-b", "100", "-w", "10"];
  const pieces = await nghttp2("nghttp", [
    "-v",
    ...small,
    ...headers,
    `${tcp}/runtime.v1.RuntimeService/ListContainers`,
  ]);
  // nghttp prints a HEADERS frame and its continuations as one.
  const [, length] = /send HEADERS frame <length=(\d+)/.exec(pieces) ?? [];
  assert.ok(Number(length) > 16_384, length);
  assert.match(pieces, /send WINDOW_UPDATE frame[\s\S]*grpc-status: 0/);
});

interface Load {
  readonly title: string;
  readonly where: "unix" | "tcp" | "tls";
  readonly method: string;
  readonly requests: number;
  readonly clients: number;
  readonly streams: number;
}

const loads: readonly Load[] = [
  {
    title: "unix, many streams",
    where: "unix",
    method: "Version",
    requests: 20_000,
    clients: 4,
    streams: 200,
  },
  {
    title: "TCP, as many streams as allowed",
    where: "tcp",
    method: "Version",
    requests: 10_000,
    clients: 1,
    streams: 1_000,
  },
  {
    title: "TCP, one stream at a time",
    where: "tcp",
    method: "Version",
    requests: 2_000,
    clients: 2,
    streams: 1,
  },
  { title: "TLS", where: "tls", method: "Version", requests: 5_000, clients: 4, streams: 50 },
  {
    title: "large responses",
    where: "unix",
    method: "ListContainers",
    requests: 500,
    clients: 4,
    streams: 20,
  },
  { title: "errors of gRPC", where: "unix", method: "Nothing", requests: 5_000, clients: 4, streams: 50 },
];

test("h2load has no failures", { timeout: 300_000 }, async (t) => {
  const { tcp, tls, unix, headers } = await startServers(t);
  for (const { title, where, method, requests, clients, streams } of loads) {
    const origin = where === "tls" ? tls : tcp;
    const output = await nghttp2("h2load", [
      ...["-n", String(requests), "-c", String(clients), "-m", String(streams)],
      ...(where === "unix" ? unix : []),
      ...headers,
      `${origin}/runtime.v1.RuntimeService/${method}`,
    ]);
    const all = `${requests} total, ${requests} started, ${requests} done, ${requests} succeeded, 0 failed, 0 errored, 0 timeout`;
    assert.ok(output.includes(all), `${title}: ${output}`);
    assert.match(output, new RegExp(`status codes: ${requests} 2xx, 0 3xx, 0 4xx, 0 5xx`), title);
  }
});
