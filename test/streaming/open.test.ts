import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { CriError } from "../../src/core/index.js";
import { exec } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";

/** Starts a server that sends the same bytes for every request and keeps the connection open. Returns a URL of it. */
async function respondingWith(t: TestContext, response: string): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => undefined));
    socket.once("data", () => socket.write(response));
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
  test(`HTTP ${status}: ${attempts === 1 ? "no second URL is requested" : "WebSocket is tried as well"}`, async (t) => {
    const url = await respondingWith(t, `HTTP/1.1 ${status} Said\r\n${body}`);
    let requested = 0;
    const error = await failure(
      exec(() => {
        requested++;
        return url;
      }),
    );
    assert.equal(error.reason, "upgrade_refused");
    assert.match(error.rawMessage, new RegExp(`HTTP ${status}: why`));
    assert.equal(requested, attempts);
  });

test("a refusal whose body does not arrive is still reported", async (t) => {
  for (const transport of ["spdy", "websocket"] as const) {
    const spent = await respondingWith(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nabc");
    assert.equal((await failure(exec(spent, { transport }))).reason, "stream_url_spent");
  }
  const refused = await respondingWith(t, "HTTP/1.1 500 Said\r\nContent-Length: 100\r\n\r\n");
  assert.match((await failure(exec(refused))).rawMessage, /HTTP 500$/);
});

test("an error of the caller's own function is the cause of a typed error", async () => {
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
    const error = await failure(work());
    assert.deepEqual([error.code, error.reason, error.cause], [code, reason, thrown]);
    assert.match(error.rawMessage, /their own/);
  }
  const typed = new CriError({
    code: "not_found",
    reason: "object_missing",
    rawMessage: "no such container",
  });
  const rpc = async (): Promise<string> => {
    throw typed;
  };
  assert.equal(await failure(exec(rpc)), typed);
});
