// What clients can take from a server: memory, calls, connections. Everything is sent as frames on sockets.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "../../../src/index.js";
import { type ServeOptions, serve } from "../../../src/server/index.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import * as h2 from "../../support/frames.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";
import { FrameClient, goHeaders } from "./raw-client.js";
import { scripted } from "./scripted.js";

async function setUp(t: TestContext, options?: ServeOptions) {
  const path = join(await tempFolder(t), "cri.sock");
  const server = await serve(path, scripted().services, options);
  cleanup(t, () => within(10_000, server.close(), "close()"));
  return { path, server };
}

async function greeted(t: TestContext, path: string): Promise<FrameClient> {
  const client = new FrameClient(t, path);
  client.greet();
  await client.seen("settings");
  return client;
}

const request = (streamId: number, end = false) => h2.headers(streamId, goHeaders, end);
/** gRPC's prefix of a message with this many bytes. */
const prefix = (bytes: number) => Buffer.concat([Buffer.alloc(1), h2.uint32(bytes)]);
const emptyMessage = prefix(0);
const mebibyte = 2 ** 20;

/** The streams that got a response, or were reset. */
const settled = (client: FrameClient) =>
  new Set([...client.of("headers"), ...client.of("rst")].map(({ streamId }) => streamId)).size;

async function respondsTo(t: TestContext, path: string): Promise<void> {
  const client = await greeted(t, path);
  client.send(request(1), h2.data(1, emptyMessage, true));
  await client.seen("headers");
  client.socket.destroy();
}

test("a request takes the memory that has arrived, not the memory that its prefix announces", async (t) => {
  const { path, server } = await setUp(t);
  const client = await greeted(t, path);
  const before = process.memoryUsage().arrayBuffers;
  for (let call = 0; call < 500; call++)
    client.send(
      request(1 + 2 * call),
      h2.data(1 + 2 * call, Buffer.concat([prefix(16 * mebibyte), Buffer.alloc(1)])),
    );
  await until(() => server.calls === 500, "500 calls are in flight");
  await respondsTo(t, path);
  const taken = process.memoryUsage().arrayBuffers - before;
  assert.ok(taken < 64 * mebibyte, `${Math.round(taken / mebibyte)} MiB`);
});

test("the requests that arrive at the same time have a limit of memory, and release it", async (t) => {
  const { path } = await setUp(t, { requestBufferLimitBytes: 100_000 });
  for (let round = 0; round < 3; round++) {
    const client = await greeted(t, path);
    const part = Buffer.concat([prefix(60_000), Buffer.alloc(40_000)]);
    client.send(request(1), h2.data(1, part), request(3), h2.data(3, part.subarray(0, 20_000)));
    client.send(request(5), h2.data(5, emptyMessage, true));
    // The last one has arrived completely, so it needs no buffer.
    await until(
      () => client.of("headers").some(({ streamId }) => streamId === 5),
      "the small call has a response",
    );
    client.send(request(7), h2.data(7, part), request(9), h2.data(9, part));
    await until(
      () => client.of("headers").some(({ streamId, payload }) => streamId > 5 && payload.includes("8")),
      "a call fails with resource_exhausted",
    );
    client.socket.destroy();
  }
});

test("calls have a limit per connection, which clients learn; calls above it are refused, and the others are not affected", async (t) => {
  const { path, server } = await setUp(t, { callLimit: 5 });
  const client = await greeted(t, path);
  const [settings] = client.of("settings");
  const maxConcurrentStreams = 3;
  const values = Array.from({ length: (settings?.payload.byteLength ?? 0) / 6 }, (_, at) => [
    settings?.payload.readUInt16BE(6 * at),
    settings?.payload.readUInt32BE(6 * at + 2),
  ]);
  assert.equal(new Map(values as [number, number][]).get(maxConcurrentStreams), 5);
  for (let call = 0; call < 5; call++) client.send(request(1 + 2 * call));
  await until(() => server.calls === 5, "five calls are in flight");
  client.send(request(11));
  await until(() => client.closed || settled(client) > 0 || client.of("goaway").length > 0, "it is refused");
  assert.ok(server.calls <= 5);
  await respondsTo(t, path);
  // A client that obeys queues its calls.
  await using cri = await connect(path);
  const calls = Array.from({ length: 50 }, () => cri.runtime.version());
  assert.equal((await within(20_000, Promise.all(calls), "fifty calls")).length, 50);
});

