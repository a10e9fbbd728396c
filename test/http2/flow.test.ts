// Flow control both ways, and the settings that change it.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import * as net from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ClientConnection, MemoryLimit, ServerConnection, type Stream } from "../../src/http2/index.js";
import { cleanup } from "../support/cleanup.js";
import { duplexPair } from "../support/duplex-pair.js";
import * as h2 from "../support/frames.js";
import { tempFolder } from "../support/temp.js";
import { until } from "../support/waiting.js";
import {
  okTrailers,
  type RawPeer,
  Recorder,
  requestFields,
  requestHeaders,
  responseHeaders,
  testedClient,
  testedServer,
} from "./peer.js";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const { data, headers, settings, windowUpdate } = h2;
const type = h2.frameType;
const start = [h2.preface, settings(), h2.settingsAck()];
const zeros = (bytes: number) => Buffer.alloc(bytes);
const sent = (peer: RawPeer, streamId?: number) =>
  peer.of(type.data, streamId).reduce((bytes, f) => bytes + f.payload.length, 0);
const credited = (peer: RawPeer, streamId: number) =>
  peer.of(type.windowUpdate, streamId).reduce((bytes, f) => bytes + f.payload.readUInt32BE(), 0);

test("a paused stream receives its window; more is an error of the stream, and the connection goes on", async () => {
  const { peer, received, streams, connection } = testedServer({ streamWindowBytes: 65_535 }, (stream, r) => {
    stream.pause();
    return r;
  });
  peer.send(...start, headers(1, requestFields), headers(3, requestFields));
  for (let n = 0; n < 4; n++) peer.send(data(1, zeros(n < 3 ? 16_384 : 16_383)));
  await peer.settled();
  assert.equal(received[0]?.bytes, 65_535);
  assert.equal(credited(peer, 1), 0);
  peer.send(data(1, zeros(1)));
  await peer.settled();
  assert.equal(peer.reset(1), 3);
  streams[1]?.resume();
  peer.send(data(3, zeros(10), true));
  await peer.settled();
  assert.deepEqual(received[1]?.log, ["headers", "data", "end"]);
  connection.destroy();
});

test("paused streams do not delay others, until they have filled the connection's window", async () => {
  const [ours, theirs] = duplexPair();
  const streams: Stream[] = [];
  const noEvents = { onReady: () => undefined, onEnd: () => undefined, onClose: () => undefined };
  const server = new ServerConnection(theirs, {
    ...noEvents,
    onStream(stream) {
      streams.push(stream);
      return new Recorder();
    },
  });
  const client = new ClientConnection(
    ours,
    { ...noEvents, onGoaway: () => undefined },
    { streamWindowBytes: 65_535 },
  );
  const request = () => {
    const received = new Recorder();
    return { received, stream: client.request(requestHeaders, undefined, Buffer.alloc(1), received) };
  };
  const respond = async (n: number, bytes: number) => {
    await until(() => streams.length > n, "the request has arrived");
    streams[n]?.respondWhole(responseHeaders, zeros(bytes), okTrailers);
  };
  const paused: ReturnType<typeof request>[] = [];
  for (let n = 0; n < 15; n++) {
    const one = request();
    paused.push(one);
    one.stream.pause();
    await respond(n, 10 * 65_535);
    await until(() => one.received.bytes === 65_535, "a full window");
  }
  // The place for one more is enough for any number of others.
  for (let n = 15; n < 65; n++) {
    const { received } = request();
    await respond(n, 50_000);
    await until(() => received.end !== undefined, "the response beside paused streams");
    assert.equal(received.bytes, 50_000);
  }
  // The sixteenth takes it.
  const last = request();
  paused.push(last);
  last.stream.pause();
  await respond(65, 10 * 65_535);
  await until(() => last.received.bytes > 40_000, "most of a window");
  const waiting = request();
  await respond(66, 65_535);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(waiting.received.end, undefined);
  assert.ok(paused.every(({ received }) => received.bytes <= 65_535));
  paused[0]?.stream.resume();
  await until(() => waiting.received.end !== undefined, "the response after one stream goes on");
  for (const { stream } of paused) stream.resume();
  await until(() => paused.every(({ received }) => received.bytes === 10 * 65_535), "all content");
  client.destroy();
  server.destroy();
});

