// The socket file: existing files at its path, concurrent servers, permissions, and removal.
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type CriError, isCriError } from "../../../src/index.js";
import { type CriServer, type ServeOptions, serve } from "../../../src/server/index.js";
import { createTransport } from "../../../src/transport.js";
import { version } from "../../support/calls.js";
import { cleanup } from "../../support/cleanup.js";
import { freePort } from "../../support/free-port.js";
import { checkLeaks } from "../../support/leaks.js";
import { startProgram } from "../../support/programs.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

async function up(
  t: TestContext,
  endpoint: string,
  name: string,
  options?: ServeOptions,
): Promise<CriServer> {
  const server = await serve(endpoint, { runtime: { version: () => ({ runtimeName: name }) } }, options);
  cleanup(t, () => within(5_000, server.close(), "close()"));
  return server;
}

async function nameAt(endpoint: string): Promise<string> {
  const transport = createTransport(endpoint);
  try {
    return (await version(transport, { timeoutMs: 5_000 })).message.runtimeName;
  } finally {
    await transport.close();
  }
}

async function refusal(serving: Promise<CriServer>): Promise<CriError> {
  const error = await serving.then(
    () => assert.fail("it listens"),
    (error: unknown) => error,
  );
  assert.ok(isCriError(error), String(error));
  return error;
}

/** Creates a socket file whose process has been killed. */
async function leaveSocket(path: string): Promise<void> {
  await once(startProgram("leave-socket.ts", [path]), "close");
  assert.ok(lstatSync(path).isSocket());
}

test("a new file in a new directory: mode, owner, removal", async (t) => {
  checkLeaks(t);
  const folder = join(await tempFolder(t), "a", "b");
  const path = join(folder, "cri.sock");
  const server = await up(t, path, "new");
  assert.equal(server.endpoint, `unix://${path}`);
  assert.equal(lstatSync(path).mode & 0o7777, 0o660);
  assert.equal(lstatSync(folder).mode & 0o027, 0);
  assert.equal(await nameAt(path), "new");
  assert.deepEqual(readdirSync(folder), ["cri.sock"]);
  await server.close();
  assert.deepEqual(readdirSync(folder), []);
  const root = process.getuid?.() === 0;
  const owner = root
    ? { uid: 12_345, gid: 54_321 }
    : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  await up(t, `unix://${path}`, "other", { mode: 0o600, owner });
  const { mode, uid, gid } = lstatSync(path);
  assert.deepEqual({ mode: mode & 0o777, uid, gid }, { mode: 0o600, ...owner });
});

test("a stale file is replaced, by exactly one of twenty servers", { timeout: 60_000 }, async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const path = join(folder, "cri.sock");
  await leaveSocket(path);
  for (const stale of [true, false]) {
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, nth) =>
        serve(path, { runtime: { version: () => ({ runtimeName: `server ${nth}` }) } }),
      ),
    );
    const winners = all.flatMap((one, nth) =>
      one.status === "fulfilled" ? [{ nth, server: one.value }] : [],
    );
    const [winner] = winners;
    try {
      assert.equal(winners.length, 1, `stale: ${stale}`);
      assert.equal(await nameAt(path), `server ${winner?.nth}`);
      for (const one of all)
        if (one.status === "rejected") assert.equal((one.reason as CriError).reason, "endpoint_in_use");
      assert.deepEqual(readdirSync(folder), ["cri.sock"]);
    } finally {
      for (const { server } of winners) await server.close();
    }
    assert.deepEqual(readdirSync(folder), []);
  }
});

