import assert from "node:assert/strict";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { test } from "node:test";
import { RuntimeService } from "../../gen/runtime/v1/api_pb.js";
import { goodAnswer } from "../support/answers.js";
import { collect, connectFailure, events, quick, transportTo, version } from "../support/calls.js";
import * as h2 from "../support/frames.js";
import { grpcServer } from "../support/grpc-server.js";
import { checkLeaks } from "../support/leaks.js";
import { runProgram } from "../support/programs.js";
import { rawServer } from "../support/raw-server.js";
import { until, within } from "../support/waiting.js";

const runtime = (router: import("@connectrpc/connect").ConnectRouter) =>
  router.service(RuntimeService, {
    version: () => ({ runtimeName: "friendly" }),
    async *getContainerEvents(_, { signal }) {
      yield { containerId: "1" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  });

for (const code of [0, 11])
  test(`GOAWAY ${code} below the call: sent again on a new connection, and processed once`, async (t) => {
    checkLeaks(t);
    const server = await rawServer(t, {
      onRequest(peer, id, nth) {
        if (nth === 1) peer.send(h2.goaway(0, code));
        else peer.send(goodAnswer(id));
      },
    });
    // CreateContainer must not be processed twice; here it was not processed at all.
    const transport = transportTo(t, server.url, quick);
    await transport.unary(RuntimeService.method.createContainer, undefined, 5_000, undefined, {});
    assert.equal(server.requests, 2);
    assert.equal(server.peers.length, 2);
  });

for (const code of [0, 2, 11])
  test(`GOAWAY ${code} above the call, then the end of the connection: unavailable, not sent again`, async (t) => {
    checkLeaks(t);
    const server = await rawServer(t, {
      onRequest(peer, id, nth) {
        if (nth > 1) return peer.send(goodAnswer(id));
        peer.send(h2.goaway(id, code));
        peer.socket.end();
      },
    });
    const transport = transportTo(t, server.url, quick);
    const error = await connectFailure(version(transport));
    assert.equal(error.code, "unavailable");
    assert.ok(["goaway", "connection_lost"].includes(error.reason), error.reason);
    assert.equal(server.requests, 1);
    await version(transport);
    assert.equal(server.peers.length, 2);
  });

test("a graceful GOAWAY lets the call finish; the next call uses a new connection", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, {
    onRequest: (peer, id, nth) =>
      nth === 1 ? peer.send(h2.goaway(id, 0), goodAnswer(id)) : peer.send(goodAnswer(id)),
  });
  const transport = transportTo(t, server.url, quick);
  await version(transport);
  await version(transport);
  assert.equal(server.peers.length, 2);
});

test("a GOAWAY on an idle connection is noticed, and close() does not wait for the peer to close", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, { stays: true, onRequest: (peer, id) => peer.send(goodAnswer(id)) });
  const transport = transportTo(t, server.url, quick);
  await version(transport);
  server.peers[0]?.send(h2.goaway(1, 0));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await version(transport);
  assert.equal(server.peers.length, 2);
  await within(20_000, transport.close(), "close()");
});

test("SETTINGS followed directly by a GOAWAY are retried a few times", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, { onConnect: (peer) => peer.send(h2.settings(), h2.goaway(0, 0)) });
  const error = await connectFailure(version(transportTo(t, server.url, quick), { timeoutMs: 5_000 }));
  assert.equal(error.code, "unavailable");
  assert.ok(server.peers.length >= 1 && server.peers.length <= 3, `${server.peers.length} connections`);
});

test("a refused stream was not processed: sent again on the same connection", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, {
    onRequest: (peer, id, nth) => peer.send(nth === 1 ? h2.rstStream(id, 7) : goodAnswer(id)),
  });
  await version(transportTo(t, server.url, quick));
  assert.equal(server.requests, 2);
  assert.equal(server.peers.length, 1);
  const always = await rawServer(t, { onRequest: (peer, id) => peer.send(h2.rstStream(id, 7)) });
  const error = await connectFailure(version(transportTo(t, always.url, quick)));
  assert.deepEqual([error.code, error.reason], ["unavailable", "stream_reset"]);
  assert.equal(always.requests, 3, "connectAttempts attempts");
});

test("a call during a restart of the server succeeds if the server is back in time", async (t) => {
  checkLeaks(t);
  const first = await grpcServer(t, runtime);
  const transport = transportTo(t, first.url, { connectAttempts: 50, backoff: { firstMs: 10, maxMs: 50 } });
  await version(transport);
  for (const session of first.sessions) session.destroy();
  first.server.close();
  await once(first.server, "close");
  await rm(first.path, { force: true });
  const call = version(transport);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await grpcServer(t, runtime, { listen: { path: first.path } });
  assert.equal((await within(20_000, call)).message.runtimeName, "friendly");
  await transport.close();
});

