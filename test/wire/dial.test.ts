import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer as createHttp1 } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { connectFailure, quick, transportTo, version } from "../support/calls.js";
import { cleanup } from "../support/cleanup.js";
import * as h2 from "../support/frames.js";
import { checkLeaks } from "../support/leaks.js";
import { runProgram } from "../support/programs.js";
import { type Peer, rawServer } from "../support/raw-server.js";
import { tempFolder } from "../support/temp.js";

test("no socket: unavailable, socket_missing, with the path", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "none.sock");
  const error = await connectFailure(version(transportTo(t, path, quick)));
  assert.equal(error.code, "unavailable");
  assert.equal(error.reason, "socket_missing");
  assert.equal(error.endpoint, `unix://${path}`);
  assert.ok(error.rawMessage.includes(path) && error.hint);
  assert.equal((error.cause as NodeJS.ErrnoException).code, "ENOENT");
});

test("a path through a file: socket_missing", async (t) => {
  const file = join(await tempFolder(t), "file");
  await writeFile(file, "");
  assert.equal(
    (await connectFailure(version(transportTo(t, `${file}/x.sock`, quick)))).reason,
    "socket_missing",
  );
});

test("the error of a file or folder states that it is not a socket", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, "file"), "");
  for (const path of [folder, join(folder, "file")]) {
    const error = await connectFailure(version(transportTo(t, path, quick)));
    assert.equal(error.code, "unavailable");
    assert.equal(error.reason, "connection_refused");
    assert.match(error.rawMessage, /is not a socket/);
  }
});

test("a stale socket: connection_refused", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "stale.sock");
  await runProgram("leave-socket.ts", [path]);
  const error = await connectFailure(version(transportTo(t, path, quick)));
  assert.equal(error.code, "unavailable");
  assert.equal(error.reason, "connection_refused");
  assert.match(error.rawMessage, /no process is listening/);
});

test("a socket without permission: socket_forbidden", async (t) => {
  const server = await rawServer(t, {});
  await chmod(join(server.path, ".."), 0o755);
  await chmod(server.path, 0o600);
  if (process.getuid?.() !== 0) return t.skip("needs root, to become somebody else");
  const { code, reason, hint } = JSON.parse(await runProgram("call-as-nobody.ts", [server.url]));
  assert.deepEqual({ code, reason }, { code: "unavailable", reason: "socket_forbidden" });
  assert.match(hint, /root/);
});

const servers: { name: string; onConnect: (peer: Peer) => void; reason: string; text: RegExp }[] = [
  {
    name: "accepts and hangs up",
    onConnect: ({ socket }) => socket.end(),
    reason: "connection_lost",
    text: /closed it before|reset while it was being established/,
  },
  {
    name: "accepts and cuts",
    onConnect: ({ socket }) => socket.destroy(),
    reason: "connection_lost",
    text: /closed it before|reset while it was being established/,
  },
  {
    name: "accepts and never responds",
    onConnect: () => undefined,
    reason: "handshake_timeout",
    text: /no HTTP\/2 SETTINGS within 150 ms/,
  },
  {
    name: "answers in HTTP/1",
    onConnect: (peer) => peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    reason: "not_grpc",
    text: /does not speak HTTP\/2/,
  },
  {
    name: "answers garbage",
    onConnect: (peer) =>
      peer.send(Buffer.from("\x16\x03\x01 this is no frame at all, sorry, not even close")),
    reason: "not_grpc",
    text: /does not speak HTTP\/2/,
  },
  {
    name: "begins with a frame that is not SETTINGS",
    onConnect: (peer) => peer.send(h2.windowUpdate(0, 10)),
    reason: "not_grpc",
    text: /does not speak HTTP\/2/,
  },
  {
    name: "greets with an illegal setting",
    onConnect: (peer) => peer.send(h2.settings({ 4: 2 ** 32 - 1 })),
    reason: "not_grpc",
    text: /does not speak HTTP\/2/,
  },
  {
    name: "greets with half a frame and silence",
    onConnect: (peer) => peer.send(h2.settings({ 3: 100 }).subarray(0, 10)),
    reason: "handshake_timeout",
    text: /no HTTP\/2 SETTINGS/,
  },
];

for (const { name, onConnect, reason, text } of servers)
  test(`a server that ${name}: ${reason}`, async (t) => {
    checkLeaks(t);
    const server = await rawServer(t, { onConnect });
    const error = await connectFailure(
      version(transportTo(t, server.url, { ...quick, connectTimeoutMs: 150 })),
    );
    assert.equal(error.code, "unavailable");
    assert.equal(error.reason, reason);
    assert.match(error.rawMessage, text);
    assert.equal(error.endpoint, server.url);
  });

test("a real HTTP/1 server: not_grpc, with a hint", async (t) => {
  checkLeaks(t);
  const path = join(await tempFolder(t), "docker.sock");
  await mkdir(join(path, ".."), { recursive: true });
  const server = createHttp1((_, response) => response.end("hi")).listen(path);
  await once(server, "listening");
  cleanup(t, () => server.close().closeAllConnections());
  const error = await connectFailure(version(transportTo(t, path, quick)));
  assert.equal(error.reason, "not_grpc");
  assert.match(error.hint ?? "", /HTTP\/1/);
});

test("tcp: no process is listening", async (t) => {
  const error = await connectFailure(version(transportTo(t, "tcp://127.0.0.1:1", quick)));
  assert.equal(error.code, "unavailable");
  assert.equal(error.reason, "connection_refused");
});
