// The server at the level of HTTP/2: the requests of Go's clients, the responses that they require, and protocol violations.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type ServeOptions, serve } from "../../../src/server/index.js";
import { encodeEnvelope } from "../../../src/transport/index.js";
import {
  ExecSyncRequestSchema,
  ListContainersRequestSchema,
  VersionRequestSchema,
  VersionResponseSchema,
} from "../../../src/v1.js";
import { cleanup } from "../../support/cleanup.js";
import * as h2 from "../../support/frames.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";
import { ask, FrameClient, goHeaders, type RawResponse, rawSession } from "./raw-client.js";
import { scripted } from "./scripted.js";

async function setUp(t: TestContext, options?: ServeOptions) {
  checkLeaks(t);
  const path = join(await tempFolder(t), "cri.sock");
  const script = scripted();
  const server = await serve(path, script.services, options);
  cleanup(t, () => within(5_000, server.close(), "close()"));
  return { path, server, ...script, session: rawSession(t, path) };
}

const versionRequest = encodeEnvelope(
  toBinary(VersionRequestSchema, create(VersionRequestSchema, { version: "asked" })),
  100,
);
const execPath = "/runtime.v1.RuntimeService/ExecSync";
const exec = (init: MessageInitShape<typeof ExecSyncRequestSchema>) =>
  encodeEnvelope(toBinary(ExecSyncRequestSchema, create(ExecSyncRequestSchema, init)), 2 ** 30);

function assertOk({ headers, trailers, body }: RawResponse): void {
  assert.equal(headers[":status"], 200);
  assert.deepEqual(trailers?.["grpc-status"], "0");
  assert.equal(body[0], 0);
  assert.equal(body.readUInt32BE(1), body.byteLength - 5);
  assert.equal(fromBinary(VersionResponseSchema, body.subarray(5)).version, "asked");
}

/** Returns the status of a response that consists of headers only. */
function statusOf({ headers, trailers, body }: RawResponse): [string, string] {
  assert.equal(headers[":status"], 200);
  assert.equal(trailers, undefined, "trailers after headers, not in them");
  assert.equal(body.byteLength, 0);
  assert.match(headers["content-type"] ?? "", /^application\/grpc/);
  return [String(headers["grpc-status"]), decodeURIComponent(String(headers["grpc-message"]))];
}

test("content types, and headers that clients send or omit", async (t) => {
  const { session } = await setUp(t);
  for (const [type, answered] of [
    ["application/grpc", "application/grpc"],
    ["application/grpc+proto", "application/grpc+proto"],
    ["application/grpc;charset=utf-8", "application/grpc"],
    ["application/grpc+proto; charset=utf-8", "application/grpc+proto"],
    ["Application/GRPC", "application/grpc"],
  ] as const) {
    const response = await ask(session, { "content-type": type }, [versionRequest]);
    assertOk(response);
    assert.equal(response.headers["content-type"], answered);
    assert.match(String(response.headers["grpc-accept-encoding"]), /gzip/);
  }
  for (const headers of [
    { te: undefined },
    { "user-agent": undefined },
    { ":authority": "%2Frun%2Fx.sock" },
    { "grpc-accept-encoding": "gzip,snappy", "grpc-encoding": "identity" },
    { "content-length": String(versionRequest.byteLength) },
    { "grpc-timeout": "not a timeout" },
    { "x-bytes-bin": "AAEC", "grpc-trace-bin": "AA" },
  ])
    assertOk(await ask(session, headers, [versionRequest]));
});

test("requests that are not gRPC: other methods and content types", async (t) => {
  const { session } = await setUp(t);
  for (const method of ["GET", "HEAD", "PUT", "OPTIONS"]) {
    const { headers, code } = await ask(session, { ":method": method }, []);
    assert.deepEqual([headers[":status"], headers.allow, code], [405, "POST", 0]);
  }
  for (const type of [
    undefined,
    "application/json",
    "application/grpc-web",
    "application/grpc+json",
    "text/plain",
  ]) {
    const body = Buffer.alloc(1_000_000);
    const { headers, code } = await ask(session, { "content-type": type }, [body]);
    assert.deepEqual([headers[":status"], code], [415, 0], type);
  }
  assertOk(await ask(session, {}, [versionRequest]));
});

