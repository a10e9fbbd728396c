// Callbacks that call back into the connection, and sockets that end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCode, Http2Error, type StreamReceiver } from "../../src/http2/index.js";
import { duplexPair } from "../support/duplex-pair.js";
import * as h2 from "../support/frames.js";
import { until } from "../support/waiting.js";
import {
  okTrailers,
  Recorder,
  requestFields,
  requestHeaders,
  responseHeaders,
  testedClient,
  testedServer,
} from "./peer.js";

const { data, headers, settings } = h2;
const start = [h2.preface, settings(), h2.settingsAck()];
const request = (id: number) =>
  Buffer.concat([
    headers(id, requestFields),
    data(id, Buffer.alloc(20_000)),
    headers(id, { "x-trailer": "1" }, true),
  ]);

type Callback = Exclude<keyof StreamReceiver, "onDrain">;
const callbacks: readonly Callback[] = ["onHeaders", "onData", "onTrailers", "onEnd", "onClose"];
const actions = ["reset", "destroy", "close", "respond", "throw"] as const;

for (const callback of callbacks)
  for (const action of actions)
    test(`server: ${action} within ${callback}`, async () => {
      const [left, right] = duplexPair();
      const server = testedServer(
        {},
        (stream, received) => {
          const inner = received[callback].bind(received) as (value: unknown) => void;
          let done = false;
          received[callback] = (value?: unknown) => {
            inner(value);
            if (done) return;
            done = true;
            if (action === "reset") stream.reset(errorCode.cancel);
            else if (action === "destroy") server.connection.destroy();
            else if (action === "close") server.connection.close();
            else if (action === "throw" && received === server.received[0])
              throw new Error("a callback threw");
            stream.respond(responseHeaders);
            stream.write(Buffer.alloc(100_000));
            stream.end(okTrailers);
          };
          return received;
        },
        [left, right],
      );
      const { peer, received } = server;
      // In one chunk, so that the callback runs in the middle of it.
      const chunk = Buffer.concat([
        ...start,
        h2.windowUpdate(0, 2 ** 20),
        settings({ 4: 2 ** 20 }),
        ...[1, 3, 5].map(request),
        ...(callback === "onClose" ? [1, 3, 5].map((id) => h2.rstStream(id, 8)) : []),
      ]);
      if (action === "throw") {
        assert.throws(() => left.emit("data", chunk), /a callback threw/);
        await until(() => peer.closed, "the connection closes");
        assert.equal(peer.goaway, errorCode.internalError);
        assert.match(String(server.error), /a callback threw/);
      } else {
        peer.send(chunk);
        await peer.settled();
      }
      // Each stream ended, and a Recorder refuses events after the end.
      for (const { log } of received) assert.match(log.at(-1) ?? "", /^close/);
      if (action === "respond" && callback !== "onClose")
        for (const { log } of received) assert.equal(log.at(-1), "close complete 0");
      assert.equal(peer.goaway, action === "throw" ? 2 : action === "close" ? 0 : undefined);
      server.connection.destroy();
      for (const { log } of received)
        assert.equal(log.filter((entry) => entry.startsWith("close")).length, 1);
      await until(() => server.log.includes("close"), "the socket closes");
      assert.deepEqual(server.log.slice(-2), ["end", "close"]);
    });

test("server: a stream that is reset in onStream ends its receiver, and nothing else arrives", async () => {
  const { peer, connection, received } = testedServer({}, (stream, r) => {
    stream.reset(errorCode.refusedStream);
    return r;
  });
  peer.send(...start, request(1), request(3));
  await peer.settled();
  assert.equal(peer.reset(1), errorCode.refusedStream);
  for (const { log } of received) assert.deepEqual(log, ["close reset-here 7"]);
  connection.destroy();
});

for (const callback of callbacks)
  test(`client: a new request, and the end of the connection, within ${callback}`, async () => {
    const client = testedClient();
    const { peer } = client;
    peer.send(settings({ 3: 1 }));
    await until(() => client.log.includes("ready"), "SETTINGS arrive");
    const first = new Recorder();
    const second = new Recorder();
    const inner = first[callback].bind(first) as (value: unknown) => void;
    let done = false;
    first[callback] = (value?: unknown) => {
      inner(value);
      if (done) return;
      done = true;
      client.connection.request(requestHeaders, undefined, Buffer.alloc(1), second);
      client.connection.destroy(new Error("enough"));
      assert.throws(
        () => client.connection.request(requestHeaders, undefined, Buffer.alloc(1), new Recorder()),
        Http2Error,
      );
    };
    client.connection.request(requestHeaders, undefined, Buffer.alloc(1), first);
    await peer.settled();
    peer.send(
      headers(1, { ":status": "200" }),
      data(1, Buffer.alloc(3)),
      headers(1, { "grpc-status": "0" }, true),
    );
    await until(() => client.log.includes("close"), "the socket closes");
    for (const { log } of [first, second]) assert.match(log.at(-1) ?? "", /^close/);
    assert.match(String(client.error), /enough/);
    assert.deepEqual(client.log, ["ready", "end", "close"]);
  });

