import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import {
  attach,
  exec,
  portForward,
  type SessionOptions,
  SpdyConnection,
} from "../../../src/streaming/index.js";
import { cleanup } from "../../support/cleanup.js";
import { adminToken, servedPods, startServer, type TestServer } from "../../support/kubelet-server.js";
import { onePod } from "../../support/kubelets.js";
import { ask, refusalOf, spdyHeaders } from "../../support/raw-streaming.js";
import { until, within } from "../../support/waiting.js";
import { tunnel } from "../../support/ws-tunnel.js";

const authorization = `Bearer ${adminToken}`;

/** The query of a command with these streams. */
function queryOf(command: readonly string[], { stdin, stdout = true, stderr, tty }: SessionOptions): string {
  const streams = { input: stdin, output: stdout, error: stderr, tty };
  return new URLSearchParams([
    ...command.map((part) => ["command", part] as [string, string]),
    ...Object.entries(streams).flatMap(([name, is]) => (is ? [[name, "1"] as [string, string]] : [])),
  ]).toString();
}

function execIn(server: TestServer, command: readonly string[], options: SessionOptions = {}, pod = "a") {
  const streams = { stderr: !options.tty, ...options };
  return exec(server.at(`/exec/test/${pod}/main?${queryOf(command, streams)}`), {
    ...server.streaming,
    ...streams,
  });
}

