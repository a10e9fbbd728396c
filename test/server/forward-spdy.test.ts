import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { PortForwardContext } from "../../src/server/index.js";
import { type RawSpdy, rawSpdy, receivedText } from "../support/raw-streaming.js";
import { serve } from "../support/streaming-server.js";
import { until } from "../support/waiting.js";

const echo = async ({ connection, port }: PortForwardContext) => {
  for await (const part of connection.iterator({ destroyOnReturn: false }))
    connection.write(`${port}:${part}`);
};
const protocol = "portforward.k8s.io";

function pair(client: RawSpdy, requestid: string, port = 80) {
  const headers = { port: String(port), requestid };
  const error = client.open({ ...headers, streamtype: "error" });
  return { error, data: client.open({ ...headers, streamtype: "data" }) };
}

function send({ stream }: ReturnType<RawSpdy["open"]>, text: string): void {
  stream.write(Buffer.from(text), () => undefined);
  stream.end();
}

test("a connection ends with its data stream, then with its empty error stream", async (t) => {
  const { server } = await serve(t, { portForward: echo });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const { error, data } = pair(client, "0");
  send(data, "hi");
  await until(() => error.end !== undefined, "the end");
  assert.deepEqual(
    [data.end, error.end, receivedText(data), receivedText(error)],
    ["fin", "fin", "80:hi", ""],
  );
  assert.equal(client.ended, undefined, "the session stays open");
});

test("stream pairs match in any order, and request ids may be reused", async (t) => {
  const { server } = await serve(t, { portForward: echo });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const open = (streamtype: string, requestid: string, port: string) =>
    client.open({ streamtype, requestid, port });
  // Go opens several error streams before the data streams that belong to them.
  const errors = ["a", "b", "c"].map((id, at) => open("error", id, String(at + 1)));
  const datas = ["c", "a"].map((id) => open("data", id, id === "c" ? "3" : "1"));
  const first = open("data", "d", "4");
  first.stream.write(Buffer.from("early"), () => undefined);
  await pause(30);
  const late = open("error", "d", "4");
  datas.push(open("data", "b", "2"), first);
  for (const [at, data] of datas.entries()) send(data, `n${at}`);
  await until(() => [...errors, late].every(({ end }) => end !== undefined), "all ends");
  assert.deepEqual(datas.map(receivedText), ["3:n0", "1:n1", "2:n2", "4:early4:n3"]);
  const again = pair(client, "a", 9);
  send(again.data, "x");
  await until(() => again.error.end !== undefined, "the end");
  assert.equal(receivedText(again.data), "9:x");
});

test("without request ids, an error stream pairs with the data stream after it", async (t) => {
  const { server } = await serve(t, { portForward: echo });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const opened = [1, 2, 3].map((port) => {
    const error = client.open({ streamtype: "error", port: String(port) });
    return { error, data: client.open({ streamtype: "data", port: String(port) }) };
  });
  for (const { data } of opened) send(data, "x");
  await until(() => opened.every(({ error }) => error.end !== undefined), "all ends");
  assert.deepEqual(
    opened.map(({ data }) => receivedText(data)),
    ["1:x", "2:x", "3:x"],
  );
});

test("an invalid stream is reset, and the session continues", async (t) => {
  const { server } = await serve(t, { portForward: echo });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const wrong = [
    { streamtype: "data", requestid: "1" },
    { streamtype: "data", requestid: "1", port: "0" },
    { streamtype: "data", requestid: "1", port: "65536" },
    { streamtype: "error", requestid: "1", port: "http" },
    { streamtype: "stdin", requestid: "1", port: "80" },
    { requestid: "1", port: "80" },
  ].map((headers) => client.open(headers as Record<string, string>));
  await until(() => wrong.every(({ end }) => end === "reset"), "the resets");
  const one = client.open({ streamtype: "data", requestid: "2", port: "80" });
  const twin = client.open({ streamtype: "data", requestid: "2", port: "80" });
  await until(() => twin.end === "reset", "the twin's reset");
  const error = client.open({ streamtype: "error", requestid: "2", port: "80" });
  send(one, "fine");
  await until(() => error.end !== undefined, "the end");
  assert.equal(receivedText(one), "80:fine");
});