test("unknown services and methods fail with grpc-go's text", async (t) => {
  const { session } = await setUp(t);
  for (const [path, text] of [
    ["/runtime.v1.RuntimeService/Nothing", "unknown method Nothing for service runtime.v1.RuntimeService"],
    ["/runtime.v1alpha2.RuntimeService/Version", "unknown service runtime.v1alpha2.RuntimeService"],
    ["/grpc.health.v1.Health/Check", "unknown service grpc.health.v1.Health"],
    ["/a/b/c", "unknown service a/b"],
    ["/Version", 'malformed method name: "/Version"'],
    ["/", 'malformed method name: "/"'],
    [
      "/runtime.v1.RuntimeService/Version?x",
      "unknown method Version?x for service runtime.v1.RuntimeService",
    ],
  ] as const)
    assert.deepEqual(statusOf(await ask(session, { ":path": path })), ["12", text]);
});

test("errors are sent in headers only, escaped, and truncated to what clients accept", async (t) => {
  const { session } = await setUp(t);
  const failed = await ask(session, { ":path": execPath }, [
    exec({ cmd: ["throw", "ü % \n \u{1f600} \ud800."] }),
  ]);
  assert.equal(failed.headers["grpc-message"], "%C3%BC %25 %0A %F0%9F%98%80 %EF%BF%BD.");
  for (const letter of ["x", "ü", "\u{1f600}"]) {
    const [status, text] = statusOf(
      await ask(session, { ":path": execPath }, [exec({ cmd: ["throw", letter.repeat(100_000)] })]),
    );
    assert.equal(status, "2");
    assert.match(text, new RegExp(`^(?:${letter})+\ufffd?\\.\\.\\.$`, "u"));
    assert.ok(text.length > 800, String(text.length));
  }
});

test("grpc-timeout in every unit", async (t) => {
  const { session, contexts } = await setUp(t);
  const remainingMsOf = async (timeout: string) => {
    const before = Date.now();
    await ask(session, { "grpc-timeout": timeout }, [versionRequest]);
    return (contexts.at(-1)?.deadline?.getTime() ?? Number.NaN) - before;
  };
  for (const [timeout, ms] of [
    ["2H", 7_200_000],
    ["3M", 180_000],
    ["60S", 60_000],
    ["99999999m", 99_999_999],
    ["99999999u", 99_999],
    ["99999999H", 359_999_996_400_000],
  ] as const) {
    const remainingMs = await remainingMsOf(timeout);
    assert.ok(remainingMs >= ms - 5 && remainingMs < ms + 5_000, `${timeout}: ${remainingMs}`);
  }
  for (const timeout of ["20m", "20000u", "20000000n", "0n", "0S"]) {
    const response = await ask(session, { ":path": execPath, "grpc-timeout": timeout }, [
      exec({ cmd: ["wait"] }),
    ]);
    assert.equal(statusOf(response)[0], "4", timeout);
  }
});

test("deadlines pass also after a test has replaced the timers of a call", async (t) => {
  const { session } = await setUp(t);
  const answer = ask(session, { "grpc-timeout": "1S" }, [versionRequest]);
  t.mock.timers.enable({ apis: ["setImmediate"] });
  assertOk(await answer);
  t.mock.timers.reset();
  const headers = { ":path": execPath, "grpc-timeout": "20m" };
  assert.equal(statusOf(await ask(session, headers, [exec({ cmd: ["wait"] })]))[0], "4");
});