async function textOf(stream: AsyncIterable<Buffer> | undefined | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Runs a command, with its input, and returns what it printed and its exit code. */
async function outcome(
  server: TestServer,
  command: readonly string[],
  options: SessionOptions = {},
  input?: string,
) {
  const session = await execIn(server, command, { stdin: input !== undefined, ...options });
  session.stdin?.end(input);
  const [stdout, stderr, exit] = await within(
    20_000,
    Promise.all([textOf(session.stdout), textOf(session.stderr), session.ended]),
    command.join(" "),
  );
  return { stdout, stderr, exitCode: exit.exitCode, protocol: session.protocol };
}

/**
 * Stands before a runtime's streaming server: passes on SPDY, and refuses WebSocket as runtimes do that do not speak the protocol. Returns
 * the option that leads to it, what it was asked for, and a function that cuts all connections to the runtime.
 */
async function withoutWebSocket(t: TestContext) {
  const upgrades: string[] = [];
  const toRuntime = new Set<Socket>();
  const targets = new Map<string, URL>();
  const server = createServer();
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => sockets.add(socket));
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const { upgrade = "" } = request.headers;
    upgrades.push(upgrade);
    socket.on("error", () => undefined);
    if (upgrade === "websocket") {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const target = targets.get(request.url ?? "");
    const runtime = connect({ host: target?.hostname ?? "", port: Number(target?.port) });
    sockets.add(runtime);
    toRuntime.add(runtime);
    runtime.on("error", () => socket.destroy());
    const lines = request.rawHeaders.flatMap((name, at, all) =>
      at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : [],
    );
    runtime.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    runtime.write(head);
    socket.pipe(runtime).pipe(socket);
    socket.once("close", () => runtime.destroy());
    runtime.once("close", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const rewriteUrl = (url: URL) => {
    targets.set(url.pathname, new URL(url));
    return new URL(url.pathname, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  };
  const cut = () => {
    for (const socket of toRuntime) socket.destroy();
  };
  return { streaming: { rewriteUrl }, upgrades, cut };
}

for (const [name, transport, refuses] of [
  ["SPDY, passed on", "spdy", false],
  ["WebSocket, passed on", "websocket", false],
  ["WebSocket with a runtime that has SPDY only", "websocket", true],
] as const)
  test(`exec over ${name}: output, input, exit codes, errors, terminals`, async (t) => {
    const { streaming, upgrades } = await withoutWebSocket(t);
    const { server } = await servedPods(t, [onePod("a")], { options: refuses ? { streaming } : {} });
    const options = { transport };
    const printed = await outcome(server, ["print", "to out", "to err"], options);
    assert.deepEqual(printed, {
      ...{ stdout: "to out", stderr: "to err", exitCode: 0 },
      protocol: transport === "spdy" ? "v4.channel.k8s.io" : "v5.channel.k8s.io",
    });
    assert.equal((await outcome(server, ["exit", "7"], options)).exitCode, 7);
    const echoed = await outcome(server, ["cat"], options, "x".repeat(300_000));
    assert.equal(echoed.stdout.length, 300_000);
    await assert.rejects(outcome(server, ["no-such-program"], options));
    const terminal = await execIn(server, ["terminal-sizes"], {
      ...options,
      tty: true,
      stdin: true,
      size: { columns: 99, rows: 33 },
    });
    terminal.stdout?.on("data", () => undefined);
    let seen = "";
    terminal.stdout?.on("data", (chunk: Buffer) => {
      seen += chunk;
    });
    await until(() => seen.includes("33 99"), "the size of the terminal");
    terminal.resize({ columns: 50, rows: 20 });
    await until(() => seen.includes("20 50"), "the new size of the terminal");
    await terminal.close();
    await until(() => server.server.sessions === 0, "the end of all sessions");
    if (refuses) assert.equal(upgrades.filter((upgrade) => upgrade === "websocket").length, 1, "asked once");
  });

for (const transport of ["spdy", "websocket"] as const)
  for (const refuses of [false, true])
    test(`10 MB through exec, both ways: ${transport}${refuses ? ", bridged" : ""}`, async (t) => {
      const { streaming } = await withoutWebSocket(t);
      const { server } = await servedPods(t, [onePod("a")], { options: refuses ? { streaming } : {} });
      const bytes = Buffer.alloc(10_000_000, "0123456789abcdefghijk");
      const session = await execIn(server, ["cat"], { transport, stdin: true });
      session.stdin?.end(bytes);
      session.stderr?.resume();
      const hash = createHash("sha256");
      for await (const chunk of session.stdout ?? []) hash.update(chunk as Buffer);
      assert.equal((await session.ended).exitCode, 0);
      assert.equal(hash.digest("hex"), createHash("sha256").update(bytes).digest("hex"));
      const filled = await outcome(server, ["fill", "20000000", "100"], { transport });
      assert.equal(filled.stdout.length, 20_000_000);
    });

test("attach: output from now on, input, and the terminal of the container whatever the client says", async (t) => {
  const { streaming } = await withoutWebSocket(t);
  const cat = onePod("cat", ["cat"], {
    containers: [{ name: "main", image: "docker.io/library/busybox:1.37", command: ["cat"], stdin: true }],
  });
  const { server, view, rootDir } = await servedPods(t, [cat]);
  const bridged = await startServer(t, view, rootDir, { streaming });
  for (const [one, transport] of [
    [server, "spdy"],
    [server, "websocket"],
    [bridged, "websocket"],
  ] as const) {
    const streams = { stdin: true, stdout: true, stderr: true, keepStdinOpen: true, transport };
    const url = one.at("/attach/test/cat/main?input=1&output=1&error=1");
    const session = await attach(url, { ...one.streaming, ...streams });
    session.stderr?.resume();
    let seen = "";
    session.stdout?.on("data", (chunk: Buffer) => {
      seen += chunk;
    });
    session.stdin?.write(`hello over ${transport}\n`);
    await until(() => seen === `hello over ${transport}\n`, "the echo");
    await session.detach();
    await until(() => one.server.sessions === 0, "the end of the session");
  }
});

test("port-forward over SPDY, over SPDY in a WebSocket, and over a WebSocket's channels", async (t) => {
  const { streaming } = await withoutWebSocket(t);
  const pod = onePod("a", ["listen", "80"]);
  const { server, view, rootDir } = await servedPods(t, [pod]);
  const bridged = await startServer(t, view, rootDir, { streaming });
  const big = Buffer.alloc(3_000_000, "ab");
  for (const [one, transport] of [
    [server, "spdy"],
    [server, "websocket"],
    [bridged, "websocket"],
  ] as const) {
    const url = one.at(`/portForward/test/a?port=80`);
    const forward = portForward(() => url, { ...one.streaming, transport });
    const connection = await forward.connect(80);
    connection.write(big);
    let length = 0;
    connection.on("data", (chunk: Buffer) => {
      length += chunk.length;
    });
    await until(() => length === big.length, `the echo over ${transport}: ${length}`);
    connection.destroy();
    await forward.close();
    await until(() => one.server.sessions === 0, "the end of the session");
  }

  for (const one of [server, bridged]) {
    const { bytes, closes } = await tunnel(t, one.at("/portForward/test/a"), { authorization });
    const spdy = new SpdyConnection(bytes, { role: "client" });
    let text = "";
    let error = "";
    for (const streamtype of ["error", "data"] as const) {
      const stream = spdy.open({ streamtype, port: "80", requestid: "1" });
      stream.setSink({
        onData(part) {
          if (streamtype === "data") text += part;
          else error += part;
          return true;
        },
        onEnd: () => undefined,
      });
      if (streamtype === "data") stream.write(big, () => stream.end());
      else stream.end();
    }
    await until(() => text.length === big.length, "the echo through the tunnel");
    assert.equal(error, "");
    spdy.goaway();
    await until(() => closes.length === 1, "the close frame");
    await until(() => one.server.sessions === 0, "the end of the session");
  }
});

test("what cannot become a session is refused with a text before the upgrade", async (t) => {
  const { server } = await servedPods(t, [onePod("a")]);
  const refusal = async (
    path: string,
    headers: object = spdyHeaders("v4.channel.k8s.io"),
    method = "POST",
  ) => {
    const { status, body } = await refusalOf(ask(t, server.at(path), { authorization, ...headers }, method));
    return [status, body] as const;
  };
  const exec = "/exec/test/a/main?command=cat&output=1";
  assert.deepEqual(await refusal("/exec/test/b/main?command=cat&output=1"), [404, "pod does not exist"]);
  assert.deepEqual(await refusal("/exec/test/a/other?command=cat&output=1"), [
    404,
    'container not found ("other")',
  ]);
  assert.deepEqual(await refusal("/exec/test/a/wrong-uid/main?command=cat&output=1"), [
    404,
    "pod does not exist",
  ]);
  assert.deepEqual(await refusal("/exec/test/a/main?output=1"), [400, "you must specify a command"]);
  const none = "you must specify at least 1 of stdin, stdout, stderr";
  assert.deepEqual(await refusal("/exec/test/a/main?command=cat"), [400, none]);
  assert.deepEqual(await refusal("/attach/test/a/main"), [400, none]);
  assert.deepEqual(await refusal("/portForward/test/b"), [404, "pod does not exist"]);
  assert.deepEqual(await refusal("/portForward/test/a?port=0"), [400, 'unable to parse "0" as a port']);
  assert.deepEqual(await refusal("/portForward/test/a?port=80,99999"), [
    400,
    'unable to parse "99999" as a port',
  ]);
  assert.equal((await refusal(exec, { connection: "Upgrade", upgrade: "h2c" }))[0], 400);
  assert.equal((await refusal(exec, spdyHeaders()))[0], 400);
  assert.equal((await refusal(exec, spdyHeaders("v9.channel.k8s.io")))[0], 403);
  const webSocket = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  assert.equal((await refusal(exec, { ...webSocket, "sec-websocket-protocol": "other" }, "GET"))[0], 403);
  assert.equal(
    (await refusal(exec, { ...webSocket, "sec-websocket-protocol": "v5.channel.k8s.io" }, "POST"))[0],
    400,
  );
  assert.equal((await refusal("/exec/test/a", spdyHeaders("v4.channel.k8s.io")))[0], 404);
  // Requests for something else are answered whether or not they ask for an upgrade.
  const list = await refusalOf(
    ask(
      t,
      server.at("/pods"),
      { authorization, connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "" },
      "GET",
    ),
  );
  assert.equal(JSON.parse(list.body).items.length, 1);
  assert.equal(
    (await refusal(exec, { ...spdyHeaders("v4.channel.k8s.io"), authorization: "Bearer other" }))[0],
    401,
  );
});

test("commands of /run are answered with their output, or with why they failed", async (t) => {
  const { server } = await servedPods(t, [onePod("a")]);
  const run = async (path: string, method = "POST") => {
    const { status, text } = await server.get(path, { method });
    return [status, text];
  };
  assert.deepEqual(await run("/run/test/a/main?cmd=print%20out%20err"), [200, "outerr"]);
  assert.deepEqual(await run("/run/test/a/main?cmd=print+out", "GET"), [200, "out"]);
  const [{ pod } = { pod: undefined }] = JSON.parse((await server.get("/pods")).text).items.map(
    (item: { metadata: { uid: string } }) => ({ pod: item.metadata.uid }),
  );
  assert.deepEqual(await run(`/run/test/a/${pod}/main?cmd=print%20out`), [200, "out"]);
  assert.deepEqual(await run("/run/test/a/main?cmd=exit%203"), [500, "command 'exit 3' exited with 3"]);
  const [status, text] = await run("/run/test/a/main?cmd=no-such");
  assert.equal(status, 500);
  assert.match(String(text), /no-such/);
});

test("50 parallel execs, sessions that are cut off, and a limit of sessions", {
  timeout: 120_000,
}, async (t) => {
  const { server } = await servedPods(t, [onePod("a")], { options: { maxSessions: 60 } });
  const all = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      outcome(server, ["print", `${n}`.repeat(1_000)], { transport: n % 2 === 0 ? "spdy" : "websocket" }),
    ),
  );
  for (const [n, { stdout, exitCode }] of all.entries())
    assert.deepEqual([stdout, exitCode], [`${n}`.repeat(1_000), 0]);
  const open = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      execIn(server, ["cat"], { stdin: true, transport: n % 2 === 0 ? "spdy" : "websocket" }),
    ),
  );
  assert.equal(server.server.sessions, 60);
  const { status, body } = await refusalOf(
    ask(t, server.at("/exec/test/a/main?command=cat&output=1"), {
      authorization,
      ...spdyHeaders("v4.channel.k8s.io"),
    }),
  );
  assert.deepEqual([status, body], [429, "60 sessions are already open"]);
  // Half of the clients hang up; the runtime's sessions end with them.
  for (const session of open.slice(0, 30)) void session.close();
  await until(() => server.server.sessions === 30, "the end of the sessions that were cut off");
  assert.equal((await outcome(server, ["print", "x"])).stdout, "x");
  // The other half ends when the server closes.
  await within(10_000, server.server.close(), "close() with open sessions");
  const ends = await Promise.allSettled(open.map(({ ended }) => within(10_000, ended, "a session")));
  assert.ok(ends.every(({ status: end }) => end === "rejected"));
  assert.equal(server.server.sessions, 0);
});

