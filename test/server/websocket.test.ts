import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { cleanup } from "../support/cleanup.js";
import { fired, serve } from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";

interface RawWebSocket {
  readonly socket: WebSocket;
  readonly messages: { readonly bytes: Buffer; readonly binary: boolean }[];
  /** Resolves with the close code. */
  readonly closed: Promise<number>;
}

/** Opens a client that sends arbitrary messages. */
async function open(t: TestContext, url: string, ...protocols: string[]): Promise<RawWebSocket> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocols);
  cleanup(t, () => socket.terminate());
  const messages: RawWebSocket["messages"] = [];
  socket.on("message", (data, binary) => messages.push({ bytes: data as Buffer, binary }));
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  socket.on("error", () => undefined);
  await within(5_000, once(socket, "open"), "the WebSocket");
  return { socket, messages, closed: within(10_000, closed, "the close") };
}

/** Returns the HTTP status code of a refused upgrade. */
async function refusal(t: TestContext, url: string, ...protocols: string[]): Promise<number | undefined> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocols);
  cleanup(t, () => socket.terminate());
  socket.on("error", () => undefined);
  const [, response] = await within(5_000, once(socket, "unexpected-response"));
  return response.statusCode;
}

const ofChannel = (messages: RawWebSocket["messages"], channel: number) =>
  Buffer.concat(messages.filter(({ bytes }) => bytes[0] === channel).map(({ bytes }) => bytes.subarray(1)));
const ofDigit = (messages: RawWebSocket["messages"], digit: number) =>
  messages
    .map(({ bytes }) => bytes.toString("latin1"))
    .filter((text) => text[0] === String(digit))
    .map((text) => Buffer.from(text.slice(1), "base64").toString())
    .join("");

const all = { stdin: true, stdout: true, stderr: true };
/** Replies to the first chunk of the input and ends; without input, ends with it. */
const once1 = {
  async exec({ stdin, stdout, stderr }: import("../../src/server/index.js").ExecContext) {
    for await (const part of stdin ?? []) {
      stdout?.write(`got ${part}`);
      stderr?.write("warning");
      if (String(part) !== "more") break;
    }
    return 4;
  },
};

for (const protocol of ["v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io", ""])
  test(`${protocol || "no subprotocol"}: binary channels, the first message, the status, the close`, async (t) => {
    const { server } = await serve(t, once1);
    const { url } = server.exec({ containerId: "c", ...all });
    const { socket, messages, closed } = await open(t, url, ...(protocol ? [protocol] : []));
    assert.equal(socket.protocol, protocol);
    await until(() => messages.length > 0, "the first message");
    assert.deepEqual(messages[0], { bytes: Buffer.from([1]), binary: true });
    socket.send(Buffer.from("\0hello"));
    assert.equal(await closed, 1_000);
    assert.equal(ofChannel(messages, 1).toString(), "got hello");
    assert.equal(ofChannel(messages, 2).toString(), "warning");
    const status = ofChannel(messages, 3).toString();
    if (protocol.startsWith("v")) assert.equal(JSON.parse(status).details.causes[0].message, "4");
    else assert.match(status, /exit code 4$/);
    assert.equal(messages.at(-1)?.bytes[0], 3, "the status comes last");
  });

for (const protocol of ["v4.base64.channel.k8s.io", "base64.channel.k8s.io"])
  test(`${protocol}: text channels`, async (t) => {
    const { server } = await serve(t, once1);
    const { url } = server.exec({ containerId: "c", ...all });
    const { socket, messages, closed } = await open(t, url, protocol);
    await until(() => messages.length > 0, "the first message");
    assert.deepEqual(messages[0], { bytes: Buffer.from("1"), binary: false });
    socket.send(`0${Buffer.from("hello").toString("base64")}`);
    assert.equal(await closed, 1_000);
    assert.equal(ofDigit(messages, 1), "got hello");
    assert.equal(ofDigit(messages, 2), "warning");
    assert.match(ofDigit(messages, 3), /exit code 4/);
    assert.ok(messages.every(({ binary }) => !binary));
  });

test("the first message is on the lowest output channel", async (t) => {
  const { server } = await serve(t, { exec: ({ signal }) => fired(signal).then(() => 0) });
  for (const [streams, channel] of [
    [{ stderr: true }, 2],
    [{ stdin: true }, 3],
  ] as const) {
    const { socket, messages } = await open(
      t,
      server.exec({ containerId: "c", ...streams }).url,
      "v4.channel.k8s.io",
    );
    await until(() => messages.length > 0, "the first message");
    assert.deepEqual(messages[0]?.bytes, Buffer.from([channel]));
    socket.terminate();
  }
});

test("v5 can end stdin, v4 cannot", async (t) => {
  const { server } = await serve(t, once1);
  const ask = () => server.exec({ containerId: "c", ...all }).url;
  const five = await open(t, ask(), "v5.channel.k8s.io");
  five.socket.send(Buffer.from("\0more"));
  five.socket.send(Buffer.from([255, 0]));
  assert.equal(await five.closed, 1_000);
  const four = await open(t, ask(), "v4.channel.k8s.io");
  four.socket.send(Buffer.from([255, 0]));
  four.socket.send(Buffer.from([0]));
  four.socket.send(Buffer.from("\0end"));
  assert.equal(await four.closed, 1_000);
  assert.equal(
    ofChannel(four.messages, 1).toString(),
    "got end",
    "the mark and the empty message were no end",
  );
});

