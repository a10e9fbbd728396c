import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { bareSocket, rawSpdy, receivedText } from "../support/raw-streaming.js";
import { fired, serve, textOf } from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";

const versions = ["v5", "v4", "v3", "v2"].map((name) => `${name}.channel.k8s.io`);
const all = { stdin: true, stdout: true, stderr: true };
const echo = {
  async exec({ stdin, stdout }: import("../../src/server/index.js").ExecContext) {
    for await (const part of stdin ?? []) stdout?.write(part);
    return 7;
  },
};

for (const version of [...versions, "channel.k8s.io"])
  test(`${version}: sends the status and ends all streams`, async (t) => {
    const { server } = await serve(t, echo);
    const json = version.startsWith("v5") || version.startsWith("v4");
    const client = await rawSpdy(t, server.exec({ containerId: "c", ...all }).url, version);
    assert.equal(client.protocol, version);
    const [error, stdin, stdout, stderr] = ["error", "stdin", "stdout", "stderr"].map((streamtype) =>
      client.open({ streamtype }),
    );
    assert.ok(error && stdin && stdout && stderr);
    stdin.stream.write(Buffer.from("hi"), () => undefined);
    stdin.stream.end();
    await until(() => client.ended !== undefined, "the server ends the session");
    assert.deepEqual(client.ended, { error: undefined });
    const streams = [error, stdin, stdout, stderr];
    assert.ok(streams.every(({ replied }) => replied));
    assert.deepEqual(
      streams.map(({ end }) => end),
      ["fin", "fin", "fin", "fin"],
    );
    assert.equal(receivedText(stdout), "hi");
    if (json)
      assert.deepEqual(JSON.parse(receivedText(error)).details.causes, [
        { reason: "ExitCode", message: "7" },
      ]);
    else assert.match(receivedText(error), /exit code 7$/);
  });

test("the client's preference selects the version", async (t) => {
  const { server } = await serve(t, echo);
  const url = () => server.exec({ containerId: "c", stdout: true }).url;
  for (const [offer, chosen] of [
    [["v2.channel.k8s.io", "v4.channel.k8s.io"], "v2.channel.k8s.io"],
    [["v9.channel.k8s.io", "v5.channel.k8s.io", "v4.channel.k8s.io"], "v5.channel.k8s.io"],
    [["v4.channel.k8s.io, v3.channel.k8s.io"], "v4.channel.k8s.io"],
  ] as const)
    assert.equal((await rawSpdy(t, url(), ...offer)).protocol, chosen);
});

test("success is an empty status before v4", async (t) => {
  const { server } = await serve(t, { exec: async () => 0 });
  const client = await rawSpdy(t, server.exec({ containerId: "c", stdout: true }).url, "v3.channel.k8s.io");
  const error = client.open({ streamtype: "error" });
  client.open({ streamtype: "stdout" });
  await until(() => client.ended !== undefined, "the end");
  assert.equal(receivedText(error), "");
});