test("compressed requests: gzip is accepted, others are refused", async (t) => {
  const { session } = await setUp(t, { readLimitBytes: 2 ** 20 });
  const packed = (message: Uint8Array) => {
    const frame = encodeEnvelope(gzipSync(message), 2 ** 30);
    frame[0] = 1;
    return frame;
  };
  const gzip = { "grpc-encoding": "gzip" };
  assertOk(await ask(session, gzip, [packed(versionRequest.subarray(5))]));
  assertOk(await ask(session, gzip, [versionRequest]));
  const bomb = await ask(session, gzip, [packed(Buffer.alloc(2 ** 20 + 1))]);
  assert.deepEqual(statusOf(bomb), ["8", "received message larger than max (1048576 bytes)"]);
  const [snappy, snappyText] = statusOf(await ask(session, { "grpc-encoding": "snappy" }, [versionRequest]));
  assert.deepEqual([snappy, snappyText], ["12", "grpc-encoding: the compression snappy is not supported"]);
  const unsaid = await ask(session, {}, [packed(versionRequest.subarray(5))]);
  assert.equal(statusOf(unsaid)[0], "13");
  const broken = Buffer.concat([Buffer.from([1, 0, 0, 0, 3]), Buffer.from("abc")]);
  assert.equal(statusOf(await ask(session, gzip, [broken]))[0], "13");
});

test("requests in small pieces, with no message, two, a partial one, and invalid protobuf", async (t) => {
  const { session, path } = await setUp(t);
  assertOk(
    await ask(
      session,
      {},
      [...versionRequest].map((byte) => Buffer.from([byte])),
    ),
  );
  assertOk(await ask(session, {}, [versionRequest.subarray(0, 3), versionRequest.subarray(3)]));
  for (const [chunks, text] of [
    [[], /the request has no message/],
    [[versionRequest, versionRequest], /the request has more than one message/],
    [[versionRequest.subarray(0, 7)], /ended within its message/],
    [[versionRequest.subarray(0, 2)], /ended within its message/],
    [[versionRequest, Buffer.from([0, 0])], /ended within its message/],
    [[Buffer.from([7, 0, 0, 0, 1, 0])], /unknown flag 7/],
    [[Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff])], /the request is not a valid runtime.v1.VersionRequest/],
  ] as const) {
    const [status, message] = statusOf(await ask(session, {}, chunks));
    assert.equal(status, "13");
    assert.match(message, text);
  }
  // Empty DATA frames, with a separate END_STREAM.
  const client = new FrameClient(t, path);
  client.greet();
  client.send(
    h2.headers(1, goHeaders),
    h2.data(1, Buffer.alloc(0)),
    h2.data(1, versionRequest),
    h2.data(1, Buffer.alloc(0), true),
  );
  await client.seen("headers", 2);
  assert.equal(client.of("rst").length, 0);
});

test("messages over the limits are refused in both directions", async (t) => {
  const { session, server } = await setUp(t, { readLimitBytes: 100_000, writeLimitBytes: 50_000 });
  // Larger than all windows together: the server does not read the rest.
  const large = await ask(session, { ":path": execPath }, [
    exec({ cmd: ["echo", "0", "x".repeat(2 ** 25)] }),
  ]);
  assert.deepEqual(statusOf(large), ["8", "received message larger than max (100000 bytes)"]);
  assert.equal(large.code, 0);
  const response = await ask(session, { ":path": execPath }, [exec({ cmd: ["echo", "50000"] })]);
  assert.deepEqual(statusOf(response), ["8", "trying to send message larger than max (50004 vs. 50000)"]);
  assertOk(await ask(session, {}, [versionRequest]));
  await until(() => server.calls === 0, "no call is in flight");
});