test("a client that leaves while its session is being opened leaves nothing behind", async (t) => {
  const { server } = await servedPods(t, [onePod("a")]);
  const { port } = server.server;
  for (let round = 0; round < 40; round++) {
    const socket = tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.on("error", () => undefined).resume();
    await once(socket, "secureConnect");
    socket.write(
      [
        "POST /exec/test/a/main?command=cat&input=1&output=1 HTTP/1.1",
        "Host: x",
        `Authorization: ${authorization}`,
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        "X-Stream-Protocol-Version: v4.channel.k8s.io",
        "Content-Length: 0",
        "\r\n",
      ].join("\r\n"),
    );
    await new Promise((resolve) => setTimeout(resolve, round));
    if (round % 2 === 0) socket.end();
    else socket.destroy();
  }
  await until(() => server.server.sessions === 0, "the end of all sessions");
});

test("a reader that pauses stops the command, and loses nothing", async (t) => {
  const { server } = await servedPods(t, [onePod("a")]);
  for (const transport of ["spdy", "websocket"] as const) {
    const before = process.memoryUsage().rss;
    const session = await execIn(server, ["fill", "100000000", "100"], { transport, stderr: false });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(process.memoryUsage().rss - before < 90_000_000, "what is not read must not be held in memory");
    let length = 0;
    for await (const chunk of session.stdout ?? []) length += (chunk as Buffer).length;
    assert.equal(length, 100_000_000);
    assert.equal((await session.ended).exitCode, 0);
  }
});

