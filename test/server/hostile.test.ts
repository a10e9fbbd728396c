// Misbehaving clients and handlers: they must not affect other sessions.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../../src/index.js";
import { createStreamingServer, memoryTransport } from "../../src/server/index.js";
import { exec } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";

const upgrade = { connection: "Upgrade", upgrade: "SPDY/3.1" };
const stdout = { containerId: "c", stdout: true };

test("a client gets any value that a handler throws, even one without a string form", async (t) => {
  checkLeaks(t);
  const thrown = Object.create(null) as Error;
  const server = await createStreamingServer({
    async exec() {
      throw thrown;
    },
  });
  cleanup(t, () => server.close());
  const session = await exec(server.exec(stdout).url, { stderr: false });
  assert.match((await failure(session.ended)).rawMessage, /cannot be shown/);
  const services = {
    runtime: {
      version() {
        throw thrown;
      },
    },
  };
  await using cri = connect.through(memoryTransport(services));
  assert.match((await failure(cri.runtime.version())).rawMessage, /cannot be shown/);
});

test("a handler that never waits delays neither deadlines nor aborts, also in memory", async (t) => {
  checkLeaks(t);
  const services = {
    runtime: {
      async *getContainerEvents() {
        for (let n = 0; ; n++) yield { containerId: `${n}` };
      },
    },
  };
  await using cri = connect.through(memoryTransport(services));
  const read = async (options: object) => {
    for await (const _ of cri.runtime.getContainerEvents({}, options));
  };
  assert.equal((await failure(read({ timeoutMs: 30 }))).reason, "deadline");
  assert.equal((await failure(read({ signal: AbortSignal.timeout(30) }))).reason, "deadline");
});

test("close() accepts a grace longer than any timer and refuses NaN", async (t) => {
  checkLeaks(t);
  const server = await createStreamingServer({
    async exec() {
      await pause(150);
      return 0;
    },
  });
  const session = await exec(server.exec(stdout).url, { stderr: false });
  session.stdout?.resume();
  await until(() => server.sessions === 1, "the session");
  assert.equal((await failure(server.close({ graceMs: Number.NaN }))).reason, "invalid_option");
  const closing = server.close({ graceMs: Number.POSITIVE_INFINITY });
  assert.equal((await session.ended).exitCode, 0);
  await within(5_000, closing);
});

test("a client that disconnects before its upgrade is handled leaves no session", async (t) => {
  checkLeaks(t);
  const server = await createStreamingServer({ async portForward() {} }, { listen: false });
  cleanup(t, () => server.close());
  const http = createServer();
  let handled = false;
  http.on("upgrade", async (asked, socket: Duplex, head) => {
    socket.on("error", () => undefined);
    await once(socket, "end");
    server.handleUpgrade(asked, socket, head);
    handled = true;
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  cleanup(t, () => new Promise((resolve) => http.close(resolve)));
  const { pathname } = new URL(server.portForward({ podSandboxId: "p", port: [1] }).url);
  const headers = { ...upgrade, "x-stream-protocol-version": "portforward.k8s.io" };
  const { port } = http.address() as AddressInfo;
  const call = request({ port, path: pathname, method: "POST", headers, agent: false });
  call.on("error", () => undefined);
  call.end();
  const [socket] = (await once(call, "socket")) as [Socket];
  socket.once("connect", () => setTimeout(() => call.destroy(), 50));
  await until(() => handled, "the upgrade was handled");
  assert.equal(server.sessions, 0);
});

test("a client that floods pings and reads nothing is disconnected", async (t) => {
  const server = await createStreamingServer({
    async portForward({ signal }) {
      await once(signal, "abort");
    },
  });
  cleanup(t, () => server.close());
  const { url } = server.portForward({ podSandboxId: "p", port: [1] });
  const headers = { ...upgrade, "x-stream-protocol-version": "portforward.k8s.io" };
  const call = request(url, { method: "POST", headers, agent: false });
  call.end();
  const [, socket] = (await once(call, "upgrade")) as [unknown, Socket];
  socket.pause();
  let isCut = false;
  socket.on("error", () => {
    isCut = true;
  });
  const pings = Buffer.concat(Array(5_000).fill(Buffer.from("800300060000000400000001", "hex")));
  // The socket buffers hold some of the responses.
  for (let sent = 0; !isCut && server.sessions === 1 && sent < 400; sent++) {
    socket.write(pings);
    await pause(2);
  }
  await until(() => server.sessions === 0, "the session is over", 10_000);
  socket.destroy();
});