test("a reset and a lost connection fire the signal; the server continues", async (t) => {
  const { session, path, ends, contexts, server } = await setUp(t);
  const client = new FrameClient(t, path);
  client.greet();
  const request = exec({ cmd: ["wait"] });
  client.send(h2.headers(1, { ...goHeaders, ":path": execPath }), h2.data(1, request, true));
  client.send(h2.headers(3, { ...goHeaders, ":path": execPath }), h2.data(3, request, true));
  await until(() => contexts.length === 2, "both calls are in flight");
  client.send(h2.rstStream(1, 8));
  await until(() => ends.length === 1, "the reset fires the signal");
  client.socket.destroy();
  await until(() => ends.length === 2, "the connection loss fires the signal");
  assert.deepEqual(ends, ["aborted_by_caller", "aborted_by_caller"]);
  // A request that is reset before its end does not reach a handler.
  const other = new FrameClient(t, path);
  other.greet();
  other.send(
    h2.headers(1, { ...goHeaders, ":path": execPath }),
    h2.data(1, request.subarray(0, 6)),
    h2.rstStream(1, 8),
  );
  assertOk(await ask(session, {}, [versionRequest]));
  other.socket.destroy();
  await until(() => server.calls === 0 && server.connections === 1, "no call is in flight");
  assert.equal(ends.length, 2);
});

test("a client that stops reading pauses its handler, and a reset releases it", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "cri.sock");
  let made = 0;
  let returned = false;
  const piece = { containers: [{ id: "x".repeat(100_000) }] };
  const server = await serve(path, {
    runtime: {
      async *streamContainers() {
        try {
          for (; made < 10_000; made++) yield piece;
        } finally {
          returned = true;
        }
      },
    },
  });
  cleanup(t, () => within(5_000, server.close(), "close()"));
  const client = new FrameClient(t, path);
  client.greet();
  const body = encodeEnvelope(toBinary(ListContainersRequestSchema, create(ListContainersRequestSchema)), 9);
  client.send(
    h2.headers(1, { ...goHeaders, ":path": "/runtime.v1.RuntimeService/StreamContainers" }),
    h2.data(1, body, true),
  );
  await client.seen("data");
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.ok(made < 20, `${made} messages of 100 kB were made for a window of 64 KiB`);
  client.send(h2.rstStream(1, 8));
  await until(() => returned, "the handler's iterator was returned");
  await until(() => server.calls === 0, "the call has ended");
});

test("garbage, HTTP/1 and invalid HTTP/2 end only their own connection", async (t) => {
  const { session, path, server } = await setUp(t);
  for (const text of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "garbage".repeat(100), "\0".repeat(64)]) {
    const client = new FrameClient(t, path);
    client.socket.write(text);
    await client.gone();
  }
  const broken = new FrameClient(t, path);
  broken.greet();
  broken.send(h2.frame(h2.frameType.headers, 4, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])));
  await broken.seen("goaway");
  broken.socket.destroy();
  const cutOff = new FrameClient(t, path);
  cutOff.socket.write("PRI * HTTP/2.0\r\n");
  await until(() => server.connections === 2, "the connection is open");
  cutOff.socket.destroy();
  assertOk(await ask(session, {}, [versionRequest]));
  // Node does not detect that the client of the broken connection closed it.
  await until(() => server.connections <= 2, "the other connections are closed");
});

test("a client that does not acknowledge pings is disconnected", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { session, path, server } = await setUp(t);
  const broken = new FrameClient(t, path);
  broken.greet();
  broken.send(h2.frame(h2.frameType.headers, 4, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])));
  await broken.seen("goaway");
  const silent = new FrameClient(t, path);
  silent.greet();
  await silent.seen("settings");
  // Newer releases of Node close the connection of the one that violated HTTP/2 by themselves.
  assert.ok(server.connections >= 2);
  t.mock.timers.tick(300_000);
  await silent.seen("ping");
  assertOk(await ask(session, {}, [versionRequest]));
  t.mock.timers.tick(300_000);
  await silent.gone();
  await until(() => server.connections === 1, "only the responsive connection is open");
  assertOk(await ask(session, {}, [versionRequest]));
});