test("more than the connection's window is an error of the connection", async () => {
  const { peer } = testedServer({ connectionWindowBytes: 65_535 }, (stream, received) => {
    stream.pause();
    return received;
  });
  peer.send(...start, headers(1, requestFields), headers(3, requestFields));
  peer.send(...[1, 3, 1, 3].map((id) => data(id, zeros(16_384))));
  await peer.settled();
  assert.equal(peer.goaway, 3);
});

test("a client may use 65,535 bytes before it knows of a smaller window", async () => {
  const { peer, received, connection } = testedServer({ streamWindowBytes: 10, connectionWindowBytes: 10 });
  peer.send(...start, headers(1, requestFields), data(1, zeros(65_535), true));
  await peer.settled();
  assert.deepEqual(received[0]?.log, ["headers", "data", "end"]);
  assert.equal(received[0]?.bytes, 65_535);
  connection.destroy();
});

test("credits are neither lost nor given twice: padding, pauses, resets in the middle of a frame", async () => {
  const limit = 65_535;
  const { peer, streams, connection } = testedServer({
    streamWindowBytes: limit,
    connectionWindowBytes: limit,
  });
  peer.send(...start);
  await peer.settled();
  let total = 0;
  let id = -1;
  for (let round = 0; round < 60; round++) {
    id += 2;
    peer.send(headers(id, requestFields));
    await peer.settled();
    const stream = streams.at(-1);
    if (!stream) throw new Error("no stream");
    if (round % 3 === 0) stream.pause();
    const content = Buffer.concat([Buffer.from([100]), zeros(8_000), zeros(100)]);
    const frame = h2.frame(type.data, 8, id, content);
    peer.send(frame.subarray(0, 3_000));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    if (round % 4 === 1) stream.reset(8);
    if (round % 4 === 2) stream.pause();
    if (round % 4 === 2) stream.resume();
    peer.send(frame.subarray(3_000));
    if (round % 4 === 3) peer.send(h2.rstStream(id, 8));
    await peer.settled();
    total += content.length;
    if (round % 4 === 0 || round % 4 === 2) stream.reset(8);
    // What is not given back yet is less than a quarter of the window.
    const back = credited(peer, 0);
    assert.ok(back <= total, `${back} bytes were given back after ${total}`);
    assert.ok(
      total - back < limit / 4 + content.length,
      `${total - back} bytes are missing in round ${round}`,
    );
    assert.equal(peer.goaway, undefined);
  }
  connection.destroy();
});

test("a response waits for both windows, and the changes of SETTINGS apply to open streams", async () => {
  let stream: Stream | undefined;
  const { peer, connection, received } = testedServer({}, (s, r) => {
    stream = s;
    return r;
  });
  peer.send(h2.preface, settings({ 4: 100 }), headers(1, requestFields, true));
  await peer.settled();
  stream?.respond(responseHeaders);
  stream?.write(zeros(1_000));
  await peer.settled();
  assert.equal(sent(peer), 100);
  // The window is now -50: a WINDOW_UPDATE of 60 leaves 10.
  peer.send(settings({ 4: 50 }), windowUpdate(1, 50));
  await peer.settled();
  assert.equal(sent(peer), 100);
  peer.send(windowUpdate(1, 10));
  await peer.settled();
  assert.equal(sent(peer), 110);
  peer.send(settings({ 4: 200 }));
  await peer.settled();
  assert.equal(sent(peer), 260);
  stream?.end(okTrailers);
  peer.send(settings({ 4: 0 }), settings({ 4: 2 ** 31 - 1 - 1_000 }));
  await peer.settled();
  assert.equal(sent(peer), 1_000);
  const order = peer.frames.slice(-4).map((f) => f.type);
  assert.deepEqual(
    order,
    [type.settings, type.data, type.headers, type.ping],
    "trailers are behind the content",
  );
  assert.deepEqual(received[0]?.log, ["headers", "end", "close complete 0"]);
  connection.destroy();
});

