// grpc probes against a health server on our server kit and one on grpc-js, and tcpSocket probes.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary, type UnknownEnum } from "@bufbuild/protobuf";
import { loadPackageDefinition, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
} from "../../../gen/grpc/health/v1/health_pb.js";
import { criError, serve } from "../../../src/server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import { freePort } from "../../support/free-port.js";
import { checkLeaks } from "../../support/leaks.js";
import { within } from "../../support/waiting.js";
import { listen, probe } from "./support.js";

/** By the name of a service: its status, or the gRPC code to respond with; undefined never responds. */
const health: Readonly<
  Record<string, { readonly status: 0 | 1 | 2 | 3 | UnknownEnum } | "NOT_FOUND" | "INTERNAL" | undefined>
> = {
  "": { status: 1 },
  down: { status: 2 },
  unknown: { status: 0 },
  gone: { status: 3 },
  new: { status: 77 as UnknownEnum },
  missing: "NOT_FOUND",
  broken: "INTERNAL",
  slow: undefined,
};

/** Starts a health server on our server kit. Returns its port, and the headers of the calls. */
async function ownServer(t: TestContext, path = "/grpc.health.v1.Health/Check") {
  const calls: Readonly<Record<string, string>>[] = [];
  const port = await freePort();
  const server = await serve(`tcp://127.0.0.1:${port}`, {
    async *fallback(request, { headers, signal }, called) {
      if (called !== path) throw criError("unimplemented", `unknown service ${called}`);
      calls.push(headers);
      const { service } = fromBinary(HealthCheckRequestSchema, request);
      const answer = health[service];
      if (answer === "NOT_FOUND") throw criError("object_missing", "unknown service");
      if (answer === "INTERNAL") throw criError("malformed_response", "out of order");
      if (answer === undefined)
        return void (await new Promise((resolve) => signal.addEventListener("abort", resolve)));
      yield toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, answer));
    },
  });
  cleanup(t, () => within(5_000, server.close(), "close()"));
  return { port, calls };
}

/** Starts a health server on grpc-js. */
async function grpcJsServer(t: TestContext) {
  const proto = fileURLToPath(new URL("../../../../proto/grpc/health/v1/health.proto", import.meta.url));
  const { grpc } = loadPackageDefinition(await load(proto, { defaults: true })) as unknown as {
    grpc: { health: { v1: { Health: { service: Parameters<Server["addService"]>[0] } } } };
  };
  const server = new Server();
  server.addService(grpc.health.v1.Health.service, {
    Check(
      { request }: { request: { service: string } },
      done: (error: object | null, response?: object) => void,
    ) {
      const answer = health[request.service];
      if (typeof answer === "string") done({ code: status[answer], details: "out of order" });
      else if (answer) done(null, answer);
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
  cleanup(t, () => server.forceShutdown());
  return { port };
}

const servers = [
  { name: "our server kit", start: (t: TestContext) => ownServer(t) },
  { name: "grpc-js", start: grpcJsServer },
];

for (const { name, start } of servers)
  test(`${name}: only SERVING is a success`, async (t) => {
    checkLeaks(t);
    const { port } = await start(t);
    const check = (service?: string, timeoutMs = 5_000) =>
      probe({ grpc: { port, ...(service !== undefined && { service }) } }, { timeoutMs });
    assert.deepEqual(await check(), { result: "success", output: "service healthy" });
    assert.deepEqual(await check(""), { result: "success", output: "service healthy" });
    for (const [service, text] of [
      ["down", 'service unhealthy (responded with "NOT_SERVING")'],
      ["unknown", 'service unhealthy (responded with "UNKNOWN")'],
      ["gone", 'service unhealthy (responded with "SERVICE_UNKNOWN")'],
      ["new", 'service unhealthy (responded with "77")'],
    ] as const)
      assert.deepEqual(await check(service), { result: "failure", output: text });
    for (const service of ["missing", "broken"]) {
      const { result, output } = await check(service);
      assert.equal(result, "failure");
      assert.match(output, /^error: health rpc probe failed: /);
    }
    assert.deepEqual(await check("slow", 150), {
      result: "failure",
      output: "timeout: health rpc did not complete within 0.15s",
    });
  });

test("a grpc probe says that it is one, and goes to the pod's first address", async (t) => {
  const { port, calls } = await ownServer(t);
  await probe({ grpc: { port } }, { podIPs: ["127.0.0.1", "192.0.2.1"] });
  assert.equal(calls[0]?.["user-agent"], "kube-probe/1.37");
  assert.equal(calls[0]?.["content-type"], "application/grpc");
  const none = await failure(probe({ grpc: { port } }, { podIPs: [] }));
  assert.match(none.message, /the pod has no IP address yet/);
});

test("a server without the health service, and one that does not speak gRPC, are failures", async (t) => {
  const { port } = await ownServer(t, "/other.Service/Check");
  const { result, output } = await probe({ grpc: { port } });
  assert.equal(result, "failure");
  assert.match(
    output,
    /^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\): /,
  );
  const silent = await listen(
    t,
    createServer((socket) => socket.resume()),
  );
  const mute = await probe({ grpc: { port: silent } }, { timeoutMs: 200 });
  assert.equal(mute.result, "failure");
  assert.match(mute.output, /^timeout: .* within 0\.2s/);
});

test("a grpc probe connects until its timeout", async (t) => {
  const port = await freePort();
  const begun = performance.now();
  const refused = await probe({ grpc: { port } }, { timeoutMs: 300 });
  assert.equal(refused.result, "failure");
  assert.match(
    refused.output,
    /^timeout: failed to connect service "127\.0\.0\.1:\d+" within 0\.3s: no process is listening/,
  );
  assert.ok(performance.now() - begun >= 290);
  const late = probe({ grpc: { port } }, { timeoutMs: 5_000 });
  await new Promise((resolve) => setTimeout(resolve, 150));
  const server = await serve(`tcp://127.0.0.1:${port}`, {
    async *fallback() {
      yield toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status: 1 }));
    },
  });
  cleanup(t, () => within(5_000, server.close(), "close()"));
  assert.equal((await late).result, "success");
});

