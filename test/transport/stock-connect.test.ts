import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CriError } from "../../src/core/index.js";
import { connect as connectCri } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { fromTransportError, toConnectError } from "../../src/transport/connect-errors.js";
import { createTransport } from "../../src/transport/index.js";
import { RuntimeService } from "../../src/v1.js";
import { version } from "../support/calls.js";
import { cleanup } from "../support/cleanup.js";
import { runProgram } from "../support/programs.js";
import { rawServer } from "../support/raw-server.js";
import { tempFolder } from "../support/temp.js";

/** Returns the error of a call through Connect's own transport, converted to a CriError. */
async function stockFailure(path: string, timeoutMs?: number): Promise<CriError> {
  const stock = createGrpcTransport({
    baseUrl: "http://localhost",
    nodeOptions: { createConnection: () => connect(path) },
  });
  const how = timeoutMs === undefined ? {} : { timeoutMs };
  return version(stock, how).then(
    () => assert.fail("it did not fail"),
    (error) => fromTransportError(error, { method: "Version", endpoint: `unix://${path}` }),
  );
}

async function runtimeSocket(t: TestContext): Promise<string> {
  const path = join(await tempFolder(t), "cri.sock");
  const runtime = await EmbeddedRuntime.start({ socket: path, programs: {} });
  cleanup(t, () => runtime.close());
  return path;
}

test("a stock client works on our transport: unary calls, errors, streams, deadlines", async (t) => {
  const transport = createTransport(await runtimeSocket(t));
  cleanup(t, () => transport.close());
  const client = createClient(RuntimeService, transport);
  assert.equal((await client.version({})).runtimeApiVersion, "v1");
  const missing = await client.podSandboxStatus({ podSandboxId: "none" }).catch((error: unknown) => error);
  assert.ok(missing instanceof ConnectError);
  assert.equal(missing.code, Code.NotFound);
  const stop = new AbortController();
  const events = client.getContainerEvents({}, { signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  await assert.rejects(async () => {
    for await (const _ of events);
  }, /abort|cancel/i);
  await assert.rejects(
    async () => {
      for await (const _ of client.getContainerEvents({}, { timeoutMs: 100 }));
    },
    (error: ConnectError) => error.code === Code.DeadlineExceeded,
  );
});

test("a stock transport works under connect.through()", async (t) => {
  const path = await runtimeSocket(t);
  const cri = connectCri.through(
    createGrpcTransport({
      baseUrl: "http://localhost",
      nodeOptions: { createConnection: () => connect(path) },
    }),
  );
  cleanup(t, () => cri.close());
  assert.equal((await cri.runtime.version()).runtimeApiVersion, "v1");
  const pod = await cri.pods.run({ name: "p", namespace: "n" });
  assert.equal((await cri.pods.list()).length, 1);
  await pod.remove();
  const error = await cri.pods.get("none").catch((error: unknown) => error);
  assert.ok(error instanceof CriError);
  assert.equal(error.reason, "object_missing");
  const events = cri.runtime.getContainerEvents({})[Symbol.asyncIterator]();
  const next = events.next();
  await cri.pods.run({ name: "q", namespace: "n" });
  assert.equal((await next).done, false);
  await events.return?.();
});

test("an absent socket is unavailable, not internal", async (t) => {
  const error = await stockFailure(join(await tempFolder(t), "none.sock"));
  assert.deepEqual([error.code, error.reason, error.method], ["unavailable", "socket_missing", "Version"]);
  assert.ok(error.cause instanceof ConnectError);
});

test("a stale socket is unavailable", async (t) => {
  const path = join(await tempFolder(t), "stale.sock");
  await runProgram("leave-socket.ts", [path]);
  const error = await stockFailure(path);
  assert.deepEqual([error.code, error.reason], ["unavailable", "connection_refused"]);
});

test("a server that crashes during a call is unavailable, not canceled", async (t) => {
  const server = await rawServer(t, { onRequest: (peer) => peer.socket.destroy() });
  const error = await stockFailure(server.path);
  assert.deepEqual([error.code, error.reason], ["unavailable", "connection_lost"]);
});

test("its deadline has the reason deadline", async (t) => {
  const server = await rawServer(t, {});
  const error = await stockFailure(server.path, 150);
  assert.deepEqual([error.code, error.reason], ["deadline_exceeded", "deadline"]);
});

test("errors keep their code in both conversions, and a CriError is unwrapped unchanged", () => {
  const ours = new CriError({ code: "not_found", reason: "object_missing", rawMessage: "gone" });
  const theirs = toConnectError(ours);
  assert.ok(theirs instanceof ConnectError);
  assert.deepEqual([theirs.code, theirs.rawMessage, theirs.cause], [Code.NotFound, "gone", ours]);
  const back = fromTransportError(theirs, { method: "ContainerStatus" });
  assert.deepEqual(
    [back.reason, back.method, back.rawMessage],
    ["object_missing", "ContainerStatus", "gone"],
  );
  assert.equal(toConnectError(theirs), theirs);
  for (const odd of [undefined, null, "text", 5, new Error("e")]) {
    const error = fromTransportError(odd, {});
    assert.equal(error.code, "unknown");
    assert.equal(error.cause, odd);
  }
});
