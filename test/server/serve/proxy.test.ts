import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { CriError, connect, isCriError, type RpcTransport } from "../../../src/index.js";
import {
  memoryTransport,
  type ObservedCall,
  type ProxyOptions,
  type ProxyOverrides,
  proxy,
  type Services,
  serve,
} from "../../../src/server/index.js";
import { encodeEnvelope } from "../../../src/transport/index.js";
import { RuntimeService, VersionRequestSchema, VersionResponseSchema } from "../../../src/v1.js";
import { collect, connectFailure, one, transportTo, version } from "../../support/calls.js";
import { cleanup } from "../../support/cleanup.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";
import { ask, rawSession } from "./raw-client.js";
import { scripted } from "./scripted.js";

const { method } = RuntimeService;

interface Chain {
  readonly path: string;
  readonly client: RpcTransport;
  readonly upstreamPath: string;
  readonly calls: ObservedCall[];
}

/** Starts an upstream and a proxy on socket files, and returns a client of the proxy. */
async function chain(
  t: TestContext,
  services: Services,
  overrides: ProxyOverrides = {},
  options: ProxyOptions = {},
): Promise<Chain> {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const [path, upstreamPath] = [join(folder, "proxy.sock"), join(folder, "upstream.sock")];
  const calls: ObservedCall[] = [];
  const upstream = await serve(upstreamPath, services);
  cleanup(t, () => within(5_000, upstream.close()));
  const onward = transportTo(t, upstreamPath, { connectAttempts: 1 });
  const server = await serve(
    path,
    proxy(onward, overrides, { observe: (call) => calls.push(call), ...options }),
  );
  cleanup(t, () => within(5_000, server.close()));
  return { path, upstreamPath, calls, client: transportTo(t, path) };
}

const exec = (client: RpcTransport, cmd: string[], timeoutMs?: number) =>
  client.unary(method.execSync, undefined, timeoutMs, undefined, { cmd });

/** Field 999 with three bytes. */
const unknownField = Buffer.from([0xba, 0x3e, 3, 7, 8, 9]);

test("unknown fields are forwarded in both directions, also by an override that changes other fields", async (t) => {
  const asked: Buffer[] = [];
  const { path } = await chain(
    t,
    {
      async *fallback(request, _, path) {
        asked.push(Buffer.from(request));
        yield path.endsWith("/Version")
          ? Buffer.concat([Buffer.from([0x12, 1, 0x78]), unknownField])
          : unknownField;
      },
    },
    {
      runtime: {
        status: async (request, _, next) => {
          const response = await next({ ...request, verbose: false });
          return { ...response, info: { seen: "yes" } };
        },
      },
    },
  );
  const session = rawSession(t, path);
  const call = async (name: string, request: Buffer) => {
    const { body, trailers, headers } = await ask(
      session,
      { ":path": `/runtime.v1.RuntimeService/${name}` },
      [encodeEnvelope(request, 1_000)],
    );
    assert.equal(trailers?.["grpc-status"], "0", String(headers["grpc-message"]));
    return body.subarray(5);
  };
  const request = Buffer.concat([Buffer.from([0x0a, 1, 0x61]), unknownField]);
  const response = await call("Version", request);
  assert.deepEqual(asked.pop(), request);
  assert.deepEqual(response, Buffer.concat([Buffer.from([0x12, 1, 0x78]), unknownField]));
  const changed = await call("Status", Buffer.concat([Buffer.from([0x08, 1]), unknownField]));
  assert.deepEqual(asked.pop(), unknownField);
  assert.ok(changed.includes(unknownField) && changed.includes(Buffer.from("seen")));
  // The proxy passes the bytes on in their order, without decoding them.
  const raw = Buffer.concat([
    unknownField,
    Buffer.from([0x08, 5]),
    unknownField,
    Buffer.from([0x15, 1, 2, 3, 4]),
  ]);
  await call("SomethingNew", raw);
  assert.deepEqual(asked.pop(), raw);
});

test("RPCs and services that the schema does not contain are forwarded", async (t) => {
  const paths: string[] = [];
  const { path, calls } = await chain(t, {
    runtime: { version: () => ({}) },
    async *fallback(request, context, name) {
      paths.push(`${name} ${context.method} ${context.headers["x-trace"]}`);
      if (name.endsWith("Fail"))
        throw new CriError({ code: "data_loss", reason: "runtime_error", rawMessage: "no such thing" });
      for (let n = 0; n < (name.endsWith("Many") ? 3 : 1); n++) yield request;
    },
  });
  const session = rawSession(t, path);
  const call = (name: string) =>
    ask(session, { ":path": name, "x-trace": "abc" }, [encodeEnvelope(unknownField, 99)]);
  assert.deepEqual((await call("/runtime.v1.RuntimeService/New")).body.subarray(5), unknownField);
  assert.equal(
    (await call("/grpc.health.v1.Health/Many")).body.byteLength,
    3 * (5 + unknownField.byteLength),
  );
  const failed = await call("/runtime.v2.RuntimeService/Fail");
  assert.equal((failed.trailers ?? failed.headers)["grpc-status"], "15");
  assert.equal((failed.trailers ?? failed.headers)["grpc-message"], "no such thing");
  assert.deepEqual(paths, [
    "/runtime.v1.RuntimeService/New New abc",
    "/grpc.health.v1.Health/Many Many abc",
    "/runtime.v2.RuntimeService/Fail Fail abc",
  ]);
  assert.deepEqual(
    calls.map(({ method, messages, error }) => `${method} ${messages} ${error?.code}`),
    [
      "/runtime.v1.RuntimeService/New 1 undefined",
      "/grpc.health.v1.Health/Many 3 undefined",
      "/runtime.v2.RuntimeService/Fail 0 data_loss",
    ],
  );
});

