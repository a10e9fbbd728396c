import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { isCriError } from "../../../core/index.js";
import type { ForwardedConnection, PortForward } from "../../../streaming/index.js";
import { casesOf } from "../case.js";
import { take } from "../collect.js";
import type { ConformanceContext } from "../context.js";

/** A container that echoes on a port, and a forward to its pod; resolves when the port responds. */
async function echoing(
  context: ConformanceContext,
  options?: Parameters<ConformanceContext["portForward"]>[1],
) {
  const port = context.port();
  const { podId } = await context.start(context.commands.listen(port));
  const forward = context.portForward(podId, { refusalWaitMs: 200, ...options });
  // A container runs before its process listens.
  const first = await context.eventually("the port responds", () => connected(forward, port));
  return { port, podId, forward, first };
}

async function connected(forward: PortForward, port: number): Promise<ForwardedConnection | undefined> {
  const connection = await forward.connect(port).catch((error: unknown) => {
    if (isCriError(error) && error.reason === "port_refused") return undefined;
    throw error;
  });
  if (!connection) return undefined;
  const reply = echoed(connection, "are you there?");
  return reply.then(
    () => connection,
    () => undefined,
  );
}

/** Sends text and reads the same number of bytes back. */
async function echoed(connection: ForwardedConnection | Socket, text: string): Promise<string> {
  connection.write(text);
  return (await take(connection, Buffer.byteLength(text))).toString();
}

/** PortForward: connections into a pod. */
export const portForwardCases = casesOf("streaming", {
  "forward-carries-bytes": {
    title: "a forwarded connection carries bytes in both directions",
    rule: "The URL of PortForward connects to a port in the pod's network, and carries its bytes.",
    async run(context) {
      const { first } = await echoing(context);
      for (const text of ["one", "two\n", "ünïcödé \0 bytes"]) assert.equal(await echoed(first, text), text);
    },
  },
  "forward-carries-connections-apart": {
    title: "two forwarded connections do not mix",
    rule: "Each connection of PortForward is a separate connection to the port.",
    async run(context) {
      const { forward, port, first } = await echoing(context);
      const second = await forward.connect(port);
      const replies = await Promise.all([echoed(first, "to the first"), echoed(second, "to the second")]);
      assert.deepEqual(replies, ["to the first", "to the second"]);
      first.destroy();
      assert.equal(await echoed(second, "still there"), "still there");
    },
  },
  "forward-reaches-two-ports": {
    title: "one session of PortForward reaches two ports",
    rule: "Over SPDY the caller sends the port of each connection; PortForwardRequest.port has no effect.",
    async run(context) {
      const pooled = { mode: "pooled" } as const;
      const { forward, first } = await echoing(context, pooled);
      const another = context.port();
      await context.start(context.commands.listen(another));
      const second = await context.eventually("the other port responds", () => connected(forward, another));
      const replies = await Promise.all([echoed(first, "to one port"), echoed(second, "to another")]);
      assert.deepEqual(replies, ["to one port", "to another"]);
    },
  },
  "forward-carries-much": {
    title: "a forwarded connection carries a mebibyte completely",
    rule: "No byte of a connection of PortForward is lost or added.",
    async run(context) {
      const { first } = await echoing(context);
      const sent = Buffer.from(
        Array.from({ length: 2 ** 20 }, (_, index) => (index * 7 + (index >> 8)) & 255),
      );
      const back = take(first, sent.byteLength);
      first.write(sent);
      assert.equal((await back).compare(sent), 0);
    },
  },
  "forward-over-websocket": {
    title: "PortForward works over WebSocket",
    rule: "The streaming URL of PortForward supports SPDY/3.1 and WebSocket.",
    async run(context) {
      const { first } = await echoing(context, { transport: "websocket" });
      assert.equal(await echoed(first, "over WebSocket"), "over WebSocket");
    },
  },
  "forward-reports-a-refused-port": {
    title: "a refused port is reported and does not affect other connections",
    rule: "A connection of PortForward to a port that refuses it ends with the reason on its error stream.",
    async run(context) {
      const { forward, first } = await echoing(context, { refusalWaitMs: 3_000 });
      await assert.rejects(
        forward.connect(context.port()),
        (error) => isCriError(error) && error.reason === "port_refused",
      );
      assert.equal(await echoed(first, "still there"), "still there");
    },
  },
  "forward-through-a-local-port": {
    title: "a local port is forwarded to the pod's",
    rule: "PortForward carries any TCP connection.",
    async run(context) {
      const { forward, port } = await echoing(context);
      const listener = await forward.listen(port, { port: 0, signal: context.signal });
      const socket = connect({ host: listener.host, port: listener.port });
      context.defer(() => socket.destroy());
      assert.equal(await echoed(socket, "through a local port"), "through a local port");
    },
  },
  "forward-returns-a-url": {
    title: "PortForward returns a URL that works once",
    rule: "PortForwardResponse.url has a token of its own each time.",
    async run(context) {
      const { id } = await context.sharedPod();
      const request = { podSandboxId: id, port: [80] };
      const urls = [await context.runtime.portForward(request), await context.runtime.portForward(request)];
      assert.notEqual(urls[0]?.url, urls[1]?.url);
      for (const { url } of urls) assert.ok(URL.canParse(url, "http://127.0.0.1"), url);
    },
  },
});
