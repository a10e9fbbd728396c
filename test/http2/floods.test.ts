// Peers that send much for little, or nothing at all: memory stays bounded, and the end is defined.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { errorCode, MemoryLimit } from "../../src/http2/index.js";
import { duplexPair } from "../support/duplex-pair.js";
import * as h2 from "../support/frames.js";
import { until } from "../support/waiting.js";
import {
  okTrailers,
  type RawPeer,
  requestFields,
  responseHeaders,
  type TestedClient,
  type TestedServer,
  testedClient,
  testedServer,
} from "./peer.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const { data, frame, headers, headerBlock, settings, windowUpdate } = h2;
const type = h2.frameType;
const empty = Buffer.alloc(0);
const start = [h2.preface, settings(), h2.settingsAck()];
const calm = errorCode.enhanceYourCalm;

/** The memory outside of what the collector can free soon: buffers, and what is queued. */
function memoryBytes(): number {
  collect();
  const { rss } = process.memoryUsage();
  return rss;
}

/** Sends a part again and again, until the connection ends or `limit` parts were sent. Returns how many. */
async function flood(peer: RawPeer, limit: number, part: (n: number) => Uint8Array): Promise<number> {
  const { socket } = peer;
  for (let n = 0; n < limit; ) {
    const parts: Uint8Array[] = [];
    for (const end = Math.min(limit, n + 500); n < end; n++) parts.push(part(n));
    if (socket.destroyed || socket.writableEnded || peer.goaway !== undefined) return n;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off("close", done);
        resolve();
      };
      socket.write(Buffer.concat(parts), done);
      socket.once("close", done);
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return limit;
}

const growthLimit = 150 * 2 ** 20;

/** A flood that ends the connection with ENHANCE_YOUR_CALM, well before `limit` parts. */
async function endsCalmly(
  tested: TestedServer | TestedClient,
  limit: number,
  part: (n: number) => Uint8Array,
): Promise<void> {
  const before = memoryBytes();
  const { peer } = tested;
  await flood(peer, limit, part);
  await until(() => tested.log.includes("close"), "the connection closes");
  assert.equal(peer.goaway, calm);
  assert.deepEqual(tested.log.slice(-2), ["end", "close"]);
  assert.ok(memoryBytes() - before < growthLimit);
}

const bothRoles = async (run: (tested: TestedServer | TestedClient) => Promise<void>): Promise<void> => {
  const server = testedServer();
  server.peer.send(...start, headers(1, requestFields));
  await server.peer.settled();
  await run(server);
  const client = testedClient();
  client.peer.send(settings());
  client.request();
  await client.peer.settled();
  client.peer.send(headers(1, { ":status": "200" }));
  await run(client);
};

const floods: Readonly<Record<string, Uint8Array>> = {
  SETTINGS: settings({ 4: 70_000 }),
  "empty SETTINGS": settings(),
  "acknowledgements of SETTINGS": h2.settingsAck(),
  PING: frame(type.ping, 0, 0, Buffer.alloc(8)),
  "acknowledgements of PING": frame(type.ping, 1, 0, Buffer.alloc(8)),
  "empty DATA": data(1, empty),
  PRIORITY: frame(type.priority, 0, 1, Buffer.alloc(5)),
  "unknown frames": frame(0xfa, 0, 0, empty),
};

for (const [name, part] of Object.entries(floods))
  test(`a flood of ${name} ends the connection, in both roles`, () =>
    bothRoles((tested) => endsCalmly(tested, 100_000, () => part)));

test("a client's flood of empty padded DATA costs windows, which are given back", async () => {
  const { peer, connection } = testedServer();
  peer.send(...start, headers(1, requestFields));
  const before = memoryBytes();
  assert.equal(await flood(peer, 20_000, () => frame(0, 8, 1, Buffer.from([0]))), 20_000);
  await peer.settled();
  assert.ok(memoryBytes() - before < growthLimit);
  connection.destroy();
});

test("rapid reset ends the connection", async () => {
  const server = testedServer({}, (stream, received) => {
    stream.respond(responseHeaders);
    return received;
  });
  server.peer.send(...start);
  await endsCalmly(server, 100_000, (n) =>
    Buffer.concat([headers(2 * n + 1, requestFields), h2.rstStream(2 * n + 1, 8)]),
  );
  assert.ok(server.received.length < 30_000, `${server.received.length} requests were processed`);
});