test("streams take turns: a small response does not wait for a large one", async () => {
  const streams: Stream[] = [];
  const { peer, connection } = testedServer({}, (stream, received) => {
    streams.push(stream);
    return received;
  });
  peer.send(
    h2.preface,
    settings({ 4: 2 ** 24 }),
    headers(1, requestFields, true),
    headers(3, requestFields, true),
  );
  await peer.settled();
  for (const [n, bytes] of [2 ** 23, 100_000].entries()) {
    streams[n]?.respond(responseHeaders);
    streams[n]?.write(zeros(bytes));
    streams[n]?.end(okTrailers);
  }
  for (let n = 0; n < 400 && sent(peer, 3) < 100_000; n++) {
    peer.send(windowUpdate(0, 2 ** 16));
    await peer.settled();
  }
  assert.equal(sent(peer, 3), 100_000);
  assert.ok(sent(peer, 1) < 2 ** 20, `${sent(peer, 1)} bytes of the large one were before it`);
  connection.destroy();
});

test("frames have the size that the peer allows", async () => {
  const { peer, connection } = testedServer({}, (stream, received) => {
    stream.respond(responseHeaders, { "x-long": "v".repeat(50_000) });
    stream.write(zeros(60_000));
    return received;
  });
  peer.send(...start, headers(1, requestFields));
  await peer.settled();
  assert.ok(peer.frames.every((f) => f.payload.length <= 16_384));
  assert.equal(peer.of(type.continuation).length, 3);
  peer.send(settings({ 5: 50_000 }), windowUpdate(0, 2 ** 20), headers(3, requestFields));
  await peer.settled();
  assert.ok(peer.of(type.data, 3).some((f) => f.payload.length === 50_000));
  connection.destroy();
});

test("small writes that wait are joined into full frames", async () => {
  const { peer, connection } = testedServer({}, (stream, received) => {
    stream.respond(responseHeaders);
    for (let n = 0; n < 20_000; n++) stream.write(Buffer.from([n, n >> 8, 1]));
    stream.end();
    return received;
  });
  peer.send(h2.preface, settings({ 4: 0 }), headers(1, requestFields, true));
  await peer.settled();
  peer.send(windowUpdate(1, 60_000));
  await peer.settled();
  const frames = peer.of(type.data);
  assert.deepEqual(
    frames.map((f) => f.payload.length),
    [16_384, 16_384, 16_384, 10_848],
  );
  const content = Buffer.concat(frames.map((f) => f.payload));
  for (let n = 0; n < 20_000; n++) assert.equal(content.readUInt16LE(3 * n), n);
  connection.destroy();
});

test("what waits for windows is limited in total, the memory of small parts included", async () => {
  const limit = new MemoryLimit(2 ** 20);
  const { peer, connection, received } = testedServer({ queueLimit: limit }, (stream, r) => {
    stream.respond(responseHeaders);
    for (let n = 0; n < 20_000 && !stream.isClosed; n++) stream.write(Buffer.alloc(10));
    return r;
  });
  peer.send(h2.preface, settings({ 4: 0 }), headers(1, requestFields, true));
  await peer.settled();
  assert.equal(peer.reset(1), 11);
  assert.match(received[0]?.log.at(-1) ?? "", /close violation 11/);
  // All of it was released.
  assert.ok(limit.add(2 ** 20));
  limit.add(-(2 ** 20));
  connection.destroy();
});

test("onDrain follows a write that returned false, and does not follow the end", async () => {
  let written = 0;
  const { peer, connection, received } = testedServer({}, (stream, r) => {
    stream.respond(responseHeaders);
    while (stream.write(zeros(10_000))) written += 10_000;
    return r;
  });
  peer.send(h2.preface, settings({ 4: 0 }), headers(1, requestFields));
  await peer.settled();
  assert.ok(written < 2 ** 17);
  assert.ok(!received[0]?.log.includes("drain"));
  peer.send(windowUpdate(1, 60_000));
  await peer.settled();
  assert.ok(received[0]?.log.includes("drain"));
  connection.destroy();

  const second = testedServer({}, (stream, r) => {
    stream.respond(responseHeaders);
    while (stream.write(zeros(10_000)));
    stream.end();
    return r;
  });
  second.peer.send(h2.preface, settings({ 4: 0 }), headers(1, requestFields, true));
  await second.peer.settled();
  second.peer.send(windowUpdate(1, 100_000), windowUpdate(0, 100_000));
  await second.peer.settled();
  assert.equal(second.received[0]?.log.at(-1), "close complete 0");
  second.connection.destroy();
});

/** A socket whose buffer is larger than what a connection leaves unsent. */
class SlowSocket extends Duplex {
  bytes = 0;