test("server: responds to complete requests of a client that ended its half", async () => {
  const { peer, connection, received, streams, log } = testedServer();
  peer.send(...start, headers(1, requestFields, true), headers(3, requestFields));
  await peer.settled();
  peer.socket.end();
  await until(() => received[1]?.end !== undefined, "the incomplete request ends");
  assert.equal(received[1]?.end?.cause, "connection");
  assert.equal(received[0]?.end, undefined);
  streams[0]?.respond(responseHeaders);
  streams[0]?.write(Buffer.alloc(5));
  streams[0]?.end(okTrailers);
  await until(() => log.includes("close"), "the connection closes");
  assert.deepEqual(received[0]?.log, ["headers", "end", "close complete 0"]);
  assert.equal(peer.of(h2.frameType.data).length, 1);
  assert.ok(connection.isEnded);
});

test("server: a client that ends within a frame ends everything", async () => {
  const { peer, received, log } = testedServer();
  peer.send(...start, headers(1, requestFields, true), h2.frame(0, 0, 3, Buffer.alloc(9)).subarray(0, 12));
  peer.socket.end();
  await until(() => log.includes("close"), "the connection closes");
  assert.match(received[0]?.log.at(-1) ?? "", /^close connection/);
});

test("server: GOAWAY of the client is answered, and later requests are not processed", async () => {
  const { peer, received, log } = testedServer();
  peer.send(...start, headers(1, requestFields, true), h2.goaway(0, 0), headers(3, requestFields, true));
  await peer.settled();
  assert.equal(peer.goaway, 0);
  assert.equal(
    peer.of(h2.frameType.goaway)[0]?.payload.readUInt32BE(0),
    1,
    "the last stream that is processed",
  );
  assert.equal(received.length, 1);
  peer.send(h2.rstStream(1, 8));
  await until(() => log.includes("close"), "the connection closes after the last stream");
});

for (const reads of [true, false])
  test(`close(): a peer that ${reads ? "never closes" : "does not even read"} does not keep the socket`, async () => {
    const [left, right] = duplexPair();
    const server = testedServer({}, undefined, [left, right], { reads: false });
    if (reads) right.resume();
    server.peer.send(...start);
    await until(() => server.log.includes("ready"), "SETTINGS arrive");
    server.connection.close();
    await until(() => left.destroyed, "the socket is destroyed");
    assert.deepEqual(server.log, ["ready", "end", "close"]);
    right.destroy();
  });

for (const how of ["destroyed", "errors", "ended"] as const)
  test(`a socket that is ${how} ends streams and connection once`, async () => {
    const [left, right] = duplexPair();
    const client = testedClient({}, [left, right]);
    client.peer.send(settings());
    await until(() => client.log.includes("ready"), "SETTINGS arrive");
    const { received, stream } = client.request();
    await client.peer.settled();
    if (how === "destroyed") left.destroy();
    else if (how === "errors") left.destroy(new Error("ECONNRESET"));
    else right.end();
    await until(() => client.log.includes("close"), "the connection closes");
    assert.deepEqual(client.log, ["ready", "end", "close"]);
    assert.match(received.log.at(-1) ?? "", /^close connection/);
    if (how === "errors") assert.match(String(client.error), /ECONNRESET/);
    // Nothing of this has an effect.
    stream.write(Buffer.alloc(5));
    stream.end();
    stream.reset(8);
    stream.pause();
    stream.resume();
    client.connection.ping(() => undefined);
    client.connection.close();
    client.connection.destroy();
  });

test("a socket that was closed before ends the connection", async () => {
  const [left, right] = duplexPair();
  left.destroy();
  await until(() => left.closed, "the socket is closed");
  const client = testedClient({}, [left, right]);
  await until(() => client.log.includes("close"), "the connection closes");
  right.destroy();
});

test("client: a status whose message begins or ends with a space arrives", async () => {
  const client = testedClient();
  client.peer.send(settings());
  const { received } = client.request(Buffer.alloc(0));
  await client.peer.settled();
  client.peer.send(headers(1, { ":status": "200", "grpc-status": "2", "grpc-message": " failed: " }, true));
  await client.peer.settled();
  assert.equal(received.headers?.["grpc-message"], " failed: ");
  client.connection.destroy();
});

test("client: a server of HTTP/1 is named in the error", async () => {
  const client = testedClient();
  client.peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await until(() => client.log.includes("close"), "the connection closes");
  assert.match(String(client.error), /does not speak HTTP\/2: it sent "HTTP\/1\.1"/);
});

test("pings are acknowledged in order, and not after the end", async () => {
  const client = testedClient();
  const acks: number[] = [];
  for (const n of [1, 2, 3]) client.connection.ping(() => acks.push(n));
  client.peer.send(settings(), h2.frame(6, 1, 0, Buffer.alloc(8)), h2.frame(6, 1, 0, Buffer.alloc(8)));
  await client.peer.settled();
  assert.deepEqual(acks, [1, 2]);
  client.connection.destroy();
  await until(() => client.log.includes("close"), "the connection closes");
  assert.deepEqual(acks, [1, 2]);
});

test("server: what follows a wrong preface is ignored", async () => {
  const [left, right] = duplexPair();
  const server = testedServer({}, undefined, [left, right]);
  for (let n = 0; n < 50; n++) left.emit("data", Buffer.from("GET / HTTP/1.1\r\n"));
  assert.ok(left.listenerCount("close") < 5, `${left.listenerCount("close")} listeners`);
  await until(() => server.log.includes("close"), "the connection closes");
  assert.equal(server.peer.of(h2.frameType.goaway).length, 1);
});