test("requests that make the server reset them end the connection", async () => {
  const server = testedServer();
  server.peer.send(...start);
  await endsCalmly(server, 100_000, (n) =>
    Buffer.concat([headers(2 * n + 1, requestFields), windowUpdate(2 * n + 1, 0)]),
  );
});

test("malformed requests end the connection", async () => {
  const server = testedServer();
  server.peer.send(...start);
  await endsCalmly(server, 100_000, (n) => headers(2 * n + 1, { a: "b" }));
  assert.equal(server.received.length, 0);
});

test("streams above the limit are refused, and too many of them end the connection", async () => {
  const server = testedServer({ maxConcurrentStreams: 3 });
  server.peer.send(...start, ...[1, 3, 5, 7].map((id) => headers(id, requestFields)));
  await server.peer.settled();
  assert.equal(server.received.length, 3);
  assert.equal(server.peer.reset(7), errorCode.refusedStream);
  // What follows on it is ignored.
  server.peer.send(data(7, Buffer.alloc(10), true));
  await server.peer.settled();
  assert.equal(server.peer.goaway, undefined);
  server.peer.send(h2.rstStream(1, 8), headers(9, requestFields));
  await server.peer.settled();
  assert.equal(server.received.length, 4);
  await endsCalmly(server, 100_000, (n) => headers(2 * n + 11, requestFields));
  assert.equal(server.received.length, 4);
});

test("requests after GOAWAY are ignored, and too many of them end the connection", async () => {
  const server = testedServer();
  server.peer.send(...start, headers(1, requestFields));
  await server.peer.settled();
  server.connection.close();
  await flood(server.peer, 1_000, (n) => headers(2 * n + 3, requestFields));
  const { peer } = server;
  for (let n = 1_000; n < 100_000 && !server.connection.isEnded; n += 500)
    await new Promise<void>((resolve) => {
      if (peer.socket.destroyed) return void resolve();
      const more = Array.from({ length: 500 }, (_, at) => headers(2 * (n + at) + 3, requestFields));
      peer.socket.write(Buffer.concat(more), () => setImmediate(resolve));
    });
  await until(() => peer.closed, "the connection closes");
  assert.equal(server.received.length, 1);
  assert.equal(peer.of(type.goaway).at(-1)?.payload.readUInt32BE(4), calm);
});

test("headers on streams that were reset end the connection", async () => {
  const server = testedServer();
  server.peer.send(...start, headers(1, requestFields), windowUpdate(1, 0));
  await server.peer.settled();
  await endsCalmly(server, 100_000, () => frame(type.headers, 4, 1, empty));
});

test("informational responses without an end end the connection", async () => {
  const client = testedClient();
  client.peer.send(settings());
  client.request();
  await client.peer.settled();
  await endsCalmly(client, 100_000, () => headers(1, { ":status": "103" }));
});

for (const [name, bytes, expected] of [
  ["empty", 0, 11_000],
  ["small", 1, 11_000],
  ["full", 16_384, 10],
] as const)
  test(`a CONTINUATION flood of ${name} frames ends the connection, in both roles`, () =>
    bothRoles(async (tested) => {
      const before = memoryBytes();
      tested.peer.send(frame(type.headers, 0, 1, empty));
      const count = await flood(tested.peer, 100_000, () =>
        frame(type.continuation, 0, 1, Buffer.alloc(bytes, 0x82)),
      );
      await until(() => tested.peer.closed, "the connection closes");
      assert.equal(tested.peer.goaway, calm);
      assert.ok(count <= expected + 2_000, `${count} frames`);
      assert.ok(memoryBytes() - before < growthLimit);
    }));

test("an HPACK bomb is rejected without being kept", async () => {
  const server = testedServer();
  const { peer } = server;
  // An entry of 4,000 bytes, named again by each byte of further blocks.
  const big = headerBlock({ "x-big": "v".repeat(4_000) });
  big[0] = 0x40;
  peer.send(...start, frame(type.headers, 5, 1, Buffer.concat([headerBlock(requestFields), big])));
  await peer.settled();
  const before = memoryBytes();
  const { user } = process.cpuUsage();
  for (let n = 1; n < 100; n++) {
    const bomb = Buffer.concat([headerBlock(requestFields), Buffer.alloc(16_000, 0xbe)]);
    peer.send(frame(type.headers, 5, 2 * n + 1, bomb));
  }
  await peer.settled();
  assert.equal(peer.reset(3), calm);
  assert.equal(server.received.length, 1);
  assert.ok(memoryBytes() - before < growthLimit);
  // 6 GB of header fields in 1.6 MB: read one by one, without being joined.
  assert.ok(process.cpuUsage().user - user < 20_000_000);
  server.connection.destroy();
});

