import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { CriError } from "../../src/core/index.js";
import { exec } from "../../src/streaming/index.js";
import { failureOf } from "../server/support.js";
import { cleanup } from "../support/cleanup.js";

/** A streaming server that answers every request with the same bytes, and leaves the connection open. */
async function answering(t: TestContext, answer: string): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined));
    socket.once("data", () => socket.write(answer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(t, () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return `http://127.0.0.1:${address.port}/exec/token`;
}

const body = "Content-Length: 4\r\n\r\nwhy\n";

for (const [status, attempts] of [
  [302, 1],
  [401, 1],
  [500, 1],
  [503, 1],
  [400, 2],
  [403, 2],
  [405, 2],
  [426, 2],
] as const)
  test(`HTTP ${status}: ${attempts === 1 ? "no second URL is asked for" : "WebSocket is tried, too"}`, async (t) => {
    const url = await answering(t, `HTTP/1.1 ${status} Said\r\n${body}`);
    let asked = 0;
    const error = await failureOf(
      exec(() => {
        asked++;
        return url;
      }),
    );
    assert.equal(error.reason, "upgrade_refused");
    assert.match(error.text, new RegExp(`HTTP ${status}: why`));
    assert.equal(asked, attempts);
  });

test("a refusal whose explanation does not come is told all the same", async (t) => {
  for (const transport of ["spdy", "websocket"] as const) {
    const spent = await answering(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nabc");
    assert.equal((await failureOf(exec(spent, { transport }))).reason, "stream_url_spent");
  }
  const refused = await answering(t, "HTTP/1.1 500 Said\r\nContent-Length: 100\r\n\r\n");
  assert.match((await failureOf(exec(refused))).text, /HTTP 500$/);
});

test("what the caller's own functions throw is the cause of a typed error", async () => {
  const thrown = new Error("their own");
  const url = "http://127.0.0.1:9/exec/token";
  const fail = (): never => {
    throw thrown;
  };
  for (const [work, code, reason] of [
    [() => exec(url, { dial: fail }), "unavailable", "unreachable"],
    [() => exec(url, { dial: async () => fail() }), "unavailable", "unreachable"],
    [() => exec(url, { rewriteUrl: fail }), "invalid_argument", "invalid_option"],
    [() => exec(fail), "unavailable", "unreachable"],
    [() => exec(async () => fail()), "unavailable", "unreachable"],
  ] as const) {
    const error = await failureOf(work());
    assert.deepEqual([error.code, error.reason, error.cause], [code, reason, thrown]);
    assert.match(error.text, /their own/);
  }
  const typed = new CriError({ code: "not_found", reason: "object_missing", text: "no such container" });
  const rpc = async (): Promise<string> => {
    throw typed;
  };
  assert.equal(await failureOf(exec(rpc)), typed);
});
