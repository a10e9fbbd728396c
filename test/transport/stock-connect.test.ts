import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CriError } from "../../src/core/index.js";
import { fromTransportError, toConnectError } from "../../src/transport/connect-errors.js";
import { version } from "../support/calls.js";
import { runProgram } from "../support/programs.js";
import { rawServer } from "../support/raw-server.js";
import { tempFolder } from "../support/temp.js";

/** What a call through Connect's own transport fails with, in our words. */
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

test("a server that dies under a call is unavailable, not canceled", async (t) => {
  const server = await rawServer(t, { onRequest: (peer) => peer.socket.destroy() });
  const error = await stockFailure(server.path);
  assert.deepEqual([error.code, error.reason], ["unavailable", "connection_lost"]);
});

test("its deadline is ours", async (t) => {
  const server = await rawServer(t, {});
  const error = await stockFailure(server.path, 150);
  assert.deepEqual([error.code, error.reason], ["deadline_exceeded", "deadline"]);
});

test("errors keep their code there and back, and ours stay themselves", () => {
  const ours = new CriError({ code: "not_found", reason: "object_missing", text: "gone" });
  const theirs = toConnectError(ours);
  assert.ok(theirs instanceof ConnectError);
  assert.deepEqual([theirs.code, theirs.rawMessage, theirs.cause], [Code.NotFound, "gone", ours]);
  const back = fromTransportError(theirs, { method: "ContainerStatus" });
  assert.deepEqual([back.reason, back.method, back.text], ["object_missing", "ContainerStatus", "gone"]);
  assert.equal(toConnectError(theirs), theirs);
  for (const odd of [undefined, null, "text", 5, new Error("e")]) {
    const error = fromTransportError(odd, {});
    assert.equal(error.code, "unknown");
    assert.equal(error.cause, odd);
  }
});
