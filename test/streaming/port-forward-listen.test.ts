import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { StreamingHandlers } from "../../src/server/index.js";
import {
  type ListenOptions,
  type PortForward,
  type PortForwardOptions,
  portForward,
} from "../../src/streaming/index.js";
import { digestOf, failureOf, serve, textOf, transports } from "../server/support.js";
import { cleanup } from "../support/cleanup.js";
import { assertNoListeners } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";

type Port = NonNullable<StreamingHandlers["portForward"]>;

/** A port that says nothing, and waits for its client to hang up, as a database does. */
const waiting: Port = async ({ connection }) => {
  connection.resume();
  await once(connection, "close");
};

async function listen(
  t: TestContext,
  port: Port,
  options: PortForwardOptions = {},
  listenOptions: ListenOptions = {},
) {
  const { server } = await serve(t, { portForward: port });
  const forward = portForward((port) => server.portForward({ podSandboxId: "p", port: [port] }).url, options);
  cleanup(t, () => within(2_000, forward.close(), "the forward's close()"));
  const local = await forward.listen(80, { port: 0, ...listenOptions });
  return { server, local };
}

/** A client that reads on after it has ended. */
async function client(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  cleanup(t, () => socket.destroy());
  await within(2_000, once(socket, "connect"), "the connection");
  return socket;
}

for (const transport of transports)
  test(`${transport}: clients that are gone are let go, though the port waits for them`, async (t) => {
    const { server, local } = await listen(t, waiting, { transport }, { idleAfterEndMs: 100 });
    for (let probe = 0; probe < 10; probe++) {
      const socket = await client(t, local.port);
      if (probe % 3 === 0) socket.write("PING\r\n");
      socket.end(() => probe % 2 === 0 && socket.destroy());
      // Some end before their connection to the port is there, some after it.
      if (probe % 4 === 0) await until(() => server.sessions > 0, "a session");
    }
    await until(() => local.connections === 0, "no local connection is left");
    await until(() => server.sessions === 0, "no session is left");
  });

test("a client that has ended gets a reply that takes longer than the limit, as long as bytes come", async (t) => {
  const port: Port = async ({ connection }) => {
    connection.resume();
    for (let count = 0; count < 10; count++) {
      await pause(200);
      connection.write(`${count}`);
    }
  };
  const { local } = await listen(t, port, {}, { idleAfterEndMs: 1_500 });
  const socket = await client(t, local.port);
  socket.end();
  assert.equal(await textOf(socket), "0123456789");
});

test("a client that has ended and is slow to read loses nothing", async (t) => {
  const bytes = 8 * 2 ** 20;
  const port: Port = async ({ connection }) => {
    connection.resume();
    connection.end(Buffer.alloc(bytes, 65));
    await within(20_000, once(connection, "close"), "the end");
  };
  const { local } = await listen(t, port, {}, { idleAfterEndMs: 50 });
  const socket = await client(t, local.port);
  socket.end();
  // Nobody reads: the socket holds what fits, and the rest waits behind it for many times the limit.
  await pause(600);
  assert.equal(local.connections, 1);
  assert.equal((await digestOf(socket)).bytes, bytes);
});

test("a port that is told of the end may take its time", async (t) => {
  const port: Port = async ({ connection }) => {
    connection.resume();
    await once(connection, "end");
    await pause(400);
    connection.end("late");
  };
  const options = { transport: "spdy", halfClose: true } as const;
  const { local } = await listen(t, port, options, { idleAfterEndMs: 50 });
  const socket = await client(t, local.port);
  socket.end("all of it");
  assert.equal(await textOf(socket), "late");
});

test("a client that goes on after the port has hung up is let go when it ends", async (t) => {
  const { local } = await listen(t, async ({ connection }) => void connection.end("bye"));
  const socket = await client(t, local.port);
  assert.equal(await textOf(socket), "bye");
  // The connection to the port is over a moment after its end.
  await pause(50);
  socket.write("and another thing");
  await pause(50);
  socket.end("good bye");
  await until(() => local.connections === 0, "no local connection is left");
});

test("limits that are none are refused", async (t) => {
  const forward = forwardTo(t, () => "http://127.0.0.1:9/");
  for (const idleAfterEndMs of [-1, Number.NaN, 2 ** 31]) {
    const error = await failureOf(forward.listen(80, { port: 0, idleAfterEndMs }));
    assert.equal(error.reason, "invalid_option");
    assert.match(error.message, /idleAfterEndMs/);
  }
  for (const timeoutMs of [-1, Number.NaN]) {
    const error = await failureOf(forward.connect(80, { timeoutMs }), 2_000);
    assert.equal(error.reason, "invalid_option");
    assert.match(error.message, /timeoutMs/);
  }
});

function forwardTo(t: TestContext, source: () => string, options?: PortForwardOptions): PortForward {
  const forward = portForward(source, options);
  cleanup(t, () => within(2_000, forward.close(), "the forward's close()"));
  return forward;
}

test("a local port that was being opened does not outlive close()", async (t) => {
  const forward = forwardTo(t, () => "http://127.0.0.1:9/");
  const servers = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPServerWrap").length;
  const before = servers();
  const listening = failureOf(forward.listen(80, { port: 0 }), 2_000);
  await within(2_000, forward.close(), "close()");
  assert.equal((await listening).reason, "client_closed");
  await until(() => servers() === before, "the port is free again");
});

test("a local port that was being opened does not outlive its signal", async (t) => {
  const forward = forwardTo(t, () => "http://127.0.0.1:9/");
  const stop = new AbortController();
  const listening = failureOf(forward.listen(80, { port: 0, signal: stop.signal }), 2_000);
  stop.abort();
  assert.equal((await listening).reason, "aborted_by_caller");
  assertNoListeners(stop.signal);
});

test("close() does not wait for a shared session that is still opened", async (t) => {
  const stop = new AbortController();
  for (const end of ["close", "abort"] as const) {
    let dialed: () => void = () => undefined;
    const dialing = new Promise<void>((resolve) => {
      dialed = resolve;
    });
    const forward = forwardTo(t, () => "http://127.0.0.1:9/", {
      mode: "pooled",
      signal: stop.signal,
      connectTimeoutMs: 60_000,
      dial() {
        dialed();
        return new Promise(() => undefined);
      },
    });
    const opening = failureOf(forward.connect(80), 2_000);
    await within(2_000, dialing, "the dial");
    if (end === "abort") stop.abort();
    await within(2_000, forward.close(), "close()");
    assert.equal((await opening).code, "canceled");
    assertNoListeners(stop.signal);
  }
});
