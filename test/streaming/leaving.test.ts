// A client closes its connection only after the server has replied to every stream: containerd would otherwise wait forever for
// its own replies, with the lock of the container's output.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { attach, exec, portForward, SpdyConnection, type SpdyStream } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { until, within } from "../support/waiting.js";

interface Peer {
  readonly url: string;
  /** The streams that the client has opened. */
  readonly streams: SpdyStream[];
  /** What arrived, in this order. */
  readonly events: string[];
  /** Resolves when the client's connection has ended. */
  readonly ended: Promise<void>;
}

/** Starts a server that replies to no stream by itself. */
async function silentPeer(t: TestContext): Promise<Peer> {
  const streams: SpdyStream[] = [];
  const events: string[] = [];
  let markEnded = () => {};
  const ended = new Promise<void>((resolve) => {
    markEnded = resolve;
  });
  const onUpgrade = (protocol: string, socket: Duplex, head: Buffer) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
    );
    const connection = new SpdyConnection(socket, {
      role: "server",
      head,
      onStream: (stream) => void streams.push(stream),
      onGoaway: () => {
        events.push("goaway");
        connection.destroy();
      },
      onEnd: () => {
        events.push("end");
        markEnded();
      },
    });
    cleanup(t, () => connection.destroy());
  };
  const server = createServer();
  server.on("upgrade", ({ headers }, socket, head) =>
    onUpgrade(String(headers["x-stream-protocol-version"]).split(", ")[0] ?? "", socket, head),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup(t, () => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/session/token`;
  return { url, streams, events, ended };
}

const openings = [
  { name: "attach", streams: 3, open: attach },
  { name: "exec", streams: 3, open: exec },
] as const;
const reasons = {
  close: "client_closed",
  detach: "client_closed",
  abort: "aborted_by_caller",
  deadline: "deadline",
  "start timeout": "start_timeout",
} as const;
/** Less than the 5 s after which a connection is hung up without replies. */
const boundMs = 4_000;
const leavings = Object.keys(reasons) as (keyof typeof reasons)[];

for (const { name, streams, open } of openings)
  for (const leaving of leavings)
    test(`${name}, ${leaving}: the session ends at once, its connection after the last reply`, async (t) => {
      const peer = await silentPeer(t);
      const controller = new AbortController();
      const session = await open(peer.url, {
        transport: "spdy",
        signal: controller.signal,
        timeoutMs: leaving === "deadline" ? 1_000 : undefined,
        startTimeoutMs: leaving === "start timeout" ? 1_000 : undefined,
      });
      await until(() => peer.streams.length === streams, "all streams are open");
      if (leaving === "abort") controller.abort();
      const left: Promise<unknown> =
        leaving === "close" || leaving === "detach" ? session[leaving]() : Promise.resolve();
      await within(boundMs, failure(session.ended, reasons[leaving]), "the session");
      await within(boundMs, left, leaving);

      for (const stream of peer.streams) {
        await pause(20);
        assert.deepEqual(peer.events, [], "the connection is open before the last reply");
        stream.reply();
        // Output that arrives before the last reply is dropped.
        stream.write(Buffer.alloc(100_000), () => undefined);
      }
      await within(boundMs, peer.ended, "the end of the connection");
      assert.deepEqual(peer.events, leaving === "detach" ? ["goaway", "end"] : ["end"]);
    });

test("a stream that the server resets counts as replied", async (t) => {
  const peer = await silentPeer(t);
  const session = await attach(peer.url, { transport: "spdy" });
  await until(() => peer.streams.length === 3, "all streams are open");
  await session.close();
  for (const stream of peer.streams) stream.reset();
  await within(boundMs, peer.ended, "the end of the connection");
});

test("a server that never replies does not keep the connection open", async (t) => {
  const peer = await silentPeer(t);
  const session = await attach(peer.url, { transport: "spdy" });
  await until(() => peer.streams.length === 3, "all streams are open");
  await session.close();
  await within(30_000, peer.ended, "the end of the connection");
});

for (const mode of ["isolated", "pooled"] as const)
  test(`${mode} port-forward: close() resolves at once, the connection ends after the last reply`, async (t) => {
    const peer = await silentPeer(t);
    const forward = portForward(() => peer.url, { mode, transport: "spdy" });
    const connecting = failure(forward.connect(80), "client_closed");
    await until(() => peer.streams.length === 2, "both streams are open");
    await within(boundMs, forward.close(), "close()");
    await connecting;
    for (const stream of peer.streams) {
      await pause(20);
      assert.deepEqual(peer.events, [], "the connection is open before the last reply");
      stream.reply();
    }
    await within(boundMs, peer.ended, "the end of the connection");
  });