  constructor(highWaterMark: number) {
    super({ writableHighWaterMark: highWaterMark });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.bytes += chunk.length;
    setTimeout(done, 1);
  }
}

for (const highWaterMark of [1, 16_384, 2 ** 19, 2 ** 22])
  test(`everything is sent by a socket with a buffer of ${highWaterMark} bytes`, async () => {
    const socket = new SlowSocket(highWaterMark);
    const { connection } = testedServer(
      {},
      (stream, received) => {
        stream.respond(responseHeaders);
        stream.write(zeros(2 ** 22));
        stream.end();
        return received;
      },
      [socket, duplexPair()[1]],
    );
    socket.push(
      Buffer.concat([
        h2.preface,
        settings({ 4: 2 ** 24 }),
        windowUpdate(0, 2 ** 24),
        headers(1, requestFields, true),
      ]),
    );
    await until(() => socket.bytes > 2 ** 22, "all bytes are written");
    connection.destroy();
  });

test("the client obeys MAX_CONCURRENT_STREAMS, lowered and raised, and sends what waits in order", async () => {
  const client = testedClient();
  const { peer } = client;
  peer.send(settings({ 3: 2 }));
  await until(() => client.log.includes("ready"), "SETTINGS arrive");
  const requests = Array.from({ length: 6 }, () => client.request(zeros(1)));
  const ids = () => peer.of(type.headers).map((f) => f.streamId);
  await peer.settled();
  assert.deepEqual(ids(), [1, 3]);
  peer.send(settings({ 3: 1 }));
  peer.send(headers(1, { ":status": "200" }, true));
  await peer.settled();
  assert.deepEqual(ids(), [1, 3]);
  peer.send(headers(3, { ":status": "200" }, true));
  await peer.settled();
  assert.deepEqual(ids(), [1, 3, 5]);
  requests[3]?.stream.reset(8);
  assert.deepEqual(requests[3]?.received.log, ["close reset-here 8"]);
  assert.equal(requests[3]?.received.end?.unprocessed, true);
  peer.send(settings({ 3: 100 }));
  await peer.settled();
  assert.deepEqual(ids(), [1, 3, 5, 7, 9]);
  assert.equal(peer.of(type.rst).length, 0);
  client.connection.destroy();
});

test("requests that were canceled while they waited are forgotten", async () => {
  const client = testedClient();
  client.peer.send(settings({ 3: 0 }));
  await until(() => client.log.includes("ready"), "SETTINGS arrive");
  const weak: WeakRef<Buffer>[] = [];
  for (let n = 0; n < 100; n++) {
    const body = zeros(2 ** 20);
    weak.push(new WeakRef(body));
    client.request(body).stream.reset(8);
  }
  await until(() => {
    collect();
    // The last one may be on the stack.
    return weak.filter((ref) => ref.deref()).length < 10;
  }, "the bodies are released");
  client.connection.destroy();
});

test("close() lets waiting requests finish", async () => {
  const client = testedClient();
  const { peer } = client;
  peer.send(settings({ 3: 1 }));
  await until(() => client.log.includes("ready"), "SETTINGS arrive");
  const requests = [1, 2, 3].map(() => client.request(zeros(1)));
  client.connection.close();
  assert.ok(!client.connection.isUsable);
  assert.throws(() => client.request(zeros(1)), /takes no new requests/);
  for (const [n, { received }] of requests.entries()) {
    await until(() => peer.of(type.headers).length > n, "the request arrives");
    peer.send(headers(2 * n + 1, { ":status": "200" }, true));
    await until(() => received.end !== undefined, "the response");
    assert.equal(received.end?.cause, "complete");
  }
  await until(() => client.log.includes("close"), "the connection closes");
  assert.equal(client.error, undefined);
});