test("a live socket, a file, a directory and a link are not replaced", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  const path = join(folder, "cri.sock");
  await up(t, path, "first");
  const taken = await refusal(serve(path, {}));
  assert.deepEqual([taken.reason, taken.code], ["endpoint_in_use", "already_exists"]);
  assert.match(taken.rawMessage, /another process is listening on it/);
  assert.equal(await nameAt(path), "first");
  writeFileSync(join(folder, "file"), "text");
  mkdirSync(join(folder, "folder"));
  symlinkSync(path, join(folder, "link"));
  for (const name of ["file", "folder", "link"])
    assert.match((await refusal(serve(join(folder, name), {}))).rawMessage, /the file is not a socket/);
  // A server that never responds is listening, too.
  const mute = createServer().listen(join(folder, "mute"));
  await once(mute, "listening");
  cleanup(t, () => mute.close());
  assert.match((await refusal(serve(join(folder, "mute"), {}))).rawMessage, /another process is listening/);
  assert.deepEqual(readdirSync(folder).sort(), ["cri.sock", "file", "folder", "link", "mute"]);
});

test("the file of another server is not removed", async (t) => {
  const folder = await tempFolder(t);
  const path = join(folder, "cri.sock");
  const first = await up(t, path, "first");
  const { rmSync } = await import("node:fs");
  rmSync(path);
  await up(t, path, "second");
  await first.close();
  assert.ok(existsSync(path));
  assert.equal(await nameAt(path), "second");
});

test("the longest path and the shortest name", async (t) => {
  const folder = await tempFolder(t);
  const long = join(folder, "x".repeat(106 - folder.length));
  await up(t, long, "long");
  assert.equal(await nameAt(long), "long");
  const deep = join(folder, "y".repeat(100 - folder.length), "12345");
  assert.equal(deep.length, 107);
  await up(t, deep, "deep");
  assert.equal(await nameAt(deep), "deep");
  await up(t, join(folder, "s"), "short");
  assert.equal(await nameAt(join(folder, "s")), "short");
  assert.equal((await refusal(serve(`${deep}6`, {}))).reason, "invalid_endpoint");
});

test("refused: a directory that is a file, ports in use, invalid options", async (t) => {
  checkLeaks(t);
  const folder = await tempFolder(t);
  writeFileSync(join(folder, "file"), "");
  const under = await refusal(serve(join(folder, "file", "cri.sock"), {}));
  assert.deepEqual([under.code, under.reason], ["unavailable", "unreachable"]);
  const port = await freePort();
  await up(t, `tcp://127.0.0.1:${port}`, "tcp");
  const again = await refusal(serve(`tcp://127.0.0.1:${port}`, {}));
  assert.deepEqual([again.code, again.reason], ["unavailable", "unreachable"]);
  assert.match(again.rawMessage, /EADDRINUSE/);
  const name = `@cri-sdk-file-test-${process.pid}`;
  await up(t, name, "abstract");
  assert.equal(await nameAt(name), "abstract");
  assert.equal((await refusal(serve(name, {}))).reason, "unreachable");
  const path = join(folder, "cri.sock");
  const wrong: readonly [string, ServeOptions][] = [
    [path, { mode: 0o1777 }],
    [path, { owner: { uid: -1, gid: 0 } }],
    [path, { readLimitBytes: 0 }],
    [path, { writeLimitBytes: 2 ** 31 }],
    [path, { tls: {} }],
    [`https://127.0.0.1:${port}`, {}],
    [`https://127.0.0.1:${port}`, { tls: { cert: "none", key: "none" } }],
  ];
  for (const [endpoint, options] of wrong)
    assert.equal(
      (await refusal(serve(endpoint, {}, options))).reason,
      "invalid_option",
      JSON.stringify(options),
    );
  assert.equal((await refusal(serve("relative.sock", {}))).reason, "invalid_endpoint");
  assert.deepEqual(readdirSync(folder), ["file"]);
});

test("other users cannot connect with any umask", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async (t) => {
  const folder = await tempFolder(t);
  chmodSync(folder, 0o755);
  const umask = process.umask(0);
  try {
    await up(t, join(folder, "cri.sock"), "private");
  } finally {
    process.umask(umask);
  }
  const program = startProgram("call-as-nobody.ts", [join(folder, "cri.sock")]);
  let text = "";
  program.stdout?.on("data", (chunk) => {
    text += chunk;
  });
  await within(20_000, once(program, "close"));
  assert.equal(JSON.parse(text).reason, "socket_forbidden");
});
