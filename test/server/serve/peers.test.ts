// Third-party clients: @grpc/grpc-js with proto-loader, and the gRPC transport of Connect.
import assert from "node:assert/strict";
import { connect as openSocket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import {
  type Client,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { load } from "@grpc/proto-loader";
import { type ServeOptions, serve } from "../../../src/server/index.js";
import { RuntimeService } from "../../../src/v1.js";
import { cleanup } from "../../support/cleanup.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";
import { type Scripted, scripted } from "./scripted.js";

async function setUp(t: TestContext, options?: ServeOptions): Promise<Scripted & { readonly path: string }> {
  checkLeaks(t);
  const path = join(await tempFolder(t), "cri.sock");
  const script = scripted();
  const server = await serve(path, script.services, options);
  cleanup(t, () => within(5_000, server.close(), "close()"));
  return Object.assign(script, { path });
}

interface Reply {
  readonly runtimeName: string;
  readonly version: string;
  readonly stdout: Buffer;
}
type Done = (error: ServiceError | null, reply: Reply) => void;
interface Options {
  readonly deadline?: number;
}
interface GrpcJsRuntime extends Client {
  version(request: object, metadata: Metadata, done: Done): void;
  status(request: object, done: Done): void;
  execSync(request: object, options: Options, done: Done): { cancel(): void };
  streamContainers(request: object): ClientReadableStream<{ containers: { id: string }[] }>;
  getContainerEvents(request: object): ClientReadableStream<{ containerId: string }>;
}

async function grpcJs(t: TestContext, path: string): Promise<GrpcJsRuntime> {
  const proto = fileURLToPath(new URL("../../../proto/runtime/v1/api.proto", import.meta.url));
  const { runtime } = loadPackageDefinition(await load(proto, { defaults: true })) as unknown as {
    runtime: { v1: { RuntimeService: new (...args: ConstructorParameters<typeof Client>) => GrpcJsRuntime } };
  };
  const client = new runtime.v1.RuntimeService(`unix:${path}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": 2 ** 25,
  });
  cleanup(t, () => client.close());
  return client;
}

const outcome = (call: (done: Done) => void) =>
  within(
    20_000,
    new Promise<{ readonly error: ServiceError | null; readonly reply: Reply }>((resolve) => {
      call((error, reply) => resolve({ error, reply }));
    }),
  );

test("@grpc/grpc-js: unary calls", async (t) => {
  const { path, contexts, ends } = await setUp(t);
  const client = await grpcJs(t, path);
  const metadata = new Metadata();
  metadata.set("x-trace", "abc");
  metadata.set("x-raw-bin", Buffer.from([1, 2]));
  const { reply } = await outcome((done) => client.version({ version: "asked" }, metadata, done));
  assert.deepEqual([reply.version, reply.runtimeName], ["asked", "scripted"]);
  assert.deepEqual([contexts[0]?.headers["x-trace"], contexts[0]?.headers["x-raw-bin"]], ["abc", "AQI="]);
  const exec = (cmd: string[], options: Options = {}) =>
    outcome((done) => client.execSync({ cmd }, options, done));
  const failed = await exec(["fail", "not_found"]);
  assert.deepEqual([failed.error?.code, failed.error?.details], [5, "why: not_found ü 100%\n"]);
  const missing = await outcome((done) => client.status({}, done));
  assert.deepEqual([missing.error?.code, missing.error?.details], [12, "method Status not implemented"]);
  assert.equal((await exec(["wait"], { deadline: Date.now() + 150 })).error?.code, 4);
  const canceled = await outcome((done) => {
    const call = client.execSync({ cmd: ["wait"] }, {}, done);
    setTimeout(() => call.cancel(), 100);
  });
  assert.equal(canceled.error?.code, 1);
  await until(() => ends.length === 2, "the signals of both handlers fired");
  const size = 16 * 2 ** 20 - 64;
  assert.equal((await exec(["echo", String(size)])).reply.stdout.byteLength, size);
  assert.equal((await exec(["echo", "1", "x".repeat(size)])).reply.stdout.byteLength, 1);
});

test("@grpc/grpc-js: messages over the limits", async (t) => {
  const { path } = await setUp(t, { readLimitBytes: 50_000, writeLimitBytes: 60_000 });
  const client = await grpcJs(t, path);
  const exec = (cmd: string[]) => outcome((done) => client.execSync({ cmd }, {}, done));
  const large = (await exec(["echo", "1", "x".repeat(5_000_000)])).error;
  assert.deepEqual([large?.code, large?.details], [8, "received message larger than max (50000 bytes)"]);
  const reply = (await exec(["echo", "60000"])).error;
  assert.deepEqual(
    [reply?.code, reply?.details],
    [8, "trying to send message larger than max (60004 vs. 60000)"],
  );
});

test("@grpc/grpc-js: streams", async (t) => {
  const script = await setUp(t);
  const client = await grpcJs(t, script.path);
  const ids: string[] = [];
  const failed = await within(
    8_000,
    new Promise<ServiceError>((resolve) => {
      const stream = client.streamContainers({ filter: { id: "fail" } });
      stream.on("data", ({ containers }) => ids.push(containers[0]?.id ?? ""));
      stream.on("error", (error) => resolve(error as ServiceError));
    }),
  );
  assert.deepEqual([ids, failed.code, failed.details], [["a", "b"], 10, "in the middle"]);
  const events = client.getContainerEvents({});
  events.on("error", () => undefined);
  await until(() => script.subscribers === 1, "the handler has subscribed");
  script.emit("one");
  const first = await within(
    8_000,
    new Promise<{ containerId: string }>((resolve) => events.once("data", resolve)),
  );
  assert.equal(first.containerId, "one");
  events.cancel();
  await until(() => script.subscribers === 0, "the handler's iterator was returned");
});

test("Connect's gRPC transport", async (t) => {
  const script = await setUp(t);
  const baseUrl = "http://localhost";
  const sessionManager = new Http2SessionManager(
    baseUrl,
    {},
    { createConnection: () => openSocket(script.path) },
  );
  cleanup(t, () => sessionManager.abort());
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager,
    sendCompression: compressionGzip,
    compressMinBytes: 100,
  });
  const client = createClient(RuntimeService, transport);
  assert.equal((await client.version({ version: "asked" })).version, "asked");
  assert.equal((await client.version({ version: "z".repeat(10_000) })).version.length, 10_000);
  const failure = async (call: Promise<unknown>) => {
    const error = await within(
      8_000,
      call.catch((error: unknown) => error),
    );
    assert.ok(error instanceof ConnectError, String(error));
    return [Code[error.code], error.rawMessage];
  };
  assert.deepEqual(await failure(client.execSync({ cmd: ["fail", "aborted"] })), [
    "Aborted",
    "why: aborted ü 100%\n",
  ]);
  assert.deepEqual(await failure(client.status({})), ["Unimplemented", "method Status not implemented"]);
  assert.equal(
    (await failure(client.execSync({ cmd: ["wait"] }, { timeoutMs: 100 })))[0],
    "DeadlineExceeded",
  );
  const stop = new AbortController();
  const aborted = failure(client.execSync({ cmd: ["wait"] }, { signal: stop.signal }));
  await until(() => script.contexts.at(-1)?.signal.aborted === false, "the call is in flight");
  stop.abort();
  assert.equal((await aborted)[0], "Canceled");
  const ids: string[] = [];
  for await (const { containers } of client.streamContainers({})) ids.push(...containers.map(({ id }) => id));
  assert.deepEqual(ids, ["a", "b"]);
  const unsubscribe = new AbortController();
  const stream = client.getContainerEvents({}, { signal: unsubscribe.signal })[Symbol.asyncIterator]();
  const first = stream.next();
  await until(() => script.subscribers === 1, "the handler has subscribed");
  script.emit("one");
  assert.equal((await first).value?.containerId, "one");
  unsubscribe.abort();
  await until(() => script.subscribers === 0, "the handler's iterator was returned");
});
