import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { CriErrorCode, CriErrorReason } from "../../src/core/index.js";
import { answerHeaders, envelope, goodAnswer, trailers, versionMessage } from "../support/answers.js";
import { collect, connectFailure, events, quick, transportTo, version } from "../support/calls.js";
import * as h2 from "../support/frames.js";
import { checkLeaks } from "../support/leaks.js";
import { type Peer, rawServer } from "../support/raw-server.js";
import { until, within } from "../support/waiting.js";

const versionBytes = versionMessage.subarray(5);
const head = (id: number, more: Record<string, string> = {}) => h2.headers(id, { ...answerHeaders, ...more });

test("a valid response in frames of one byte", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, {
    onRequest(peer, id) {
      peer.send(head(id));
      for (const byte of versionMessage) peer.send(h2.data(id, Buffer.from([byte])));
      peer.send(trailers(id));
    },
  });
  const transport = transportTo(t, server.url);
  assert.equal((await version(transport)).message.runtimeName, "raw");
});

test("successful calls share a connection, reset no stream and send no ping", async (t) => {
  checkLeaks(t);
  const server = await rawServer(t, { onRequest: (peer, id) => peer.send(goodAnswer(id)) });
  const transport = transportTo(t, server.url);
  for (let i = 0; i < 20; i++) await version(transport);
  await Promise.all(Array.from({ length: 20 }, () => version(transport)));
  const [peer] = server.peers;
  assert.equal(server.peers.length, 1);
  assert.equal(server.requests, 40);
  assert.deepEqual(peer?.of(h2.frameType.ping), []);
  assert.deepEqual(peer?.of(h2.frameType.rst), []);
});

test("a gzip-compressed response is decompressed", async (t) => {
  const packed = envelope(gzipSync(versionBytes), 1);
  const server = await rawServer(t, {
    onRequest: (peer, id) =>
      peer.send(head(id, { "grpc-encoding": "gzip" }), h2.data(id, packed), trailers(id)),
  });
  assert.equal((await version(transportTo(t, server.url))).message.runtimeName, "raw");
});

test("unknown headers, a non-ASCII status message and an informational response are accepted", async (t) => {
  const server = await rawServer(t, {
    onRequest: (peer, id) =>
      peer.send(
        h2.headers(id, { ":status": "103", link: "x" }),
        head(id, { "x-strange": "~".repeat(100), "x-empty": "" }),
        h2.data(id, versionMessage),
        trailers(id, 0, { "x-after": "yes" }),
      ),
  });
  const answer = await version(transportTo(t, server.url));
  assert.equal(answer.header.get("x-strange"), "~".repeat(100));
  assert.equal(answer.trailer.get("x-after"), "yes");
});

interface Bad {
  readonly name: string;
  readonly answer: (peer: Peer, id: number) => void;
  readonly code: CriErrorCode;
  readonly reason: CriErrorReason;
  readonly text: RegExp;
  /** The outcome of a streaming call with the same response, where it differs: any number of messages is valid there. */
  readonly stream?: "ok";
}

const reset =
  (code: number) =>
  (peer: Peer, id: number): void =>
    peer.send(h2.rstStream(id, code));

/** An empty message, which is valid for every type. */
const empty = envelope(Buffer.alloc(0));