test("grpc and tcpSocket probes can be canceled", async (t) => {
  checkLeaks(t);
  const silent = await listen(
    t,
    createServer((socket) => socket.resume()),
  );
  const stop = new AbortController();
  const waiting = probe({ grpc: { port: silent } }, { signal: stop.signal });
  setTimeout(() => stop.abort(), 30);
  await within(2_000, waiting, "the probe");
  const done = await probe({ tcpSocket: { port: silent } }, { signal: stop.signal }).catch(() => undefined);
  assert.notEqual(done?.result, "success");
});

test("a tcpSocket probe succeeds when the connection opens", async (t) => {
  let connections = 0;
  const port = await listen(
    t,
    createServer((socket) => {
      connections++;
      socket.resume();
    }),
  );
  const container = { ports: [{ name: "db", containerPort: port }] };
  assert.deepEqual(await probe({ tcpSocket: { port } }), { result: "success", output: "" });
  assert.deepEqual(await probe({ tcpSocket: { port: "db" } }, { container }), {
    result: "success",
    output: "",
  });
  assert.equal((await probe({ tcpSocket: { port, host: "localhost" } }, { podIPs: [] })).result, "success");
  assert.equal(connections, 3);
  const closed = await freePort();
  assert.deepEqual(await probe({ tcpSocket: { port: closed } }), {
    result: "failure",
    output: `dial tcp 127.0.0.1:${closed}: connect: connection refused`,
  });
  assert.match(
    (await failure(probe({ tcpSocket: { port: "cache" } }, { container }))).message,
    /tcpSocket\.port: no port of container "web" has the name "cache"/,
  );
  // A server whose backlog is full does not answer: an address of a documentation network stands for it.
  const timedOut = await probe({ tcpSocket: { port: 9, host: "192.0.2.1" } }, { timeoutMs: 100 });
  assert.equal(timedOut.result, "failure");
  assert.match(timedOut.output, /^dial tcp 192\.0\.2\.1:9: (i\/o timeout|connect: .*)$/);
});

test("a probe without an action cannot be made", async () => {
  const error = await failure(probe({ periodSeconds: 1 }));
  assert.match(error.message, /a probe of container "web" has none of exec, httpGet, tcpSocket and grpc/);
});