test("a server that crashes during a stream: unavailable, at once", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime);
  const call = (async () => {
    for await (const _ of events(transportTo(t, server.url, quick)))
      for (const session of server.sessions) session.destroy();
  })();
  const error = await connectFailure(call);
  assert.deepEqual([error.code, error.reason], ["unavailable", "connection_lost"]);
});

test("many first calls share one dial", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime);
  const transport = transportTo(t, server.url);
  await Promise.all(Array.from({ length: 50 }, () => version(transport)));
  assert.equal(server.connections, 1);
});

test("close() is idempotent, and ends calls in flight with client_closed", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime);
  const transport = transportTo(t, server.url);
  const stream = collect(events(transport));
  const failed = connectFailure(stream);
  await until(() => server.running === 1, "the stream is open");
  await within(20_000, Promise.all([transport.close(), transport.close(), transport.close()]), "close()");
  const error = await failed;
  assert.deepEqual([error.code, error.reason], ["canceled", "client_closed"]);
  await transport.close();
  assert.equal((await connectFailure(version(transport))).reason, "client_closed");
});

test("close() during a dial, and during the back-off between dials", async (t) => {
  checkLeaks(t);
  const silent = await rawServer(t, { onConnect: () => undefined });
  for (const [url, waits] of [
    [silent.url, () => silent.peers.length === 1],
    ["/nowhere/x.sock", () => true],
  ] as const) {
    const transport = transportTo(t, url, { backoff: { firstMs: 60_000, maxMs: 60_000 } });
    const failed = connectFailure(version(transport));
    await until(waits, "the dial");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await within(20_000, transport.close(), "close()");
    assert.equal((await failed).reason, "client_closed");
  }
});

test("an abort during a dial ends the call at once; a short deadline reports why the dial fails", async (t) => {
  checkLeaks(t);
  const silent = await rawServer(t, { onConnect: () => undefined });
  const transport = transportTo(t, silent.url, { connectTimeoutMs: 60_000 });
  const stop = new AbortController();
  const failed = connectFailure(version(transport, { signal: stop.signal }));
  await until(() => silent.peers.length === 1, "the dial");
  stop.abort("enough");
  assert.equal((await within(30_000, failed)).cause, "enough");
  const absent = transportTo(t, "/nowhere/x.sock", { backoff: { firstMs: 60_000, maxMs: 60_000 } });
  const error = await connectFailure(version(absent, { timeoutMs: 100 }));
  assert.deepEqual([error.code, error.reason], ["unavailable", "socket_missing"]);
});

test("a program that makes one call exits by itself, without close()", async (t) => {
  const server = await grpcServer(t, runtime);
  assert.equal(
    await runProgram("one-call.ts", [server.url], 20_000),
    "friendly, and then idle for less than 1 s",
  );
});

test("abstract sockets", { skip: process.platform !== "linux" }, async (t) => {
  checkLeaks(t);
  const name = `cri-sdk-test-${process.pid}`;
  await grpcServer(t, runtime, { listen: { path: `\0${name}` } });
  await version(transportTo(t, `unix-abstract:${name}`));
});

test("tcp, by name and by address", async (t) => {
  checkLeaks(t);
  const server = await grpcServer(t, runtime, { listen: { port: 0, host: "127.0.0.1" } });
  const address = server.server.address();
  assert.ok(typeof address === "object" && address);
  await version(transportTo(t, `tcp://127.0.0.1:${address.port}`));
  await version(transportTo(t, `http://localhost:${address.port}`));
  assert.equal(server.requests[0]?.[":authority"], `127.0.0.1:${address.port}`);
});

test("the windows of 16 MiB are open before the first call", async (t) => {
  const raw = await rawServer(t, { onRequest: (peer, id) => peer.send(goodAnswer(id)) });
  await version(transportTo(t, raw.url));
  const peer = raw.peers[0];
  const settings = new Map<number, number>();
  for (const { payload, flags } of peer?.of(h2.frameType.settings) ?? [])
    if (flags === 0)
      for (let at = 0; at < payload.byteLength; at += 6)
        settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  assert.ok((settings.get(4) ?? 0) > 16 * 2 ** 20 + 5, "SETTINGS_INITIAL_WINDOW_SIZE");
  assert.equal(settings.get(2), 0, "no server push");
  const grown = (peer?.of(h2.frameType.windowUpdate, 0) ?? []).reduce(
    (sum, f) => sum + f.payload.readUInt32BE(0),
    0,
  );
  assert.ok(65_535 + grown > 16 * 2 ** 20 + 5, "the connection's window");
});

test("a slow call does not make the connection suspect while others get responses on it", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, {
    onRequest: (peer, id, nth) => (nth === 1 ? undefined : peer.send(goodAnswer(id))),
  });
  const transport = transportTo(t, server.url, quick);
  const slow = connectFailure(version(transport, { timeoutMs: 300 }));
  await version(transport);
  await version(transport);
  assert.equal((await slow).code, "deadline_exceeded");
  await version(transport);
  assert.equal(server.peers.length, 1);
  assert.equal(server.peers[0]?.resetCode(1), 8);
});