test("GOAWAY: later streams are unprocessed, earlier ones finish; a second one ends more of them", async () => {
  const client = testedClient();
  const { peer } = client;
  peer.send(settings({ 3: 3 }));
  await until(() => client.log.includes("ready"), "SETTINGS arrive");
  const requests = [1, 3, 5, 7].map(() => client.request(zeros(1)).received);
  peer.send(h2.goaway(2 ** 31 - 1, 0));
  await peer.settled();
  assert.equal(requests[3]?.end?.unprocessed, true, "waiting");
  assert.equal(requests[2]?.end, undefined);
  assert.ok(!client.connection.isUsable && !client.connection.isEnded);
  peer.send(h2.goaway(1, 0));
  await peer.settled();
  for (const n of [1, 2]) {
    assert.equal(requests[n]?.end?.unprocessed, true);
    assert.equal(requests[n]?.end?.cause, "connection");
  }
  assert.equal(requests[0]?.end, undefined);
  peer.send(headers(1, { ":status": "200" }, true));
  await until(() => client.log.includes("close"), "the connection closes");
  assert.equal(requests[0]?.log.at(-1), "close complete 0");
  assert.deepEqual(client.log, ["ready", "goaway 0", "goaway 0", "end", "close"]);
});

const mib16 = 2 ** 24;

for (const [clientIs, serverIs] of [
  ["ours", "ours"],
  ["node", "ours"],
  ["ours", "node"],
] as const)
  test(`16 MiB both ways at once: client ${clientIs}, server ${serverIs}`, async (t) => {
    const path = join(await tempFolder(t), "s.sock");
    const sockets: net.Socket[] = [];
    let server: net.Server | http2.Http2Server;
    if (serverIs === "ours")
      server = net.createServer({ allowHalfOpen: true }, (socket) => {
        socket.on("error", () => undefined);
        new ServerConnection(socket, {
          onReady: () => undefined,
          onEnd: () => undefined,
          onClose: () => undefined,
          onStream(stream) {
            const received = new Recorder();
            stream.respond(responseHeaders);
            stream.write(zeros(mib16));
            received.onEnd = () => {
              assert.equal(received.bytes, mib16);
              stream.end(okTrailers);
            };
            return received;
          },
        });
      });
    else {
      server = http2.createServer({ settings: { initialWindowSize: 2 ** 20 } });
      server.on("stream", (stream) => {
        stream.on("error", () => undefined);
        stream.respond({ ":status": 200 });
        stream.end(zeros(mib16));
        stream.resume();
      });
    }
    server.on("connection", (socket: net.Socket) => sockets.push(socket));
    server.listen(path);
    await once(server, "listening");
    cleanup(t, () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    if (clientIs === "node") {
      const session = http2.connect("http://localhost", {
        createConnection: () => net.connect(path),
        maxSessionMemory: 100,
      });
      cleanup(t, () => session.destroy());
      const request = session.request({ ":method": "POST" });
      let bytes = 0;
      request.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.end(zeros(mib16));
      await until(() => bytes === mib16, "the response", 60_000);
      return;
    }
    const client = new ClientConnection(net.connect(path), {
      onReady: () => undefined,
      onGoaway: () => undefined,
      onEnd: () => undefined,
      onClose: () => undefined,
    });
    cleanup(t, () => client.destroy());
    const calls = [0, 1].map(() => {
      const received = new Recorder();
      client.request(requestHeaders, undefined, zeros(mib16), received);
      return received;
    });
    await until(() => calls.every(({ end }) => end), "the responses", 60_000);
    for (const { bytes, end } of calls) {
      assert.equal(end?.cause, "complete", JSON.stringify(end));
      assert.equal(bytes, mib16);
    }
  });

test("10,000 blocked streams cost nothing at each WINDOW_UPDATE", async () => {
  const { peer, connection } = testedServer({ maxConcurrentStreams: 20_000 }, (stream, received) => {
    stream.respond(responseHeaders);
    stream.write(zeros(100));
    return received;
  });
  const updates = Buffer.concat(Array.from({ length: 20_000 }, () => windowUpdate(0, 1)));
  const measure = async (): Promise<number> => {
    const { user } = process.cpuUsage();
    peer.send(updates);
    await peer.settled();
    return process.cpuUsage().user - user;
  };
  peer.send(h2.preface, settings({ 4: 0 }));
  await peer.settled();
  const idle = Math.max(await measure(), await measure());
  for (let n = 0; n < 10_000; n++) peer.send(headers(2 * n + 1, requestFields));
  await peer.settled(60_000);
  const busy = Math.min(await measure(), await measure());
  assert.ok(busy < 10 * idle + 100_000, `${busy} µs with 10,000 blocked streams, ${idle} µs without`);
  connection.destroy();
});
