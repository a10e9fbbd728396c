import assert from "node:assert/strict";
import { connect as openSocket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type CriError, isCriError } from "../../../src/index.js";
import { type CriServer, serve } from "../../../src/server/index.js";
import { createTransport } from "../../../src/transport.js";
import { RuntimeService } from "../../../src/v1.js";
import { collect, connectFailure, events, quick, transportTo, version } from "../../support/calls.js";
import { selfSigned } from "../../support/certificate.js";
import { cleanup } from "../../support/cleanup.js";
import * as h2 from "../../support/frames.js";
import { freePort } from "../../support/free-port.js";
import { checkLeaks } from "../../support/leaks.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";
import { FrameClient, goHeaders } from "./raw-client.js";
import { type Scripted, scripted } from "./scripted.js";

interface Up extends Scripted {
  readonly path: string;
  readonly server: CriServer;
}

async function setUp(t: TestContext): Promise<Up> {
  checkLeaks(t);
  const path = join(await tempFolder(t), "cri.sock");
  const script = scripted();
  const server = await serve(path, script.services);
  cleanup(t, () => within(20_000, server.close(), "close()"));
  return Object.assign(script, { path, server });
}

const exec = (transport: ReturnType<typeof createTransport>, cmd: string[]) =>
  transport.unary(RuntimeService.method.execSync, undefined, undefined, undefined, { cmd });

test("graceful: a hundred calls in flight complete, new ones are refused", async (t) => {
  const up = await setUp(t);
  const transport = transportTo(t, up.path, quick);
  const calls = Array.from({ length: 100 }, () => exec(transport, ["sleep", "300"]));
  await until(() => up.contexts.length === 100, "all calls are in flight");
  const closing = up.server.close({ graceMs: Number.POSITIVE_INFINITY });
  const late = await connectFailure(version(createTransport(up.path, { connectAttempts: 1 })));
  assert.equal(late.reason, "socket_missing");
  for (const { message } of await within(20_000, Promise.all(calls))) assert.equal(message.exitCode, 7);
  await within(20_000, closing, "the graceful close");
  assert.equal((await connectFailure(version(transport))).code, "unavailable");
  assert.equal(up.contexts.filter(({ signal }) => signal.aborted).length, 0);
});

test("graceful, on the wire: GOAWAY, the response, the end; later requests are not processed", async (t) => {
  const up = await setUp(t);
  const client = new FrameClient(t, up.path);
  client.greet();
  const sleep = Buffer.concat([
    Buffer.from([0, 0, 0, 0, 12, 0x12, 5]),
    Buffer.from("sleep"),
    Buffer.from([0x12, 3]),
    Buffer.from("200"),
  ]);
  client.send(
    h2.headers(1, { ...goHeaders, ":path": "/runtime.v1.RuntimeService/ExecSync" }),
    h2.data(1, sleep, true),
  );
  await until(() => up.contexts.length === 1, "the call is in flight");
  const closing = up.server.close({ graceMs: 60_000 });
  await client.seen("goaway");
  assert.equal(client.of("goaway")[0]?.payload.readUInt32BE(4), 0, "NO_ERROR");
  client.send(h2.headers(3, goHeaders), h2.data(3, Buffer.alloc(5), true));
  await until(() => client.of("headers").length === 2, "headers and trailers of the first");
  assert.ok(client.of("headers").every(({ streamId }) => streamId === 1));
  // The client does not close the connection, so the server does.
  await within(20_000, closing, "the graceful close");
  await client.gone();
  assert.equal(up.contexts.length, 1);
});

test("forced: every call fails with server_closed, and every handler's signal fires", async (t) => {
  const up = await setUp(t);
  const transport = transportTo(t, up.path, { connectAttempts: 1 });
  const calls = Array.from({ length: 20 }, () => connectFailure(exec(transport, ["wait"])));
  const streams = Array.from({ length: 20 }, () => connectFailure(collect(events(transport))));
  await until(() => up.contexts.length === 20 && up.subscribers === 20, "all calls are in flight");
  assert.equal(up.server.calls, 40);
  await within(20_000, up.server.close(), "the forced close");
  for (const error of await Promise.all([...calls, ...streams]))
    assert.deepEqual([error.code, error.rawMessage], ["unavailable", "the server was closed"]);
  assert.deepEqual(new Set(up.ends), new Set(["server_closed"]));
  assert.equal(up.ends.length, 40);
  assert.deepEqual([up.server.calls, up.server.connections], [0, 0]);
});

test("graceful, then forced: by the grace, by a second call", async (t) => {
  for (const hurry of [false, true]) {
    const up = await setUp(t);
    const transport = transportTo(t, up.path, { connectAttempts: 1 });
    const call = connectFailure(exec(transport, ["wait"]));
    await until(() => up.contexts.length === 1, "the call is in flight");
    const closing = up.server.close({ graceMs: hurry ? 60_000 : 100 });
    await pause(20);
    assert.equal(up.contexts[0]?.signal.aborted, false);
    if (hurry) await within(20_000, up.server.close());
    await within(20_000, closing);
    assert.equal((await call).rawMessage, "the server was closed");
  }
});

test("idle, silent and paused connections do not delay close()", async (t) => {
  for (const graceMs of [0, 60_000]) {
    const up = await setUp(t);
    const idle = transportTo(t, up.path);
    await version(idle);
    const silent = openSocket(up.path);
    silent.on("error", () => undefined);
    const stalled = new FrameClient(t, up.path);
    stalled.greet();
    await stalled.seen("settings");
    if (graceMs === 0) {
      const request = Buffer.concat([
        Buffer.from([0, 0, 0, 0, 16, 0x12, 4]),
        Buffer.from("echo"),
        Buffer.from([0x12, 8]),
        Buffer.from("10000000"),
      ]);
      stalled.send(
        h2.headers(1, { ...goHeaders, ":path": "/runtime.v1.RuntimeService/ExecSync" }),
        h2.data(1, request, true),
      );
      await stalled.seen("data");
      stalled.socket.pause();
    }
    await until(() => up.server.connections === 3, "three connections are open");
    await within(20_000, up.server.close({ graceMs }), `close({ graceMs: ${graceMs} })`);
    silent.destroy();
    stalled.socket.destroy();
  }
});

test("closing twice, after the end, and without any client; options", async (t) => {
  const up = await setUp(t);
  const wrong = await up.server.close({ graceMs: -1 }).catch((error: unknown) => error);
  assert.ok(isCriError(wrong) && wrong.reason === "invalid_option");
  assert.equal(
    (await up.server.close({ graceMs: Number.NaN }).catch((error: CriError) => error))?.reason,
    "invalid_option",
  );
  assert.equal((await version(transportTo(t, up.path))).message.runtimeName, "scripted");
  await Promise.all([up.server.close({ graceMs: 100 }), up.server.close(), up.server.close({ graceMs: 9 })]);
  await up.server.close({ graceMs: 60_000 });
  await up.server[Symbol.asyncDispose]();
});

test("TLS: an unfinished handshake does not delay close()", async (t) => {
  checkLeaks(t);
  const tls = await selfSigned(t);
  const port = await freePort();
  const server = await serve(`https://127.0.0.1:${port}`, scripted().services, { tls });
  cleanup(t, () => within(20_000, server.close()));
  const silent = openSocket(port, "127.0.0.1");
  silent.on("error", () => undefined);
  const transport = transportTo(t, server.endpoint, { tls: { ca: tls.cert } });
  await version(transport);
  await until(() => server.connections === 2, "both connections are open");
  await within(20_000, server.close({ graceMs: 30_000 }));
  silent.destroy();
});
