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
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { assertNoListeners } from "../support/leaks.js";
import { digestOf, serve, textOf, transports } from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";

type Port = NonNullable<StreamingHandlers["portForward"]>;

/** A port that sends nothing and waits for its client to hang up, as a database does. */
const silentPort: Port = async ({ connection }) => {
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
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  const local = await forward.listen(80, { port: 0, ...listenOptions });
  return { server, local };
}

/** Connects a client that still reads after it has ended its side. */
async function client(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  cleanup(t, () => socket.destroy());
  await within(2_000, once(socket, "connect"), "the connection");
  return socket;
}

for (const transport of transports)
  test(`${transport}: connections of disconnected clients are closed, although the port waits for them`, async (t) => {
    const { server, local } = await listen(t, silentPort, { transport }, { idleAfterEndMs: 100 });
    for (let probe = 0; probe < 10; probe++) {
      const socket = await client(t, local.port);
      if (probe % 3 === 0) socket.write("PING\r\n");
      socket.end(() => probe % 2 === 0 && socket.destroy());
      // Some clients end before their connection to the port is open, some after.
      if (probe % 4 === 0) await until(() => server.sessions > 0, "a session");
    }
    await until(() => local.connections === 0, "the end of all local connections");
    await until(() => server.sessions === 0, "the end of all sessions");
  });

test("a client that has ended receives a reply that takes longer than the limit, as long as bytes arrive", async (t) => {
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

test("a client that has ended and reads slowly receives everything", async (t) => {
  const bytes = 8 * 2 ** 20;
  const port: Port = async ({ connection }) => {
    connection.resume();
    connection.end(Buffer.alloc(bytes, 65));
    await within(20_000, once(connection, "close"), "the end");
  };
  const { local } = await listen(t, port, {}, { idleAfterEndMs: 500 });
  const socket = await client(t, local.port);
  socket.end();
  // The client does not read: the rest of the reply waits much longer than the limit.
  await pause(2_000);
  assert.equal(local.connections, 1);
  assert.equal((await digestOf(socket)).bytes, bytes);
});

test("a port that receives the end has no limit", async (t) => {
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

test("the connection of a client that still sends after the port hung up is closed when it ends", async (t) => {
  const { local } = await listen(t, async ({ connection }) => void connection.end("bye"));
  const socket = await client(t, local.port);
  assert.equal(await textOf(socket), "bye");
  // The connection to the port closes a moment after its end.
  await pause(50);
  socket.write("and another thing");
  await pause(50);
  socket.end("good bye");
  await until(() => local.connections === 0, "the end of all local connections");
});

test("invalid limits are refused", async (t) => {
  const forward = forwardTo(t, () => "http://127.0.0.1:9/");
  for (const idleAfterEndMs of [-1, Number.NaN, 2 ** 31]) {
    const error = await failure(forward.listen(80, { port: 0, idleAfterEndMs }));
    assert.equal(error.reason, "invalid_option");
    assert.match(error.message, /idleAfterEndMs/);
  }
  for (const timeoutMs of [-1, Number.NaN]) {
    const error = await failure(within(2_000, forward.connect(80, { timeoutMs })));
    assert.equal(error.reason, "invalid_option");
    assert.match(error.message, /timeoutMs/);
  }
});

function forwardTo(t: TestContext, source: () => string, options?: PortForwardOptions): PortForward {
  const forward = portForward(source, options);
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  return forward;
}

test("close() also closes a local port that is being opened", async (t) => {
  const forward = forwardTo(t, () => "http://127.0.0.1:9/");
  const servers = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPServerWrap").length;
  const before = servers();
  const listening = failure(within(2_000, forward.listen(80, { port: 0 })));
  await within(30_000, forward.close(), "close()");
  assert.equal((await listening).reason, "client_closed");
  await until(() => servers() === before, "the end of the listener");
});

test("a signal also closes a local port that is being opened", async (t) => {
  const forward = forwardTo(t, () => "http://127.0.0.1:9/");
  const stop = new AbortController();
  const listening = failure(within(2_000, forward.listen(80, { port: 0, signal: stop.signal })));
  stop.abort();
  assert.equal((await listening).reason, "aborted_by_caller");
  assertNoListeners(stop.signal);
});

test("close() does not wait for a shared session that is being opened", async (t) => {
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
    const opening = failure(within(2_000, forward.connect(80)));
    await within(2_000, dialing, "the dial");
    if (end === "abort") stop.abort();
    await within(30_000, forward.close(), "close()");
    assert.equal((await opening).code, "canceled");
    assertNoListeners(stop.signal);
  }
});