const bad: Bad[] = [
  {
    name: "trailers only, with an encoded message",
    answer: (peer, id) =>
      peer.send(
        h2.headers(id, { ...answerHeaders, "grpc-status": "5", "grpc-message": "no %22caf%C3%A9%22" }, true),
      ),
    code: "not_found",
    reason: "runtime_error",
    text: /^no "café"$/,
  },
  {
    name: "status after a message",
    answer: (peer, id) =>
      peer.send(head(id), h2.data(id, empty), trailers(id, 8, { "grpc-message": "too much" })),
    code: "resource_exhausted",
    reason: "runtime_error",
    text: /too much/,
  },
  {
    name: "a status nobody knows",
    answer: (peer, id) => peer.send(h2.headers(id, { ...answerHeaders, "grpc-status": "99" }, true)),
    code: "unknown",
    reason: "runtime_error",
    text: /99/,
  },
  {
    name: "OK without a message",
    answer: (peer, id) => peer.send(head(id), trailers(id)),
    code: "internal",
    reason: "malformed_response",
    text: /one message, got 0/,
    stream: "ok",
  },
  {
    name: "OK with two messages",
    answer: (peer, id) =>
      peer.send(
        head(id),
        h2.data(id, envelope(Buffer.alloc(0))),
        h2.data(id, envelope(Buffer.alloc(0))),
        trailers(id),
      ),
    code: "internal",
    reason: "malformed_response",
    text: /one message, got 2/,
    stream: "ok",
  },
  {
    name: "no trailers",
    answer: (peer, id) => peer.send(head(id), h2.data(id, empty, true)),
    code: "internal",
    reason: "malformed_response",
    text: /without a gRPC status/,
  },
  {
    name: "trailers without a status",
    answer: (peer, id) => peer.send(head(id), h2.data(id, empty), h2.headers(id, { x: "y" }, true)),
    code: "internal",
    reason: "malformed_response",
    text: /without a gRPC status/,
  },
  {
    name: "headers only, without a status",
    answer: (peer, id) => peer.send(h2.headers(id, answerHeaders, true)),
    code: "internal",
    reason: "malformed_response",
    text: /without a gRPC status/,
  },
  {
    name: "a message cut in the middle, with an OK",
    answer: (peer, id) => peer.send(head(id), h2.data(id, versionMessage.subarray(0, -3)), trailers(id)),
    code: "internal",
    reason: "malformed_response",
    text: /middle of a message/,
  },
  {
    name: "an unknown flag",
    answer: (peer, id) => peer.send(head(id), h2.data(id, envelope(versionBytes, 0x80)), trailers(id)),
    code: "internal",
    reason: "malformed_response",
    text: /flag 128/,
  },
  {
    name: "a compressed message without an encoding",
    answer: (peer, id) => peer.send(head(id), h2.data(id, envelope(versionBytes, 1)), trailers(id)),
    code: "internal",
    reason: "malformed_response",
    text: /grpc-encoding is missing/,
  },
  {
    name: "bytes that are not protobuf",
    answer: (peer, id) =>
      peer.send(head(id), h2.data(id, envelope(Buffer.from([255, 255, 255, 255]))), trailers(id)),
    code: "internal",
    reason: "malformed_response",
    text: /is not a valid runtime\.v1\./,
  },
  {
    name: "a message over the limit, announced only",
    answer: (peer, id) => peer.send(head(id), h2.data(id, Buffer.from([0, 0xff, 0, 0, 0]))),
    code: "resource_exhausted",
    reason: "receive_limit",
    text: /4278190080 bytes, more than readLimitBytes/,
  },
  {
    name: "HTTP 502 of a proxy",
    answer: (peer, id) =>
      peer.send(
        h2.headers(id, { ":status": "502", "content-type": "text/html" }),
        h2.data(id, Buffer.from("<html>bad gateway"), true),
      ),
    code: "unavailable",
    reason: "not_grpc",
    text: /HTTP status 502/,
  },
  {
    name: "HTTP 404",
    answer: (peer, id) => peer.send(h2.headers(id, { ":status": "404" }, true)),
    code: "unimplemented",
    reason: "not_grpc",
    text: /HTTP status 404/,
  },
  {
    name: "a page of text",
    answer: (peer, id) =>
      peer.send(
        h2.headers(id, { ":status": "200", "content-type": "text/plain" }),
        h2.data(id, Buffer.from("hi"), true),
      ),
    code: "unknown",
    reason: "not_grpc",
    text: /text\/plain/,
  },
  {
    name: "RST NO_ERROR",
    answer: reset(0),
    code: "internal",
    reason: "malformed_response",
    text: /without a gRPC status/,
  },
  {
    name: "RST PROTOCOL_ERROR",
    answer: reset(1),
    code: "internal",
    reason: "stream_reset",
    text: /PROTOCOL_ERROR/,
  },
  {
    name: "RST INTERNAL_ERROR",
    answer: reset(2),
    code: "internal",
    reason: "stream_reset",
    text: /INTERNAL_ERROR/,
  },
  { name: "RST CANCEL", answer: reset(8), code: "unavailable", reason: "stream_reset", text: /CANCEL/ },
  {
    name: "RST ENHANCE_YOUR_CALM",
    answer: reset(11),
    code: "resource_exhausted",
    reason: "stream_reset",
    text: /CALM/,
  },
  {
    name: "RST of an unknown code",
    answer: reset(4711),
    code: "internal",
    reason: "stream_reset",
    text: /4711/,
  },
  {
    name: "a reset in the middle of a message",
    answer: (peer, id) =>
      peer.send(head(id), h2.data(id, versionMessage.subarray(0, 7)), h2.rstStream(id, 8)),
    code: "unavailable",
    reason: "stream_reset",
    text: /CANCEL/,
  },
  {
    name: "a connection that ends in the middle of an answer",
    answer: (peer, id) => {
      peer.send(head(id), h2.data(id, versionMessage.subarray(0, 7)));
      peer.socket.end();
    },
    code: "unavailable",
    reason: "connection_lost",
    text: /crashed, stopped or restarted/,
  },
  {
    name: "a connection that is cut",
    answer: (peer) => peer.socket.destroy(),
    code: "unavailable",
    reason: "connection_lost",
    text: /crashed, stopped or restarted/,
  },
];