test("no frame is sent before the first stream; then each stream is accepted at once", async (t) => {
  const { server } = await serve(t, echo);
  const url = new URL(server.exec({ containerId: "c", ...all }).url);
  const socket = await bareSocket(t, url.href);
  let bytes = Buffer.alloc(0);
  socket.on("data", (part) => {
    bytes = Buffer.concat([bytes, part]);
  });
  socket.write(
    `POST ${url.pathname} HTTP/1.1\r\nHost: x\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n`,
  );
  await until(() => bytes.includes("\r\n\r\n"), "the response");
  await pause(100);
  const response = bytes.toString("latin1");
  assert.ok(response.endsWith("\r\n\r\n"), "the response has data after its headers");
  assert.match(response, /^HTTP\/1\.1 101 /);
  for (const line of [
    "Connection: Upgrade",
    "Upgrade: SPDY/3.1",
    "X-Stream-Protocol-Version: v4.channel.k8s.io",
  ])
    assert.ok(response.includes(`\r\n${line}\r\n`), line);
  // Compressed with the dictionary, as crictl does; then sent byte by byte.
  bytes = Buffer.alloc(0);
  const block = Buffer.from("78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a5a54945f04000000ffff", "hex");
  const frame = Buffer.concat([
    Buffer.from([0x80, 3, 0, 1, 0, 0, 0, 10 + block.byteLength, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    block,
  ]);
  for (const byte of frame) socket.write(Buffer.from([byte]));
  await until(() => bytes.byteLength >= 8, "the reply");
  assert.deepEqual([...bytes.subarray(0, 5)], [0x80, 3, 0, 2, 0]);
  assert.equal(bytes.readUInt32BE(8), 1);
});

test("pings are acknowledged, even before all streams are open", async (t) => {
  const { server } = await serve(t, echo);
  const client = await rawSpdy(t, server.exec({ containerId: "c", ...all }).url, "v4.channel.k8s.io");
  const seen: Buffer[] = [];
  client.socket.on("data", (part: Buffer) => seen.push(part));
  client.connection.ping();
  await until(() => Buffer.concat(seen).toString("hex").includes("800300060000000400000001"), "the echo");
});

test("input and its end are not lost when they arrive before the last stream", async (t) => {
  const { server } = await serve(t, echo);
  const client = await rawSpdy(
    t,
    server.exec({ containerId: "c", stdin: true, stdout: true }).url,
    "v4.channel.k8s.io",
  );
  const stdin = client.open({ streamtype: "stdin" });
  stdin.stream.write(Buffer.from("early"), () => undefined);
  stdin.stream.end();
  client.open({ streamtype: "error" });
  await pause(50);
  const stdout = client.open({ streamtype: "stdout" });
  await until(() => client.ended !== undefined, "the end");
  assert.equal(receivedText(stdout), "early");
});

test("a missing stream closes the connection, and no handler runs", async (t) => {
  const { server } = await serve(t, { exec: () => assert.fail("it ran") }, { streamTimeoutMs: 100 });
  const client = await rawSpdy(t, server.exec({ containerId: "c", ...all }).url, "v4.channel.k8s.io");
  for (const streamtype of ["error", "stdin", "stdout"]) client.open({ streamtype });
  await until(() => client.ended !== undefined, "the server closes the connection");
  assert.equal(server.sessions, 0);
});

test("a terminal before v3 has no resize stream, and starts without one", async (t) => {
  const { server } = await serve(t, { exec: async ({ tty }) => Number(tty) });
  const request = { containerId: "c", stdout: true, tty: true };
  const client = await rawSpdy(t, server.exec(request).url, "v2.channel.k8s.io");
  const error = client.open({ streamtype: "error" });
  client.open({ streamtype: "stdout" });
  await until(() => client.ended !== undefined, "the end");
  assert.match(receivedText(error), /exit code 1$/);
});

test("resize messages may be split anywhere; an invalid one ends resizing but not the session", async (t) => {
  const sizes: unknown[] = [];
  const { server } = await serve(t, {
    async exec({ stdin, resize }) {
      void (async () => {
        for await (const size of resize) sizes.push(size);
      })();
      await textOf(stdin);
      return 0;
    },
  });
  const request = { containerId: "c", stdin: true, stdout: true, tty: true };
  const client = await rawSpdy(t, server.exec(request).url, "v4.channel.k8s.io");
  const [, stdin, , resize] = ["error", "stdin", "stdout", "resize"].map((streamtype) =>
    client.open({ streamtype }),
  );
  const sendSize = async (text: string) => {
    resize?.stream.write(Buffer.from(text), () => undefined);
    await pause(30);
  };
  await sendSize('{"Wid');
  await sendSize('th":80,"Height":24}\n{"Width":0,"Height":5}');
  await sendSize('{"width":81,"height":25}{"Width":70000,"Height":1}');
  await sendSize('{"Width":90,"Height":30}');
  stdin?.stream.end();
  await until(() => client.ended !== undefined, "the end");
  assert.deepEqual(sizes[0], { columns: 80, rows: 24 });
  assert.ok(sizes.every((size) => (size as { rows: number }).rows < 30));
});

test("unexpected, duplicate and unknown streams are ignored", async (t) => {
  const { server } = await serve(t, echo);
  const client = await rawSpdy(
    t,
    server.exec({ containerId: "c", stdin: true, stdout: true }).url,
    "v4.channel.k8s.io",
  );
  const extra = ["stderr", "resize", "weather", "error", "error"].map((streamtype) =>
    client.open({ streamtype }),
  );
  const nameless = client.open({ other: "x" });
  for (const { stream } of extra) stream.write(Buffer.from("?"), () => undefined);
  const stdin = client.open({ streamtype: "stdin" });
  const stdout = client.open({ streamtype: "stdout" });
  client.open({ streamtype: "stdout" });
  stdin.stream.write(Buffer.from("fine"), () => undefined);
  stdin.stream.end();
  await until(() => client.ended !== undefined, "the end");
  assert.equal(receivedText(stdout), "fine");
  assert.ok([...extra, nameless].every(({ replied }) => replied));
});

test("a reset of stdin ends the input; a reset of stdout stops nothing", async (t) => {
  const { server } = await serve(t, echo);
  const client = await rawSpdy(
    t,
    server.exec({ containerId: "c", stdin: true, stdout: true }).url,
    "v4.channel.k8s.io",
  );
  const [error, stdin, stdout] = ["error", "stdin", "stdout"].map((streamtype) =>
    client.open({ streamtype }),
  );
  stdout?.stream.reset();
  stdin?.stream.write(Buffer.from("x"), () => undefined);
  stdin?.stream.reset();
  await until(() => client.ended !== undefined, "the end");
  assert.equal(JSON.parse(receivedText(error as never)).reason, "NonZeroExitCode");
});

for (const [how, reason, disconnect] of [
  ["GOAWAY", "client_closed", (client) => client.connection.goaway()],
  ["an orderly end", "connection_lost", (client) => client.socket.end()],
  ["a cut", "connection_lost", (client) => client.socket.destroy()],
  ["bytes that are no SPDY", "connection_lost", (client) => client.socket.write(Buffer.alloc(64, 0x80))],
] as readonly (readonly [string, string, (client: Awaited<ReturnType<typeof rawSpdy>>) => unknown])[])
  test(`the client disconnects by ${how}: the signal fires, stdin ends, writes fail`, async (t) => {
    const context: { seen?: import("../../src/server/index.js").ExecContext } = {};
    const { server } = await serve(t, {
      async exec(received) {
        context.seen = received;
        await fired(received.signal, 10_000);
        return 0;
      },
    });
    const client = await rawSpdy(t, server.exec({ containerId: "c", ...all }).url, "v4.channel.k8s.io");
    for (const streamtype of ["error", "stdin", "stdout", "stderr"]) client.open({ streamtype });
    await until(() => context.seen !== undefined, "the handler runs");
    const { signal, stdin, stdout } = context.seen ?? assert.fail();
    disconnect(client);
    assert.equal(((await fired(signal)) as { reason: string }).reason, reason);
    assert.equal(await textOf(stdin), "");
    await within(1_000, new Promise<void>((resolve) => stdout?.write("x", () => resolve())));
    assert.ok(stdout?.destroyed);
    await until(() => server.sessions === 0, "the session is over");
  });

test("an idle session is ended after its timeout; pings keep it open", async (t) => {
  let reason: unknown;
  const { server } = await serve(
    t,
    {
      async exec({ signal }) {
        reason = await fired(signal, 10_000);
        return 0;
      },
    },
    { idleTimeoutMs: 600 },
  );
  const client = await rawSpdy(t, server.exec({ containerId: "c", stdout: true }).url, "v4.channel.k8s.io");
  for (const streamtype of ["error", "stdout"]) client.open({ streamtype });
  for (let n = 0; n < 15; n++) {
    await pause(60);
    client.connection.ping();
  }
  assert.equal(client.ended, undefined);
  await until(() => client.ended !== undefined, "the idle timeout");
  await until(() => reason !== undefined, "the signal");
  assert.match(String(reason), /idle for 600 ms/);
});