test("deadline, cancellation and metadata are forwarded, connection headers are not", async (t) => {
  const script = scripted();
  const { client } = await chain(t, script.services);
  await version(client, { headers: { "x-trace": "abc", "user-agent": "kubelet/1.37" }, timeoutMs: 30_000 });
  const context = script.contexts.at(-1);
  assert.equal(context?.headers["x-trace"], "abc");
  assert.equal(context.headers["user-agent"], "kubelet/1.37");
  const remainingMs = (context.deadline?.getTime() ?? 0) - Date.now();
  assert.ok(remainingMs > 20_000 && remainingMs <= 30_000, String(remainingMs));
  assert.equal((await connectFailure(exec(client, ["wait"], 150))).code, "deadline_exceeded");
  await until(() => script.ends.length === 1, "the deadline arrives upstream");
});

test("overrides deny, change, replace, repeat and catch calls; `this` is their object", async (t) => {
  const script = scripted();
  const overrides = {
    runtime: {
      denied: "no",
      async execSync(request, _, next) {
        switch (request.cmd[0]) {
          case "deny":
            throw new CriError({
              code: "permission_denied",
              reason: "runtime_error",
              rawMessage: this.denied,
            });
          case "twice": {
            const responses = [
              await next({ cmd: ["echo", "1"] }),
              await next({ ...request, cmd: ["echo", "2"] }),
            ];
            return { stdout: Buffer.concat(responses.map(({ stdout }) => stdout)) };
          }
          case "catch":
            return next({ cmd: ["fail", "not_found"] }).catch((error: unknown) => {
              assert.ok(isCriError(error));
              return { exitCode: 1, stderr: Buffer.from(`${error.method} ${error.code}`) };
            });
          default:
            return next();
        }
      },
      version: () => toBinary(VersionResponseSchema, create(VersionResponseSchema, { version: "bytes" })),
      async *streamContainers(_request, _context, next) {
        yield { containers: [{ id: "first" }] };
        for await (const message of next({ filter: { id: "wait" } })) {
          yield message;
          // Stops reading the upstream's stream, which must be cancelled although the call continues.
          break;
        }
        yield { containers: [{ id: "last" }] };
        await until(() => script.ends.length === 1, "the upstream's stream was cancelled");
      },
    },
  } satisfies ProxyOverrides & { runtime: { denied: string } };
  const { client, calls } = await chain(t, script.services, overrides);
  const denied = await connectFailure(exec(client, ["deny"]));
  assert.deepEqual([denied.code, denied.rawMessage], ["permission_denied", "no"]);
  assert.equal((await exec(client, ["twice"])).message.stdout.byteLength, 3);
  const caught = (await exec(client, ["catch"])).message;
  assert.deepEqual([caught.exitCode, String(Buffer.from(caught.stderr))], [1, "ExecSync not_found"]);
  assert.equal((await exec(client, ["echo", "5"])).message.stdout.byteLength, 5);
  assert.equal((await version(client)).message.version, "bytes");
  const { message } = await client.stream(method.streamContainers, undefined, undefined, undefined, one({}));
  const ids = (await collect(message)).map(({ containers }) => containers[0]?.id);
  assert.deepEqual(ids, ["first", "a", "last"]);
  const [first] = calls;
  assert.ok(
    first?.method === "ExecSync" && first.request.cmd[0] === "deny" && first.error?.rawMessage === "no",
  );
  const answered = calls.find((call) => call.method === "Version");
  assert.ok(answered?.method === "Version" && answered.response?.version === "bytes");
  const streamed = calls.find(({ method }) => method === "StreamContainers");
  assert.deepEqual([streamed?.messages, streamed?.response, streamed?.error], [3, undefined, undefined]);
  assert.ok(calls.every(({ peer, durationMs }) => /^unix:\d+$/.test(peer) && durationMs >= 0));
});

