// With `portWaitMs`, a connection is opened again while no process listens on its port yet.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { get } from "node:http";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { criError } from "../../src/server/index.js";
import { type PortForwardOptions, portForward } from "../../src/streaming/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { serve, textOf, writeBytes } from "../support/streaming-server.js";
import { within } from "../support/waiting.js";

/** Longer than any attempt takes on a busy machine. */
const longMs = 60_000;

interface PortOptions extends PortForwardOptions {
  /** How many connections the port refuses. */
  readonly refusals: number;
  /** What happens on an accepted connection. */
  readonly accept: (connection: Duplex) => unknown;
  /** Whether the server receives something before it refuses. */
  readonly readsFirst?: boolean;
}

/** A port that refuses the first connections. */
async function latePort(t: TestContext, { refusals, accept, readsFirst = false, ...options }: PortOptions) {
  const seen = { refused: 0, accepted: 0 };
  const { server } = await serve(t, {
    async portForward({ connection }) {
      if (seen.refused < refusals) {
        seen.refused++;
        if (readsFirst) await once(connection, "readable");
        throw criError("port_refused", "dial tcp4 127.0.0.1:80: connect: connection refused");
      }
      seen.accepted++;
      await accept(connection);
    },
  });
  const forward = portForward((port) => server.portForward({ podSandboxId: "p", port: [port] }).url, options);
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  return { forward, seen };
}

/** A web server that responds with the request that it received, without a length. */
async function web(connection: Duplex): Promise<void> {
  let request = "";
  const isWhole = () => {
    const [head, body] = request.split(/\r\n\r\n([\s\S]*)/);
    if (head === undefined || body === undefined) return false;
    const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
    return head.includes("chunked") ? body.includes("0\r\n\r\n") : body.length >= length;
  };
  await new Promise<void>((resolve) =>
    connection.on("data", (part) => {
      request += part;
      if (isWhole()) resolve();
    }),
  );
  connection.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${request}`);
}

async function echo(connection: Duplex): Promise<void> {
  connection.pipe(connection);
  await once(connection, "close");
}

/** Receives a number of bytes, and then sends their digest. */
const digest = (bytes: number) => async (connection: Duplex) => {
  const hash = createHash("sha256");
  let received = 0;
  connection.on("data", (part: Buffer) => {
    hash.update(part);
    received += part.byteLength;
    if (received >= bytes) connection.end(hash.digest("hex"));
  });
  await once(connection, "finish");
};

const ways = [
  { transport: "spdy", mode: "isolated" },
  { transport: "spdy", mode: "isolated", halfClose: true },
  { transport: "spdy", mode: "pooled" },
  { transport: "websocket", mode: "isolated" },
] as const satisfies PortForwardOptions[];

for (const way of ways) {
  const name = Object.values(way).join(", ");

  test(`${name}: fetch waits for the port and sends its request once`, async (t) => {
    const { forward, seen } = await latePort(t, { ...way, refusals: 4, accept: web });
    assert.equal((await failure(forward.fetch(80, "/"))).reason, "port_refused");
    const stream = new Blob(["from a stream"]).stream();
    for (const body of [undefined, "a text", stream]) {
      const init = body === undefined ? {} : { method: "POST", body };
      const response = await within(longMs, forward.fetch(80, "/late", { ...init, portWaitMs: longMs }));
      const text = await response.text();
      assert.equal(text.split("/late").length, 2, text);
      if (body === stream) assert.equal(text.split("from a stream").length, 2, text);
      if (body === "a text") assert.equal(text.split("a text").length, 2, text);
    }
    assert.deepEqual(seen, { refused: 4, accepted: 3 });
  });

  test(`${name}: connect waits for the port, and bytes that were written before arrive once and in order`, async (t) => {
    const { forward, seen } = await latePort(t, {
      ...{ ...way, refusals: 3, readsFirst: true, portWaitMs: longMs },
      accept: digest(300_000),
    });
    const connection = await forward.connect(80);
    const sent = await writeBytes(connection, 300_000, 10_000);
    assert.equal(await textOf(connection, longMs), sent);
    assert.deepEqual(seen, { refused: 3, accepted: 1 });
  });

  test(`${name}: more than is kept waits until the port accepts`, async (t) => {
    const bytes = 3_000_000;
    const { forward, seen } = await latePort(t, {
      ...{ ...way, refusals: 3, readsFirst: true, portWaitMs: longMs },
      accept: digest(bytes),
    });
    const connection = await forward.connect(80);
    const sent = await writeBytes(connection, bytes, 1_000_000);
    assert.equal(await textOf(connection, longMs), sent);
    assert.deepEqual(seen, { refused: 3, accepted: 1 });
  });

  test(`${name}: what the port sends first arrives`, async (t) => {
    const { forward } = await latePort(t, {
      ...way,
      refusals: 2,
      accept: (port) => once(port.end("hello"), "finish"),
    });
    const connection = await forward.connect(80, { portWaitMs: longMs });
    assert.equal(await textOf(connection, longMs), "hello");
  });

  test(`${name}: the wait ends with the refusal, the deadline, the signal and the connection`, async (t) => {
    const { forward } = await latePort(t, { ...way, refusals: Number.POSITIVE_INFINITY, accept: echo });
    const refused = await failure(within(longMs, forward.fetch(80, "/", { portWaitMs: 1_500 })));
    assert.equal(refused.reason, "port_refused");
    assert.match(refused.message, /connection refused.*tried again for 1500 ms/);

    const connection = await forward.connect(80, { portWaitMs: longMs, timeoutMs: 2_000 });
    const [late] = await within(longMs, once(connection, "error"));
    assert.equal(late.reason, "deadline");

    const controller = new AbortController();
    const aborted = await forward.connect(80, { portWaitMs: longMs, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    const [stopped] = await within(longMs, once(aborted, "error"));
    assert.equal(stopped.reason, "aborted_by_caller");

    const fetching = new AbortController();
    const fetched = forward.fetch(80, "/", { portWaitMs: longMs, signal: fetching.signal });
    setTimeout(() => fetching.abort(), 50);
    await assert.rejects(within(longMs, fetched), { name: "AbortError" });

    const left = await forward.connect(80, { portWaitMs: longMs });
    left.destroy();
    await within(longMs, once(left, "close"));
  });
}

test("connect with refusalWaitMs resolves once the port accepts", async (t) => {
  const { forward, seen } = await latePort(t, {
    ...{ refusals: 3, refusalWaitMs: 300, portWaitMs: longMs },
    accept: (port) => {
      port.write("hello");
      return once(port, "close");
    },
  });
  const connection = await within(longMs, forward.connect(80));
  assert.deepEqual(seen, { refused: 3, accepted: 1 });
  connection.destroy();
  const never = await latePort(t, { refusals: Number.POSITIVE_INFINITY, refusalWaitMs: 300, accept: echo });
  const error = await failure(within(longMs, never.forward.connect(80, { portWaitMs: 500 })));
  assert.equal(error.reason, "port_refused");
});

test("listen and the agent wait for the port", async (t) => {
  const { forward } = await latePort(t, { refusals: 3, accept: web });
  await using local = await forward.listen(80, { port: 0, portWaitMs: longMs });
  const response = await within(longMs, fetch(`http://127.0.0.1:${local.port}/by-listen`));
  assert.match(await response.text(), /GET \/by-listen/);

  const other = await latePort(t, { refusals: 3, portWaitMs: longMs, accept: web });
  const status = new Promise((resolve, reject) =>
    get({ agent: other.forward.agent, port: 80, path: "/by-agent" }, (response) =>
      response.resume().once("end", () => resolve(response.statusCode)),
    ).once("error", reject),
  );
  assert.equal(await within(longMs, status), 200);

  const onError: unknown[] = [];
  const never = await latePort(t, { refusals: Number.POSITIVE_INFINITY, accept: web });
  await using refused = await never.forward.listen(80, {
    ...{ port: 0, portWaitMs: 100 },
    onError: (error) => onError.push(error),
  });
  const client = connectTcp(refused.port, "127.0.0.1").on("error", () => undefined);
  await within(longMs, once(client, "close"));
  assert.match(String(onError[0]), /port_refused/);
});

