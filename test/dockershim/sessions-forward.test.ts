import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { PodDialer } from "../../examples/dockershim/sessions/pod-dialer.js";
import { join, PortForwards } from "../../examples/dockershim/sessions/port-forward.js";
import type { PortForwardContext } from "../../src/server/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { freePort } from "../support/free-port.js";
import { checkLeaks } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";

const never = () => new AbortController().signal;

/** Listens on a port; returns the port and the connections. */
async function listen(t: TestContext, host = "127.0.0.1", serve: (socket: Socket) => void = () => undefined) {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket.on("error", () => undefined));
    serve(socket);
  });
  const port = await freePort();
  await once(server.listen(port, host), "listening");
  cleanup(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port, sockets };
}

/** Starts a helper in this network namespace. */
function startHelper(t: TestContext, idleMs?: number) {
  const ends: string[] = [];
  const dialer = new PodDialer([], () => ends.push("ended"), idleMs);
  cleanup(t, () => dialer.close());
  return { dialer, ends };
}

/** The client's side of a forwarded connection: what it sends, and what it has received. */
function client(sent: readonly string[], ends = true) {
  const received: string[] = [];
  const connection = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      received.push(String(chunk));
      done();
    },
  });
  for (const chunk of sent) connection.push(chunk);
  if (ends) connection.push(null);
  return { connection, received };
}

test("a helper connects and passes the sockets on, with all that the port has sent", async (t) => {
  checkLeaks(t);
  const { port } = await listen(t, "127.0.0.1", (socket) => {
    socket.write("banner ");
    socket.once("data", (chunk) => socket.end(`reply to ${chunk}`));
  });
  const { dialer } = startHelper(t);
  const replies = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const socket = await dialer.connect(port, never());
      socket.write(`${index}`);
      return text(socket);
    }),
  );
  assert.deepEqual(
    replies,
    Array.from({ length: 30 }, (_, index) => `banner reply to ${index}`),
  );
});

test("a helper tries IPv6 after IPv4, and reports a refusal", async (t) => {
  checkLeaks(t);
  const { port, sockets } = await listen(t, "::1");
  const { dialer } = startHelper(t);
  (await dialer.connect(port, never())).destroy();
  await until(() => sockets.length === 1, "the connection");
  const error = await failure(dialer.connect(await freePort(), never()), "port_refused");
  assert.match(error.rawMessage, /ECONNREFUSED 127.0.0.1:\d+, connect ECONNREFUSED ::1/);
});

test("a helper ends when it is idle, and its connections continue", async (t) => {
  checkLeaks(t);
  const { port } = await listen(t, "127.0.0.1", (socket) => socket.pipe(socket));
  const { dialer, ends } = startHelper(t, 300);
  const socket = await dialer.connect(port, never());
  await until(() => ends.length > 0, "the helper ends");
  socket.end("still here");
  assert.equal(await text(socket), "still here");
});

test("close() ends a helper and its connections, and calls that wait for it", async (t) => {
  checkLeaks(t);
  const { port } = await listen(t);
  const { dialer } = startHelper(t);
  const socket = await dialer.connect(port, never());
  const waiting = failure(dialer.connect(port, never()), "runtime_error");
  await dialer.close();
  assert.ok(socket.destroyed);
  await waiting;
});

test("a caller that cancels does not wait for the connection, which is closed", async (t) => {
  checkLeaks(t);
  const { port, sockets } = await listen(t);
  const { dialer } = startHelper(t);
  const stop = new AbortController();
  const dialing = dialer.connect(port, stop.signal);
  stop.abort(new Error("left"));
  await assert.rejects(dialing, /left/);
  await until(
    () => sockets[0]?.destroyed === true || sockets[0]?.readableEnded === true,
    "it is closed",
  ).catch(() => assert.equal(sockets.length, 0));
});

test("a network namespace that is gone is an error with the reason", async (t) => {
  checkLeaks(t);
  const enter = [process.execPath, "-e", "console.error('no such namespace'); process.exit(1)"];
  const dialer = new PodDialer(enter, () => undefined);
  cleanup(t, () => dialer.close());
  const error = await failure(dialer.connect(1, never()), "runtime_error");
  assert.match(error.rawMessage, /has ended: no such namespace$/);
  const missing = new PodDialer(["/no/such/nsenter"], () => undefined);
  cleanup(t, () => missing.close());
  assert.match((await failure(missing.connect(1, never()))).rawMessage, /ENOENT/);
});

test("each direction of a forwarded connection ends on its own", async (t) => {
  checkLeaks(t);
  const { port } = await listen(t, "127.0.0.1", (socket) => {
    // Replies after the end of the request.
    let request = "";
    socket.on("data", (chunk) => {
      request += chunk;
    });
    socket.on("end", () => setTimeout(() => socket.end(`late reply to ${request}`), 700));
  });
  const { connection, received } = client(["one ", "two"]);
  await within(10_000, join(connection, connect(port, "127.0.0.1")));
  assert.equal(received.join(""), "late reply to one two");
  assert.ok(connection.writableEnded);
});

test("a client that does not end its direction is left after the end of the port's", async (t) => {
  checkLeaks(t);
  const { port } = await listen(t, "127.0.0.1", (socket) => socket.end("bye"));
  const { connection, received } = client([], false);
  await within(10_000, join(connection, connect(port, "127.0.0.1")));
  assert.equal(received.join(""), "bye");
  assert.equal(connection.destroyed, false);
});

test("a reset by the port resets the client's connection, and is not an error", async (t) => {
  checkLeaks(t);
  const { port } = await listen(t, "127.0.0.1", (socket) =>
    socket.once("data", () => socket.resetAndDestroy()),
  );
  const { connection } = client(["hello"], false);
  await within(10_000, join(connection, connect(port, "127.0.0.1")));
  assert.ok(connection.destroyed);
});

test("a sandbox in the host's network needs no helper; a signal ends the connection", async (t) => {
  checkLeaks(t);
  const { port, sockets } = await listen(t);
  const forwards = new PortForwards();
  cleanup(t, () => forwards.close());
  const sandbox = { id: "s", pid: process.pid, hostNetwork: true };
  const stop = new AbortController();
  const { connection } = client(["hello"], false);
  const context: PortForwardContext = { podSandboxId: "s", port, connection, signal: stop.signal };
  const forwarding = forwards.forward(context, sandbox);
  await until(() => sockets.length === 1, "the connection");
  stop.abort(new Error("left"));
  await within(5_000, forwarding);
  await assert.rejects(
    forwards.forward({ ...context, port: await freePort(), signal: never() }, sandbox),
    /REFUSED/,
  );
  await failure(forwards.forward(context, { ...sandbox, pid: 0 }), "wrong_state");
});