test("the client's preference selects the protocol; protocols that runtimes lack over WebSocket are refused", async (t) => {
  const { server } = await serve(t, once1);
  const ask = () => server.exec({ containerId: "c", ...all }).url;
  const chosen = await open(t, ask(), "v9.channel.k8s.io", "channel.k8s.io", "v5.channel.k8s.io");
  assert.equal(chosen.socket.protocol, "channel.k8s.io");
  assert.equal(await refusal(t, ask(), "v2.channel.k8s.io", "v3.channel.k8s.io"), 403);
  assert.equal(await refusal(t, ask(), "SPDY31"), 403);
});

test("pings are acknowledged; unknown channels and empty messages are ignored", async (t) => {
  const { server } = await serve(t, once1);
  const { socket, messages, closed } = await open(
    t,
    server.exec({ containerId: "c", ...all }).url,
    "v4.channel.k8s.io",
  );
  const pong = once(socket, "pong");
  socket.ping("still there");
  assert.equal(String((await within(5_000, pong))[0]), "still there");
  for (const bytes of [[], [9, 1, 2], [1, 7], [3], [200]]) socket.send(Buffer.from(bytes));
  socket.send("\0text is taken, too");
  assert.equal(await closed, 1_000);
  assert.equal(ofChannel(messages, 1).toString(), "got text is taken, too");
});

test("a message that violates its protocol ends the session", async (t) => {
  const { server } = await serve(t, { exec: ({ signal }) => fired(signal).then(() => 0) });
  const { socket, closed } = await open(
    t,
    server.exec({ containerId: "c", ...all }).url,
    "base64.channel.k8s.io",
  );
  socket.send("0this is no base64!");
  assert.equal(await closed, 1_002);
  await until(() => server.sessions === 0, "the session is over");
});

for (const [how, reason, disconnect] of [
  ["a close frame", "client_closed", (socket) => socket.close(1_000)],
  ["a close frame of a client that goes away", "connection_lost", (socket) => socket.close(1_001)],
  ["a cut", "connection_lost", (socket) => socket.terminate()],
] as readonly (readonly [string, string, (socket: WebSocket) => void])[])
  test(`the client disconnects by ${how}: the signal fires, and stdin ends`, async (t) => {
    const { server } = await serve(t, {
      async exec({ stdin, signal }) {
        const reason = await fired(signal);
        ends.push((reason as { reason: string }).reason);
        stdin?.on("end", () => ends.push("end")).resume();
        return 0;
      },
    });
    const ends: string[] = [];
    const { socket, messages } = await open(
      t,
      server.exec({ containerId: "c", ...all }).url,
      "v5.channel.k8s.io",
    );
    await until(() => messages.length > 0, "the session");
    disconnect(socket);
    await until(() => ends.length === 2, "the handler's signal fires");
    assert.deepEqual(ends, [reason, "end"]);
  });

test("an idle WebSocket is closed after its timeout", async (t) => {
  const { server } = await serve(
    t,
    { exec: ({ signal }) => fired(signal).then(() => 0) },
    { idleTimeoutMs: 100 },
  );
  const { closed } = await open(t, server.exec({ containerId: "c", ...all }).url, "v4.channel.k8s.io");
  assert.equal(await closed, 1_006);
});

test("port-forward of two ports: port numbers first, then data and failures", async (t) => {
  const ends: string[] = [];
  const { server } = await serve(t, {
    async portForward({ port, connection, podSandboxId }) {
      ends.push(`${podSandboxId}:${port}`);
      if (port === 81) throw new Error("connect ECONNREFUSED 127.0.0.1:81");
      const [part] = await once(connection, "data");
      connection.end(`${port} got ${part}`);
    },
  });
  for (const protocol of ["v4.channel.k8s.io", ""]) {
    const { url } = server.portForward({ podSandboxId: "pod", port: [80, 81] });
    const { socket, messages, closed } = await open(t, url, ...(protocol ? [protocol] : []));
    await until(() => messages.length >= 5, "the first messages");
    for (const [channel, port] of [
      [0, 80],
      [1, 80],
      [2, 81],
      [3, 81],
    ] as const)
      assert.deepEqual(
        messages.find(({ bytes }) => bytes[0] === channel)?.bytes,
        Buffer.from([channel, port, 0]),
      );
    socket.send(Buffer.from("\0bytes"));
    assert.equal(await closed, 1_000);
    assert.equal(ofChannel(messages, 0).subarray(2).toString(), "80 got bytes");
    assert.equal(ofChannel(messages, 1).byteLength, 2);
    assert.equal(ofChannel(messages, 2).byteLength, 2);
    assert.match(ofChannel(messages, 3).subarray(2).toString(), /port 81 to pod pod: connect ECONNREFUSED/);
  }
  assert.deepEqual(ends, ["pod:80", "pod:81", "pod:80", "pod:81"]);
});

test("port-forward without ports ends at once", async (t) => {
  const { server } = await serve(t, { portForward: () => assert.fail("it ran") });
  const { closed } = await open(t, server.portForward({ podSandboxId: "pod" }).url, "v4.channel.k8s.io");
  assert.equal(await closed, 1_000);
});