test("a refusal after the port has sent something is an error", async (t) => {
  let connections = 0;
  const { server } = await serve(t, {
    async portForward({ connection }) {
      connections++;
      await new Promise((resolve) => connection.write("hello", resolve));
      throw criError("port_refused", "connection refused");
    },
  });
  const forward = portForward((port) => server.portForward({ podSandboxId: "p", port: [port] }).url);
  cleanup(t, () => within(30_000, forward.close(), "the forward's close()"));
  const connection = await forward.connect(80, { portWaitMs: longMs });
  let text = "";
  connection.on("data", (part) => {
    text += part;
  });
  const [error] = await within(longMs, once(connection, "error"));
  assert.deepEqual([error.reason, text, connections], ["port_refused", "hello", 1]);
});

test("a wait that closes with its port-forward ends", async (t) => {
  const { forward } = await latePort(t, { refusals: Number.POSITIVE_INFINITY, accept: echo });
  const connection = await forward.connect(80, { portWaitMs: longMs });
  const fetched = failure(within(longMs, forward.fetch(80, "/", { portWaitMs: longMs })));
  await within(longMs, forward.close());
  assert.equal((await fetched).reason, "client_closed");
  assert.ok(connection.destroyed);
});

test("fetch refuses misspelt and invalid options", async (t) => {
  const { forward } = await latePort(t, { refusals: 0, accept: web });
  for (const [init, message] of [
    [{ portWaitsMs: 5 }, /portWaitsMs is not an option \(did you mean portWaitMs\?\)/],
    [{ timeoutMs: 5 }, /timeoutMs is not an option/],
    [{ portWaitMs: -1 }, /portWaitMs must be 0 or more milliseconds, got -1/],
    [{ portWaitMs: null }, /portWaitMs must not be null/],
  ] as const) {
    const fetched = (async () => await forward.fetch(80, "/", init as object))();
    const error = await failure(fetched);
    assert.deepEqual([error.reason, message.test(error.message)], ["invalid_option", true], error.message);
  }
  const response = await forward.fetch(80, "/", { body: null, signal: null });
  assert.match(await response.text(), /GET \//);
});