test("an incomplete pair times out, and the session continues", async (t) => {
  const { server } = await serve(t, { portForward: echo }, { streamTimeoutMs: 80 });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const error = client.open({ streamtype: "error", requestid: "1", port: "80" });
  const data = client.open({ streamtype: "data", requestid: "2", port: "80" });
  await until(() => error.end !== undefined && data.end !== undefined, "both streams have ended");
  assert.match(receivedText(error), /data stream was not opened within 80 ms/);
  assert.deepEqual([error.end, data.end], ["fin", "reset"]);
  const good = pair(client, "3");
  send(good.data, "x");
  await until(() => good.error.end !== undefined, "the end");
  assert.equal(receivedText(good.data), "80:x");
});

test("a failure is sent on its own error stream, after the data; other connections continue", async (t) => {
  const { server } = await serve(t, {
    async portForward({ connection, port }) {
      if (port !== 81) return echo({ connection, port } as PortForwardContext);
      connection.write("some bytes");
      throw new Error("read ECONNRESET");
    },
  });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const [good, bad] = [pair(client, "1", 80), pair(client, "2", 81)];
  await until(() => bad.error.end !== undefined, "the failure");
  assert.equal(receivedText(bad.data), "some bytes");
  assert.equal(receivedText(bad.error), "error forwarding port 81 to pod p: read ECONNRESET");
  send(good.data, "x");
  await until(() => good.error.end !== undefined, "the end");
  assert.deepEqual([receivedText(good.data), receivedText(good.error)], ["80:x", ""]);
});

test("a reset of one connection fires its signal only", async (t) => {
  const signals = new Map<number, AbortSignal>();
  const { server } = await serve(t, {
    async portForward({ connection, port, signal }) {
      signals.set(port, signal);
      await once(connection.resume(), "close");
    },
  });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const [one] = [pair(client, "1", 1), pair(client, "2", 2)];
  await until(() => signals.size === 2, "two connections");
  one?.data.stream.reset();
  await until(() => signals.get(1)?.aborted === true, "the first signal");
  assert.equal(signals.get(2)?.aborted, false);
  client.socket.destroy();
  await until(() => signals.get(2)?.aborted === true, "the second signal");
});

test("a handler that destroys its connection resets it, and its signal does not fire", async (t) => {
  let aborted: boolean | undefined;
  const { server } = await serve(t, {
    async portForward({ connection, signal }) {
      connection.write("x");
      connection.destroy();
      await pause(50);
      aborted = signal.aborted;
    },
  });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const { data, error } = pair(client, "1");
  await until(() => error.end !== undefined, "the end");
  assert.deepEqual([data.end, aborted], ["reset", false]);
});

test("bytes for a finished handler do not stall other connections", async (t) => {
  const { server } = await serve(t, {
    async portForward({ connection, port }) {
      if (port === 80) await echo({ connection, port } as PortForwardContext);
    },
  });
  const client = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const done = pair(client, "1", 81);
  await until(() => done.error.end !== undefined, "the first connection has ended");
  done.data.stream.write(Buffer.alloc(2 ** 21), () => undefined);
  const good = pair(client, "2", 80);
  send(good.data, "x");
  await until(() => good.error.end !== undefined, "the second connection has ended");
  assert.equal(receivedText(good.data), "80:x");
});

test("GOAWAY ends the session at once, or after the last connection", async (t) => {
  const { server } = await serve(t, { portForward: echo });
  const idle = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  idle.connection.goaway();
  await until(() => idle.ended !== undefined, "the server closes the connection");
  const busy = await rawSpdy(t, server.portForward({ podSandboxId: "p" }).url, protocol);
  const { data, error } = pair(busy, "1");
  await until(() => data.replied && error.replied, "the connection");
  busy.connection.goaway();
  await pause(50);
  assert.equal(busy.ended, undefined);
  send(data, "last words");
  await until(() => busy.ended !== undefined, "the server closes the connection");
  assert.equal(receivedText(data), "80:last words");
});