for (const { name, answer, code, reason, text, stream } of bad) {
  const check = async (peers: readonly Peer[], call: Promise<unknown>) => {
    const error = await connectFailure(call);
    assert.deepEqual({ code: error.code, reason: error.reason }, { code, reason }, error.message);
    assert.match(error.rawMessage, text);
    assert.equal(peers.length, 1, "it was sent again");
  };
  test(`unary: ${name} is ${code}, ${reason}`, async (t) => {
    checkLeaks(t);
    const server = await rawServer(t, { onRequest: answer });
    await check(server.peers, version(transportTo(t, server.url, quick)));
    assert.equal(server.requests, 1);
  });
  test(`stream: ${name} is ${stream ?? `${code}, ${reason}`}`, async (t) => {
    checkLeaks(t);
    const server = await rawServer(t, { onRequest: answer });
    const call = collect(events(transportTo(t, server.url, quick)));
    if (stream === "ok") await call;
    else await check(server.peers, call);
    assert.equal(server.requests, 1);
  });
}

test("the text of a long error is complete", async (t) => {
  const words = "x".repeat(40_000);
  const server = await rawServer(t, {
    onRequest: (peer, id) =>
      peer.send(h2.headers(id, { ...answerHeaders, "grpc-status": "2", "grpc-message": words }, true)),
  });
  assert.equal((await connectFailure(version(transportTo(t, server.url)))).rawMessage, words);
});

test("if the server crashes after its OK, unread messages are delivered or the call fails", async (t) => {
  checkLeaks(t);
  const big = envelope(
    Buffer.concat([Buffer.from([0x0a, 0xff, 0xff, 0x3f]), Buffer.alloc(2 ** 20 - 1, "a")]),
  );
  const server = await rawServer(t, {
    onRequest(peer, id) {
      peer.send(head(id), ...Array.from({ length: 8 }, () => h2.data(id, big)), trailers(id));
      peer.socket.end();
    },
  });
  let got = 0;
  const call = (async () => {
    for await (const _ of events(transportTo(t, server.url, quick))) {
      got++;
      await until(() => server.peers[0]?.closed === true, "the server closed the connection");
    }
  })();
  // A clean end with fewer messages would hide the loss.
  const end = await call.then(
    () => "ok",
    (error) => error,
  );
  if (end === "ok") assert.equal(got, 8);
  else assert.equal((await connectFailure(Promise.reject(end))).code, "unavailable");
});

test("a response before the end of the request closes the stream", async (t) => {
  checkLeaks(t);
  // With a window of 0 bytes, the request can never be sent.
  const server = await rawServer(t, {
    settings: { 4: 0 },
  });
  const transport = transportTo(t, server.url, quick);
  const call = connectFailure(version(transport));
  await until(() => (server.peers[0]?.of(h2.frameType.headers).length ?? 0) === 1, "the request's headers");
  server.peers[0]?.send(h2.headers(1, { ...answerHeaders, "grpc-status": "7", "grpc-message": "no" }, true));
  assert.equal((await call).code, "permission_denied");
  await until(() => server.peers[0]?.resetCode(1) !== undefined, "the stream was reset");
});

// Node's http2 sends GOAWAY to such a peer and then stops reading without an event, and does not notice that the peer closes the
// connection: the deadline ends the call, and the next one gets a new connection.
const broken: [string, (id: number) => Buffer][] = [
  ["a frame larger than allowed", (id) => h2.frame(h2.frameType.data, 0, id, Buffer.alloc(20_000))],
  ["garbage after the SETTINGS", () => Buffer.alloc(64, 0xff)],
  ["a header block that is not HPACK", (id) => h2.frame(h2.frameType.headers, 4, id, Buffer.alloc(20, 0xff))],
  ["headers of 200 kB", (id) => head(id, { "x-huge": "h".repeat(200_000) })],
  ["silence", () => Buffer.alloc(0)],
];
for (const [name, bytes] of broken)
  test(`${name}: the deadline ends the call, and later ones work`, async (t) => {
    checkLeaks(t);
    const server = await rawServer(t, {
      onRequest: (peer, id) => peer.send(server.peers.length === 1 ? bytes(id) : goodAnswer(id)),
    });
    const transport = transportTo(t, server.url, quick);
    // Two calls, because the first one may have received the bytes that broke the connection.
    for (let i = 0; i < 2 && server.peers.length < 2; i++) {
      const outcome = await version(transport, { timeoutMs: 200 }).catch((error) => error.cause.code);
      if (typeof outcome === "string")
        assert.ok(["deadline_exceeded", "unavailable"].includes(outcome), outcome);
    }
    await version(transport, { timeoutMs: 5_000 });
    assert.equal(server.peers.length, 2);
    await until(() => server.peers[0]?.closed === true, "the suspect connection was closed");
    await within(2_000, transport.close(), "close()");
  });