test("when the runtime's side of a session breaks, so does the client's", async (t) => {
  const { streaming, cut } = await withoutWebSocket(t);
  const { server } = await servedPods(t, [onePod("a")], { options: { streaming } });
  for (const transport of ["spdy", "websocket"] as const) {
    const session = await execIn(server, ["cat"], { transport, stdin: true });
    session.stdin?.write("one");
    const [first] = await once(session.stdout ?? process, "data");
    assert.equal(String(first), "one");
    session.stdout?.on("error", () => undefined);
    cut();
    await assert.rejects(within(10_000, session.ended, `the end over ${transport}`), { name: "CriError" });
    await until(() => server.server.sessions === 0, "the end of the session");
  }
});

test("a runtime's streaming server that is not there, or does not answer, is an answer with a text", async (t) => {
  const silent = createTcpServer((socket) => sockets.add(socket.on("error", () => undefined)));
  const sockets = new Set<Socket>();
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  let port = 1;
  const rewriteUrl = (url: URL) => new URL(`http://127.0.0.1:${port}${url.pathname}`);
  const { server, runtime } = await servedPods(t, [onePod("a")], { options: { streaming: { rewriteUrl } } });
  cleanup(t, () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const url = server.at("/exec/test/a/main?command=cat&output=1");
  const openSpdy = () =>
    askSlowly(url, {
      authorization,
      connection: "Upgrade",
      upgrade: "SPDY/3.1",
      "x-stream-protocol-version": "v4.channel.k8s.io",
    });
  const [status, body] = await openSpdy();
  assert.equal(status, 500);
  assert.match(body, /^cannot connect to the streaming server: connect ECONNREFUSED/);
  port = (silent.address() as AddressInfo).port;
  runtime.faults.failNext("exec", { code: "resource_exhausted", message: "too many" });
  assert.deepEqual(await openSpdy(), [429, "too many"]);
  const [late] = await openSpdy();
  assert.equal(late, 504);
  assert.equal(server.server.sessions, 0);
});

/** Sends a request, and waits half a minute for its answer. */
function askSlowly(url: string, headers: Record<string, string>): Promise<readonly [number, string]> {
  const answer = new Promise<readonly [number, string]>((resolve, reject) => {
    const call = httpsRequest(url, { method: "POST", headers, rejectUnauthorized: false, agent: false });
    call.once("response", async (response) => {
      resolve([response.statusCode ?? 0, await textOf(response)]);
    });
    call.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("the server accepted the upgrade"));
    });
    call.once("error", reject).end();
  });
  return within(30_000, answer, "the answer");
}
