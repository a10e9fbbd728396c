import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type WebSocket, WebSocketServer } from "ws";
import { type ExecSession, exec, formatJsonStatus } from "../../src/streaming/index.js";
import { JsonEnd } from "../../src/streaming/websocket/json-end.js";
import { failureOf } from "../server/support.js";
import { cleanup } from "../support/cleanup.js";
import { within } from "../support/waiting.js";

const status = formatJsonStatus({ kind: "exited", exitCode: 5 });

test("the end of a JSON object is found wherever its parts begin", () => {
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

test("what is no JSON object has its end at once", () => {
  for (const text of ["x", '"a"', "]", "}", "12", "command failed"])
    assert.equal(new JsonEnd().push(Buffer.from(text)), true, text);
});

/** A session whose server sends messages on the error channel, and then does `after`. */
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

const bye = (socket: WebSocket) => socket.close(1000);

for (const at of [1, 9, status.byteLength - 1])
  test(`a status in two messages, the second from byte ${at} on`, async (t) => {
    const { exit } = await session(t, [status.subarray(0, at), status.subarray(at)], bye);
    assert.equal((await within(5_000, exit, "the exit")).exitCode, 5);
  });

test("a status that does not end is unknown, one that is none is malformed", async (t) => {
  const cut = await session(t, [status.subarray(0, 9)], bye);
  assert.equal((await failureOf(cut.exit, 5_000)).reason, "exit_unknown");
  // Held back by the server: it is not waited for.
  const none = await session(t, [Buffer.from("oh dear")], () => undefined);
  assert.equal((await failureOf(none.exit, 5_000)).reason, "malformed_stream");
});

test("a status has an end", async (t) => {
  const part = Buffer.alloc(600_000, 0x20);
  const { exit } = await session(t, [Buffer.from("{"), part, part], () => undefined);
  assert.equal((await failureOf(exit, 5_000)).reason, "malformed_stream");
});