test("connections have a limit; further ones are closed at once, until another one leaves", async (t) => {
  const { path, server } = await setUp(t, { connectionLimit: 2 });
  const first = await greeted(t, path);
  const second = await greeted(t, path);
  const third = new FrameClient(t, path);
  third.greet();
  await third.gone();
  assert.equal((await failure(connect(path))).code, "unavailable");
  for (const client of [first, second]) {
    client.send(request(1), h2.data(1, emptyMessage, true));
    await client.seen("headers");
  }
  first.socket.destroy();
  await until(() => server.connections === 1, "one left");
  await respondsTo(t, path);
});

test("a connection without HTTP/2 SETTINGS is closed after the handshake's time, and others are not", async (t) => {
  const { path } = await setUp(t, { handshakeTimeoutMs: 300 });
  const good = await greeted(t, path);
  const silent = new FrameClient(t, path);
  const slow = new FrameClient(t, path);
  slow.socket.write("PRI * HTTP/2.0\r\n");
  await Promise.all([silent.gone(), slow.gone()]);
  good.send(request(1), h2.data(1, emptyMessage, true));
  await good.seen("headers");
});

test("a client that sends its socket's path as the authority, as early versions of grpc-go do", async (t) => {
  const { path } = await setUp(t);
  const client = await greeted(t, path);
  client.send(h2.headers(1, { ...goHeaders, ":authority": path }, false), h2.data(1, emptyMessage, true));
  await client.seen("headers", 2);
  assert.deepEqual(client.of("rst"), []);
});

test("limits are validated", async (t) => {
  const path = join(await tempFolder(t), "cri.sock");
  for (const name of [
    ...["requestBufferLimitBytes", "responseBufferLimitBytes", "callLimit", "connectionLimit"],
    "handshakeTimeoutMs",
  ])
    for (const value of [0, -1, 1.5, Number.NaN, "5", 2 ** 31]) {
      const error = await failure(serve(path, {}, { [name]: value } as ServeOptions));
      assert.equal(error.reason, "invalid_option", `${name}: ${value}`);
      assert.match(error.rawMessage, new RegExp(`^serve: ${name} must be`));
    }
});

/** Frames that violate HTTP/2. */
const violations: Readonly<Record<string, Uint8Array>> = {
  "data on an idle stream": h2.data(101, Buffer.alloc(5)),
  "data on two idle streams": Buffer.concat([h2.data(101, Buffer.alloc(0)), h2.data(103, Buffer.alloc(5))]),
  "a reset of an idle stream": h2.rstStream(105, 1),
  "two resets of idle streams": Buffer.concat([h2.rstStream(105, 1), h2.rstStream(107, 1)]),
  "a request on an even stream": h2.headers(2, goHeaders, true),
  "a window that overflows": h2.windowUpdate(0, 0x7fffffff),
  "a window update of zero": h2.windowUpdate(0, 0),
  "CONTINUATION without HEADERS": h2.frame(h2.frameType.continuation, 4, 1, Buffer.alloc(3)),
  "a PING of a wrong length": h2.frame(h2.frameType.ping, 0, 0, Buffer.alloc(3)),
  "a push": h2.frame(5, 4, 1, Buffer.alloc(8)),
  "SETTINGS on a stream": h2.frame(h2.frameType.settings, 0, 5, Buffer.alloc(6)),
  "a header block that cannot be decoded": h2.frame(h2.frameType.headers, 4, 101, Buffer.alloc(6, 0xff)),
  "a frame that is too long": Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
};
const more = Buffer.concat([
  h2.frame(h2.frameType.ping, 0, 0, Buffer.alloc(8)),
  h2.settings(),
  h2.windowUpdate(0, 1),
]);

for (const [when, hangUp] of [
  ["at once", async () => undefined],
  ["after the GOAWAY", (client: FrameClient) => Promise.race([client.seen("goaway"), client.gone()])],
] as const)
  test(`a client that violates HTTP/2 and hangs up ${when} leaves no connection`, async (t) => {
    const { path, server } = await setUp(t);
    for (const [what, frames] of Object.entries(violations))
      for (const before of [
        Buffer.alloc(0),
        request(1),
        Buffer.concat([request(1), h2.data(1, emptyMessage, true)]),
      ]) {
        const client = await greeted(t, path);
        // In one write, so that the request and the violation arrive together.
        client.send(before, frames, more);
        await hangUp(client);
        client.socket.destroy();
        await until(() => server.connections === 0, `the connection is closed after ${what}`, 20_000);
      }
    assert.equal(server.calls, 0);
    await respondsTo(t, path);
  });

test("a client that violates HTTP/2 and does not hang up is disconnected", async (t) => {
  const { path, server } = await setUp(t);
  for (const frames of Object.values(violations)) {
    const client = await greeted(t, path);
    client.send(request(1), frames, more);
  }
  await until(() => server.connections === 0, "all connections are closed", 20_000);
});