test("a flood of WINDOW_UPDATE has no effect", async () => {
  const { peer, connection, streams } = testedServer();
  peer.send(h2.preface, settings({ 4: 0 }), headers(1, requestFields, true));
  await peer.settled();
  streams[0]?.respond(responseHeaders);
  streams[0]?.write(Buffer.alloc(100));
  const before = memoryBytes();
  await flood(peer, 100_000, (n) => windowUpdate(n % 2, 1));
  await peer.settled();
  assert.equal(peer.goaway, undefined);
  assert.ok(memoryBytes() - before < growthLimit);
  connection.destroy();
});

test("windows of zero for ever: the responses are limited in total", async () => {
  const queueLimit = new MemoryLimit(2 ** 22);
  const { peer, connection, received } = testedServer({ queueLimit }, (stream, r) => {
    stream.respond(responseHeaders);
    stream.write(Buffer.alloc(2 ** 16));
    return r;
  });
  peer.send(h2.preface, settings({ 4: 0 }));
  for (let n = 0; n < 500; n++) peer.send(headers(2 * n + 1, requestFields));
  await peer.settled();
  const open = received.filter(({ end }) => !end).length;
  assert.ok(open >= 60 && open <= 64, `${open} responses wait`);
  connection.destroy();
  assert.ok(queueLimit.add(2 ** 22), "nothing is left of them");
});

for (const kind of ["responses", "errors"] as const)
  test(`a client that sends requests and does not read ${kind} is disconnected`, async () => {
    const [left, right] = duplexPair();
    const server = testedServer(
      {},
      (stream, received) => {
        if (kind === "errors")
          stream.respond(responseHeaders, { "grpc-message": "m".repeat(500) }, { endStream: true });
        else {
          stream.respond(responseHeaders);
          stream.write(Buffer.alloc(1_000));
          stream.end(okTrailers);
        }
        return received;
      },
      [left, right],
      { reads: false },
    );
    const before = memoryBytes();
    server.peer.send(...start);
    for (let n = 0; n < 200 && !server.connection.isEnded; n++)
      await flood(server.peer, 500, (at) => headers(2 * (500 * n + at) + 1, requestFields, true));
    assert.ok(left.writableLength < 2 ** 23, `${left.writableLength} bytes wait`);
    assert.ok(memoryBytes() - before < growthLimit);
    if (kind === "errors") {
      assert.ok(server.connection.isEnded);
      assert.match(String(server.error), /ENHANCE_YOUR_CALM/);
    } else {
      // Their content waits for windows: the streams stay open, and further ones are refused.
      assert.ok(server.streams.length < 11_000);
    }
    server.connection.destroy();
    right.destroy();
    await until(() => server.log.includes("close"), "the connection closes");
  });

test("a peer that sends a byte at a time, and stops anywhere, keeps little", async () => {
  const stream = Buffer.concat([
    ...start,
    headers(1, requestFields),
    data(1, Buffer.alloc(300)),
    headers(1, { a: "b" }, true),
  ]);
  for (let length = 0; length < stream.length; length += 7) {
    const { peer, connection, log } = testedServer();
    for (const byte of stream.subarray(0, length)) peer.socket.write(Buffer.from([byte]));
    peer.socket.end();
    await until(() => log.includes("close"), `the connection closes after ${length} bytes`);
    assert.ok(connection.isEnded);
  }
});

test("a server's responses and DATA on streams that were canceled do not accumulate", async () => {
  const client = testedClient();
  const { peer } = client;
  peer.send(settings());
  const before = memoryBytes();
  for (let n = 0; n < 3_000; n++) {
    client.request(Buffer.alloc(1)).stream.reset(8);
    peer.send(
      headers(2 * n + 1, { ":status": "200" }),
      data(2 * n + 1, Buffer.alloc(1_000)),
      headers(2 * n + 1, { a: "b" }, true),
    );
    if (n % 100 === 0) await peer.settled();
  }
  await peer.settled();
  assert.equal(peer.goaway, undefined);
  assert.ok(client.connection.isUsable);
  assert.ok(memoryBytes() - before < growthLimit);
  client.connection.destroy();
});
