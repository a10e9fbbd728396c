import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { PortForwardContext } from "../../src/server/index.js";
import { type PortForward, type PortForwardOptions, portForward } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import {
  digestOf,
  drained,
  type Served,
  serve,
  transports,
  ways,
  writeBytes,
} from "../support/streaming-server.js";
import { until, within } from "../support/waiting.js";

const mebibyte = 2 ** 20;
const everyWay = transports.flatMap((transport) => ways.map((way) => ({ transport, way })));

/** Echoes all data, and ends when the client does. */
async function echo({ connection }: PortForwardContext): Promise<void> {
  connection.pipe(connection);
  await once(connection, "close");
}

function forwardTo(t: TestContext, { server, reach }: Served, options: PortForwardOptions = {}): PortForward {
  const source = (port: number) => server.portForward({ podSandboxId: "pod", port: [port] }).url;
  const forward = portForward(source, { ...reach, ...options });
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  return forward;
}

/** Reads from a connection until `bytes` bytes have arrived. */
async function take(connection: Duplex, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  const listen = (part: Buffer) => {
    parts.push(part);
    length += part.byteLength;
  };
  connection.on("data", listen);
  await until(() => length >= bytes, `${bytes} bytes`);
  connection.removeListener("data", listen);
  return Buffer.concat(parts);
}

for (const { transport, way } of everyWay) {
  test(`${transport}, ${way}: bytes in both directions, and the signal when the client disconnects`, async (t) => {
    const seen: PortForwardContext[] = [];
    const served = await serve(
      t,
      {
        portForward(context) {
          seen.push(context);
          return echo(context);
        },
      },
      { way },
    );
    const forward = forwardTo(t, served, { transport });
    const connection = await forward.connect(8080);
    connection.write("hello");
    assert.equal(String(await take(connection, 5)), "hello");
    const [context] = seen;
    assert.deepEqual([context?.podSandboxId, context?.port], ["pod", 8080]);
    assert.equal(context?.signal.aborted, false);
    connection.destroy();
    await until(
      () => context?.signal.aborted === true && context.connection.destroyed,
      "the handler's signal fires",
    );
    await until(() => served.server.sessions === 0, "the session is over");
  });

  test(`${transport}, ${way}: a port that refuses connections reports the reason`, async (t) => {
    const refused = new Error("connect ECONNREFUSED 127.0.0.1:81");
    const served = await serve(t, { portForward: () => Promise.reject(refused) }, { way });
    const forward = forwardTo(t, served, { transport });
    let failure = "";
    await forward.connect(81).then(
      async (connection) => {
        connection.on("error", () => undefined).resume();
        await until(() => connection.closed, "the end");
        failure = String(connection.errored);
      },
      (error) => {
        failure = String(error);
      },
    );
    assert.match(failure, /error forwarding port 81 to pod pod: connect ECONNREFUSED.*port_refused/);
  });

  test(`${transport}, ${way}: 32 MiB in both directions at the same time`, async (t) => {
    const sent: string[] = [];
    const served = await serve(
      t,
      {
        async portForward({ connection }) {
          const [sha256, got] = await Promise.all([
            writeBytes(connection, 32 * mebibyte),
            takeHash(connection, 32 * mebibyte),
          ]);
          sent.push(sha256, got);
          await once(connection, "close");
        },
      },
      { way },
    );
    const connection = await forwardTo(t, served, { transport }).connect(80);
    const [ours, theirs] = await Promise.all([
      writeBytes(connection, 32 * mebibyte),
      takeHash(connection, 32 * mebibyte),
    ]);
    await until(() => sent.length === 2, "the handler has received all data");
    assert.deepEqual(sent, [theirs, ours]);
    connection.destroy();
  });
}

/** Returns the SHA-256 of the first `bytes` bytes. */
async function takeHash(connection: Duplex, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  let length = 0;
  const done = new Promise<void>((resolve) => {
    connection.on("data", (part: Buffer) => {
      hash.update(part);
      length += part.byteLength;
      if (length >= bytes) resolve();
    });
  });
  await within(30_000, done, `${bytes} bytes`);
  return hash.digest("hex");
}

for (const way of ways) {
  test(`spdy, ${way}: each direction ends on its own`, async (t) => {
    const served = await serve(
      t,
      {
        async portForward({ connection, port }) {
          if (port === 1) {
            // The server ends its half first; the client still sends data.
            connection.end("greeting");
            assert.equal((await digestOf(connection)).bytes, 5);
            order.push("1");
          } else {
            assert.equal((await digestOf(connection)).bytes, 7);
            await pause(100);
            connection.write("the reply after the end");
            order.push("2");
          }
        },
      },
      { way },
    );
    const order: string[] = [];
    const forward = forwardTo(t, served, { transport: "spdy", halfClose: true });
    const first = await forward.connect(1);
    assert.equal((await digestOf(first)).bytes, 8);
    first.end("after");
    await until(() => order.length === 1, "the data after the server's end");
    const second = await forward.connect(2);
    second.end("request");
    assert.equal((await digestOf(second)).bytes, "the reply after the end".length);
    await until(() => served.server.sessions === 0, "both sessions are over");
  });

  for (const mode of ["pooled", "isolated"] as const)
    test(`spdy, ${way}: 200 ${mode} connections at once`, async (t) => {
      const served = await serve(t, { portForward: echo }, { way });
      const forward = forwardTo(t, served, { mode, transport: "spdy" });
      await Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          const connection = await forward.connect(1_000 + index);
          const text = `number ${index} `.repeat(100);
          connection.write(text);
          assert.equal(String(await take(connection, text.length)), text);
          connection.destroy();
        }),
      );
      assert.ok(served.server.sessions <= (mode === "pooled" ? 1 : 200));
    });
}

test("an unread connection does not stall another one that transfers 100 MiB", async (t) => {
  const served = await serve(t, {
    async portForward({ connection, port, signal }) {
      if (port === 1) {
        while (!signal.aborted) if (!connection.write(Buffer.alloc(65_536))) await drained(connection);
      } else {
        await writeBytes(connection, 100 * mebibyte);
        connection.end();
      }
    },
  });
  const forward = forwardTo(t, served);
  const stalled = await forward.connect(1);
  await pause(100);
  const moving = await forward.connect(2);
  const { bytes, sha256 } = await digestOf(moving);
  assert.equal(bytes, 100 * mebibyte);
  assert.equal(sha256, expected);
  stalled.destroy();
});

/** The SHA-256 of the 100 MiB that `writeBytes` writes. */
const expected = await (async () => {
  const { PassThrough } = await import("node:stream");
  const sink = new PassThrough();
  sink.resume();
  return writeBytes(sink, 100 * mebibyte);
})();