test("an observer gets canceled calls, and may throw", async (t) => {
  const script = scripted();
  const seen: string[] = [];
  const observe = ({ method, error, messages }: ObservedCall) => {
    seen.push(`${method} ${error?.code} ${messages}`);
    if (seen.length % 2 === 0) throw new Error("from an observer");
    return Promise.reject(new Error("from an observer, later"));
  };
  const { client } = await chain(t, script.services, {}, { observe });
  await version(client);
  await version(client);
  const stop = new AbortController();
  const call = connectFailure(
    client.unary(method.execSync, stop.signal, undefined, undefined, { cmd: ["wait"] }),
  );
  await until(() => script.contexts.length === 3, "the call is in flight");
  stop.abort();
  assert.equal((await call).code, "canceled");
  const { message } = await client.stream(
    method.streamContainers,
    undefined,
    undefined,
    undefined,
    one({ filter: { id: "wait" } }),
  );
  for await (const _ of message) break;
  await until(() => seen.length === 4, "the proxy has seen all four calls");
  assert.deepEqual(seen.slice(0, 3), ["Version undefined 1", "Version undefined 1", "ExecSync canceled 0"]);
  assert.match(seen[3] ?? "", /^StreamContainers canceled [12]$/);
});

test("rewriteUrl changes the upstream's URLs, for clients and overrides", async (t) => {
  const url = (name: string) => () => ({ url: `http://upstream/${name}` });
  const services = { runtime: { exec: url("exec"), attach: url("attach"), portForward: url("portForward") } };
  let seen = "";
  const overrides: ProxyOverrides = {
    runtime: {
      async exec(_, __, next) {
        const response = await next();
        seen = response.url;
        return response;
      },
      portForward: () => ({ url: "http://own/" }),
    },
  };
  const rewriteUrl: ProxyOptions["rewriteUrl"] = (text, method) => {
    if (method === "Attach") throw new Error("no attaching");
    return `${text}?by=${method}`;
  };
  const cri = connect.through({
    transport: (await chain(t, services, overrides, { rewriteUrl })).client,
    preflight: false,
    normalize: false,
  });
  assert.equal((await cri.runtime.exec({ cmd: ["x"], stdout: true })).url, "http://upstream/exec?by=Exec");
  assert.equal(seen, "http://upstream/exec?by=Exec");
  assert.equal((await cri.runtime.portForward({})).url, "http://own/");
  const refused = await connectFailure(
    (await chain(t, services, {}, { rewriteUrl })).client.unary(
      method.attach,
      undefined,
      undefined,
      undefined,
      {},
    ),
  );
  assert.deepEqual([refused.code, refused.rawMessage], ["unknown", "no attaching"]);
  const untouched = (await chain(t, services)).client;
  const { message } = await untouched.unary(method.exec, undefined, undefined, undefined, {});
  assert.equal(message.url, "http://upstream/exec");
});

test("an upstream that is missing, dies, and restarts", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const upstreamPath = join(folder, "upstream.sock");
  const onward = transportTo(t, upstreamPath, { connectAttempts: 1 });
  const server = await serve(join(folder, "proxy.sock"), proxy(onward));
  cleanup(t, () => within(5_000, server.close()));
  const client = transportTo(t, server.endpoint);
  const absent = await connectFailure(version(client));
  assert.equal(absent.code, "unavailable");
  assert.match(absent.rawMessage, /ENOENT|no socket|upstream\.sock/i);
  const script = scripted();
  const upstream = await serve(upstreamPath, script.services);
  await until(
    () =>
      version(client).then(
        () => true,
        () => false,
      ),
    "it is found",
  );
  const waiting = connectFailure(exec(client, ["wait"]));
  await until(() => script.contexts.some(({ method }) => method === "ExecSync"), "the call is in flight");
  await upstream.close();
  const died = await waiting;
  assert.deepEqual([died.code, died.rawMessage], ["unavailable", "the server was closed"]);
});

test("two upstreams form one server", async () => {
  const images = memoryTransport({ image: { listImages: () => ({ images: [{ id: "i" }] }) } });
  const runtime = memoryTransport({ runtime: { version: () => ({ version: "r" }) } });
  const cri = connect.through({
    transport: memoryTransport({ ...proxy(runtime), image: proxy(images).image }),
    normalize: false,
  });
  assert.equal((await cri.runtime.version({})).version, "r");
  assert.equal((await cri.image.listImages({})).images[0]?.id, "i");
});

test("the client's request and the forwarded one share no objects", async () => {
  let got = "";
  const upstream = memoryTransport({
    runtime: {
      version: ({ version }) => {
        got = version;
        return {};
      },
    },
  });
  const through = memoryTransport(
    proxy(upstream, {
      runtime: {
        version(request, _, next) {
          request.version = "changed in place";
          return next();
        },
      },
    }),
  );
  const request = create(VersionRequestSchema, { version: "mine" });
  await through.unary(method.version, undefined, undefined, undefined, request);
  assert.deepEqual([request.version, got], ["mine", "changed in place"]);
});
