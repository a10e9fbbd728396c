import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { RuntimeService, VersionResponseSchema } from "../../gen/runtime/v1/api_pb.js";
import { answerHeaders, envelope, goodAnswer, trailers } from "../support/answers.js";
import { connectFailure, quick, transportTo, version } from "../support/calls.js";
import * as h2 from "../support/frames.js";
import { checkLeaks } from "../support/leaks.js";
import { rawServer } from "../support/raw-server.js";
import { until, within } from "../support/waiting.js";

const mib = 2 ** 20;
const answerOf = (bytes: number) =>
  envelope(
    toBinary(VersionResponseSchema, create(VersionResponseSchema, { runtimeName: "n".repeat(bytes) })),
  );

test("a response of almost 16 MiB arrives from a server that ignores window updates", async (t) => {
  checkLeaks(t);
  const body = answerOf(16 * mib - 16);
  const server = await rawServer(t, {
    onRequest: (peer, id) => peer.send(h2.headers(id, answerHeaders), h2.data(id, body), trailers(id)),
  });
  const { message } = await within(10_000, version(transportTo(t, server.url)));
  assert.equal(message.runtimeName.length, 16 * mib - 16);
});

test("a response over readLimitBytes is rejected unread, with a hint; the connection remains usable", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, {
    onRequest(peer, id, nth) {
      if (nth === 1) peer.send(h2.headers(id, answerHeaders), h2.data(id, answerOf(2_000)), trailers(id));
      else peer.send(goodAnswer(id));
    },
  });
  const transport = transportTo(t, server.url, { readLimitBytes: 1_000 });
  const error = await connectFailure(version(transport));
  assert.deepEqual([error.code, error.reason], ["resource_exhausted", "receive_limit"]);
  assert.match(error.rawMessage, /readLimitBytes \(1000\)/);
  assert.match(error.hint ?? "", /cri\.lists/);
  await version(transport);
  assert.equal(server.peers.length, 1);
});

test("responses take the memory that has arrived, not the memory that their prefixes announce", async (t) => {
  checkLeaks(t);
  // The prefix of a message of 16 MiB, and one byte of it.
  const begin = Buffer.concat([Buffer.alloc(1), h2.uint32(16 * mib), Buffer.alloc(1)]);
  const server = await rawServer(t, {
    onRequest: (peer, id) => peer.send(h2.headers(id, answerHeaders), h2.data(id, begin)),
  });
  const transport = transportTo(t, server.url);
  const before = process.memoryUsage().arrayBuffers;
  const stop = Array.from({ length: 200 }, () => new AbortController());
  const calls = stop.map(({ signal }) => version(transport, { signal }).catch((error: unknown) => error));
  await until(() => server.requests === 200, "200 calls are in flight");
  // Once a later call has failed at its deadline, the earlier bytes have arrived.
  await connectFailure(version(transport, { timeoutMs: 100 }));
  const taken = process.memoryUsage().arrayBuffers - before;
  for (const controller of stop) controller.abort();
  await within(10_000, Promise.all(calls));
  assert.ok(taken < 100 * mib, `${Math.round(taken / mib)} MiB`);
});

test("a request over writeLimitBytes is rejected, and nothing is sent", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, {});
  const transport = transportTo(t, server.url);
  const request = { version: "v".repeat(16 * mib + 1) };
  const error = await connectFailure(
    transport.unary(RuntimeService.method.version, undefined, undefined, undefined, request),
  );
  assert.deepEqual([error.code, error.reason], ["resource_exhausted", "send_limit"]);
  assert.equal(server.peers.length, 0);
});

test("a large request that the server does not read does not block other calls", async (t) => {
  checkLeaks(t);
  // Without a window at first, the 15 MiB stay on the client. Small requests get windows one by one.
  const server = await rawServer(t, {
    settings: { 4: 0 },
    onRequest: (peer, id) => peer.send(goodAnswer(id)),
  });
  const transport = transportTo(t, server.url, quick);
  const large = transport.unary(RuntimeService.method.version, undefined, 20_000, undefined, {
    version: "v".repeat(15 * mib),
  });
  const failed = connectFailure(large);
  await until(() => server.peers[0]?.of(h2.frameType.headers).length === 1, "the large request's headers");
  for (const id of [3, 5, 7]) {
    const small = version(transport, { timeoutMs: 5_000 });
    await until(() => server.peers[0]?.of(h2.frameType.headers, id).length === 1, `the headers of ${id}`);
    server.peers[0]?.send(h2.windowUpdate(id, 1_000));
    await within(5_000, small, "a small call");
  }
  await transport.close();
  assert.equal((await failed).reason, "client_closed");
});
