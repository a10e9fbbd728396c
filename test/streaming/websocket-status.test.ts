import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { type ExecSession, exec, formatJsonStatus } from "../../src/streaming/index.js";
import { JsonEnd } from "../../src/streaming/websocket/wire.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { within } from "../support/waiting.js";

const status = formatJsonStatus({ kind: "exited", exitCode: 5 });

test("finds the end of a JSON object, wherever it is split", () => {
  const objects = [
    "{}",
    String(status),
    '{"a":"}{\\"\\\\","b":[{"c":{}},"]"],"größer":1}',
    ' \n{"a":"\\\\\\"}"}',
  ].map((text) => Buffer.from(text));
  for (const object of objects) {
    const last = object.byteLength - 1;
    for (let at = 0; at <= last; at++) {
      const end = new JsonEnd();
      assert.equal(end.push(object.subarray(0, at)), false, `${object} cut at ${at}`);
      assert.equal(end.push(object.subarray(at)), true, `${object} cut at ${at}`);
    }
    const bytewise = new JsonEnd();
    for (let at = 0; at <= last; at++) assert.equal(bytewise.push(object.subarray(at, at + 1)), at === last);
    assert.equal(new JsonEnd().push(Buffer.concat([object, Buffer.from("\n")])), true);
  }
});

test("bytes that are not a JSON object end at once", () => {
  for (const text of ["x", '"a"', "]", "}", "12", "command failed"])
    assert.equal(new JsonEnd().push(Buffer.from(text)), true, text);
});

/** Opens a session whose server sends messages on the error channel and then calls `after`. */
async function session(
  t: TestContext,
  parts: readonly Uint8Array[],
  after: (socket: WebSocket) => void,
): Promise<ExecSession> {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "v4.channel.k8s.io" });
  const server = createServer();
  server.on("upgrade", (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.send(Buffer.from([1]));
      for (const part of parts) webSocket.send(Buffer.concat([Buffer.from([3]), part]));
      after(webSocket);
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(t, () => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/exec/token`;
  const opened = await exec(() => url, { transport: "websocket" });
  cleanup(t, () => within(2_000, opened.close(), "close()"));
  opened.stdout?.resume();
  opened.stderr?.resume();
  return opened;
}

const closeNormally = (socket: WebSocket) => socket.close(1000);

for (const at of [1, 9, status.byteLength - 1])
  test(`a status in two messages, split at byte ${at}`, async (t) => {
    const { ended } = await session(t, [status.subarray(0, at), status.subarray(at)], closeNormally);
    assert.equal((await within(5_000, ended, "the end")).exitCode, 5);
  });

test("an incomplete status is unknown, and an invalid one is malformed", async (t) => {
  const cut = await session(t, [status.subarray(0, 9)], closeNormally);
  assert.equal((await failure(within(5_000, cut.ended))).reason, "exit_unknown");
  // The server keeps the WebSocket open, which must not delay the result.
  const none = await session(t, [Buffer.from("oh dear")], () => undefined);
  assert.equal((await failure(within(5_000, none.ended))).reason, "malformed_stream");
});

test("an oversized status is malformed", async (t) => {
  const part = Buffer.alloc(600_000, 0x20);
  const { ended } = await session(t, [Buffer.from("{"), part, part], () => undefined);
  assert.equal((await failure(within(5_000, ended))).reason, "malformed_stream");
});
