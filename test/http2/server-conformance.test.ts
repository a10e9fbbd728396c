// Each rule of RFC 9113 whose violation by a client is an error of the connection or of a stream, and what must be accepted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCode } from "../../src/http2/index.js";
import * as h2 from "../support/frames.js";
import { until } from "../support/waiting.js";
import { checkOutcome, type Row, rows } from "./conformance.js";
import { requestFields, testedServer } from "./peer.js";

const { data, frame, headers, headerBlock, settings, windowUpdate } = h2;
const type = h2.frameType;
const empty = Buffer.alloc(0);
const zeros = (bytes: number) => Buffer.alloc(bytes);
const uint32 = h2.uint32;

const protocol = { goaway: errorCode.protocolError };
const frameSize = { goaway: errorCode.frameSizeError };
const flow = { goaway: errorCode.flowControlError };
const closed = { goaway: errorCode.streamClosed };
const malformed = { reset: errorCode.protocolError };

const start = [h2.preface, settings(), h2.settingsAck()];
const open = headers(1, requestFields);
const complete = headers(1, requestFields, true);
const block = headerBlock(requestFields);
/** A request as it is, with other or further fields. Pairs, so that a name may occur twice or out of order. */
const request = (...fields: readonly (readonly [string, string])[]) =>
  frame(type.headers, 5, 1, Buffer.concat(fields.map(([name, value]) => headerBlock({ [name]: value }))));
const pseudo = Object.entries(requestFields) as (readonly [string, string])[];
const padded = (streamId: number, flags: number, padding: number, content: Uint8Array, frameTypeOf: number) =>
  frame(frameTypeOf, flags | 8, streamId, Buffer.concat([Buffer.from([padding]), content, zeros(padding)]));
const without = (name: string) => pseudo.filter(([n]) => n !== name);
const complete1 = ["headers", "end"];

const table: readonly Row[] = [
  ...rows(
    "3.4 preface",
    ["HTTP/1.1", [Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")], protocol],
    ["another last byte", [Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"), settings()], protocol],
    ["PING before SETTINGS", [h2.preface, frame(type.ping, 0, 0, zeros(8))], protocol],
    ["an acknowledgement before SETTINGS", [h2.preface, h2.settingsAck(), settings()], protocol],
    ["HEADERS before SETTINGS", [h2.preface, complete], protocol],
    ["only SETTINGS", [h2.preface, settings()], "accepted"],
  ),
  ...rows(
    "4.1 frames",
    ["an unknown type", [...start, frame(0xfa, 0xff, 0, zeros(100)), complete], "accepted", complete1],
    ["an unknown type on an idle stream", [...start, frame(0xfa, 0, 77, empty)], "accepted"],
    ["unknown flags", [...start, frame(type.ping, 0xfe, 0, zeros(8))], "accepted"],
    [
      "the reserved bit of a stream id",
      [...start, headers(0x80000001, requestFields, true)],
      "accepted",
      complete1,
    ],
  ),
  ...rows(
    "4.2 sizes",
    [
      "DATA of 16,384 bytes",
      [...start, open, data(1, zeros(16_384), true)],
      "accepted",
      ["headers", "data", "end"],
    ],
    ["DATA of 16,385 bytes", [...start, open, frame(type.data, 0, 1, zeros(16_385))], frameSize],
    ["HEADERS of 16,385 bytes", [...start, frame(type.headers, 4, 1, zeros(16_385))], frameSize],
    ["an unknown frame of 16,385 bytes", [...start, frame(0xfa, 0, 0, zeros(16_385))], frameSize],
  ),
  ...rows(
    "4.3 header blocks",
    [
      "an index beyond the tables",
      [...start, frame(type.headers, 5, 1, Buffer.from([0xff, 0x7f]))],
      { goaway: errorCode.compressionError },
    ],
    [
      "a string longer than the block",
      [...start, frame(type.headers, 5, 1, Buffer.from([0x40, 5, 97]))],
      { goaway: errorCode.compressionError },
    ],
    [
      "a bad block on a stream that was reset here",
      [...start, open, windowUpdate(1, 0), frame(type.headers, 5, 1, Buffer.from([0x80]))],
      { goaway: errorCode.compressionError },
    ],
    [
      "another frame within a block",
      [...start, frame(type.headers, 0, 1, block), frame(type.ping, 0, 0, zeros(8))],
      protocol,
    ],
    [
      "an unknown frame within a block",
      [...start, frame(type.headers, 0, 1, block), frame(0xfa, 0, 1, empty)],
      protocol,
    ],
    [
      "HEADERS of another stream within a block",
      [...start, frame(type.headers, 0, 1, block), headers(3, requestFields)],
      protocol,
    ],
    [
      "CONTINUATION of another stream",
      [...start, frame(type.headers, 0, 1, block), frame(type.continuation, 4, 3, empty)],
      protocol,
    ],
  ),
  ...rows(
    "5.1 idle",
    ["DATA", [...start, data(1, zeros(1))], protocol],
    ["RST_STREAM", [...start, h2.rstStream(1, 8)], protocol],
    ["WINDOW_UPDATE", [...start, windowUpdate(1, 1)], protocol],
    ["CONTINUATION", [...start, frame(type.continuation, 4, 1, empty)], protocol],
    ["PRIORITY", [...start, frame(type.priority, 0, 1, zeros(5)), complete], "accepted", complete1],
  ),
  ...rows(
    "5.1 half-closed (remote)",
    ["DATA", [...start, complete, data(1, zeros(1))], { reset: errorCode.streamClosed }],
    ["HEADERS", [...start, complete, complete], { reset: errorCode.streamClosed }],
    [
      "WINDOW_UPDATE and PRIORITY",
      [...start, complete, windowUpdate(1, 1), frame(type.priority, 0, 1, zeros(5))],
      "accepted",
      complete1,
    ],
    [
      "RST_STREAM",
      [...start, complete, h2.rstStream(1, 8)],
      "accepted",
      [...complete1, "close reset-by-peer 8"],
    ],
  ),
  ...rows(
    "5.1 closed by the peer's RST_STREAM",
    ["DATA", [...start, open, h2.rstStream(1, 8), data(1, zeros(1))], closed],
    ["HEADERS", [...start, open, h2.rstStream(1, 8), complete], closed],
    [
      "RST_STREAM, WINDOW_UPDATE, PRIORITY",
      [
        ...start,
        open,
        h2.rstStream(1, 8),
        h2.rstStream(1, 8),
        windowUpdate(1, 1),
        frame(type.priority, 0, 1, zeros(5)),
      ],
      "accepted",
      ["headers", "close reset-by-peer 8"],
    ],
  ),
  ...rows(
    "5.1 closed by a RST_STREAM of ours",
    [
      "DATA, HEADERS, WINDOW_UPDATE, RST_STREAM",
      [
        ...start,
        open,
        windowUpdate(1, 0),
        data(1, zeros(9)),
        windowUpdate(1, 5),
        headers(1, { a: "b" }, true),
        h2.rstStream(1, 8),
      ],
      malformed,
    ],
    [
      "DATA after END_STREAM",
      [...start, open, windowUpdate(1, 0), data(1, zeros(9), true), data(1, zeros(9))],
      closed,
    ],
  ),
  ...rows(
    "5.1.1 stream ids",
    ["HEADERS on stream 0", [...start, headers(0, requestFields)], protocol],
    ["a request on an even stream", [...start, headers(2, requestFields)], protocol],
    [
      "a smaller id than the last one: that stream is closed",
      [...start, headers(5, requestFields, true), headers(3, requestFields, true)],
      closed,
    ],
    ["ids with gaps", [...start, complete, headers(2 ** 31 - 1, requestFields, true)], "accepted", complete1],
    ["DATA on a skipped id", [...start, headers(5, requestFields, true), data(3, zeros(1))], closed],
  ),
  ...rows("5.5 extensions", [
    "an unknown setting",
    [...start, settings({ 64250: 2 ** 32 - 1 }), complete],
    "accepted",
    complete1,
  ]),
  ...rows(
    "6.1 DATA",
    ["stream 0", [...start, data(0, zeros(1))], protocol],
    [
      "padding",
      [...start, open, padded(1, 1, 255, zeros(10), type.data)],
      "accepted",
      ["headers", "data", "end"],
    ],
    ["padding only", [...start, open, padded(1, 1, 9, empty, type.data)], "accepted", ["headers", "end"]],
    [
      "padding of the length of the frame",
      [...start, open, frame(type.data, 8, 1, Buffer.from([4, 0, 0, 0]))],
      protocol,
    ],
    ["no pad length", [...start, open, frame(type.data, 8, 1, empty)], frameSize],
    ["empty, with END_STREAM", [...start, open, data(1, empty, true)], "accepted", ["headers", "end"]],
  ),
  ...rows(
    "6.2 HEADERS",
    [
      "padding and priority",
      [...start, padded(1, 0x25, 7, Buffer.concat([zeros(5), block]), type.headers)],
      "accepted",
      complete1,
    ],
    ["padding longer than the frame", [...start, frame(type.headers, 0xd, 1, Buffer.from([2, 0]))], protocol],
    ["no pad length", [...start, frame(type.headers, 0xd, 1, empty)], frameSize],
    ["an incomplete priority", [...start, frame(type.headers, 0x25, 1, zeros(4))], frameSize],
  ),
  ...rows(
    "6.3 PRIORITY",
    ["stream 0", [...start, frame(type.priority, 0, 0, zeros(5))], protocol],
    // A stream error of the RFC; any stream error may be one of the connection (section 5.4.2).
    ["4 bytes", [...start, open, frame(type.priority, 0, 1, zeros(4))], frameSize],
    ["on an open stream", [...start, open, frame(type.priority, 0, 1, zeros(5))], "accepted", ["headers"]],
  ),
  ...rows(
    "6.4 RST_STREAM",
    ["stream 0", [...start, h2.rstStream(0, 8)], protocol],
    ["3 bytes", [...start, open, frame(type.rst, 0, 1, zeros(3))], frameSize],
    ["5 bytes", [...start, open, frame(type.rst, 0, 1, zeros(5))], frameSize],
    [
      "an unknown code",
      [...start, open, h2.rstStream(1, 0xfafafafa)],
      "accepted",
      ["headers", `close reset-by-peer ${0xfafafafa}`],
    ],
  ),
  ...rows(
    "6.5 SETTINGS",
    ["a stream id", [...start, frame(type.settings, 0, 1, empty)], protocol],
    ["an acknowledgement with a payload", [...start, frame(type.settings, 1, 0, zeros(6))], frameSize],
    ["5 bytes", [...start, frame(type.settings, 0, 0, zeros(5))], frameSize],
    ["an acknowledgement that was not asked for", [...start, h2.settingsAck(), h2.settingsAck()], "accepted"],
  ),
  ...rows(
    "6.5.2 values",
    ["ENABLE_PUSH 2", [...start, settings({ 2: 2 })], protocol],
    ["ENABLE_PUSH 1", [...start, settings({ 2: 1 })], "accepted"],
    ["INITIAL_WINDOW_SIZE 2^31", [...start, settings({ 4: 2 ** 31 })], flow],
    ["INITIAL_WINDOW_SIZE 2^31 - 1", [...start, settings({ 4: 2 ** 31 - 1 })], "accepted"],
    ["MAX_FRAME_SIZE 16,383", [...start, settings({ 5: 16_383 })], protocol],
    ["MAX_FRAME_SIZE 2^24", [...start, settings({ 5: 2 ** 24 })], protocol],
    ["MAX_FRAME_SIZE 2^24 - 1", [...start, settings({ 5: 2 ** 24 - 1 })], "accepted"],
    [
      "all others at their limits",
      [...start, settings({ 1: 2 ** 32 - 1, 3: 0, 6: 0 }), complete],
      "accepted",
      complete1,
    ],
  ),
  ...rows(
    "6.6 PUSH_PROMISE",
    [
      "on an open stream",
      [...start, open, frame(type.pushPromise, 4, 1, Buffer.concat([uint32(2), block]))],
      protocol,
    ],
    ["on stream 0", [...start, frame(type.pushPromise, 4, 0, uint32(2))], protocol],
  ),
  ...rows(
    "6.7 PING",
    ["a stream id", [...start, frame(type.ping, 0, 1, zeros(8))], protocol],
    ["7 bytes", [...start, frame(type.ping, 0, 0, zeros(7))], frameSize],
    ["9 bytes", [...start, frame(type.ping, 0, 0, zeros(9))], frameSize],
    [
      "an acknowledgement that was not asked for",
      [...start, frame(type.ping, 1, 0, zeros(8)), complete],
      "accepted",
      complete1,
    ],
  ),
  ...rows(
    "6.8 GOAWAY",
    ["a stream id", [...start, frame(type.goaway, 0, 1, zeros(8))], protocol],
    ["7 bytes", [...start, frame(type.goaway, 0, 0, zeros(7))], frameSize],
  ),
  ...rows(
    "6.9 WINDOW_UPDATE",
    ["0 for a stream", [...start, open, windowUpdate(1, 0)], malformed],
    ["0 for the connection", [...start, windowUpdate(0, 0)], protocol],
    ["3 bytes", [...start, frame(type.windowUpdate, 0, 0, zeros(3))], frameSize],
    ["5 bytes", [...start, frame(type.windowUpdate, 0, 0, zeros(5))], frameSize],
    ["the reserved bit", [...start, frame(type.windowUpdate, 0, 0, uint32(0x80000001))], "accepted"],
  ),
  ...rows(
    "6.9.1 windows",
    [
      "a stream's window above 2^31 - 1",
      [...start, open, windowUpdate(1, 2 ** 31 - 1)],
      { reset: errorCode.flowControlError },
    ],
    ["the connection's window above 2^31 - 1", [...start, windowUpdate(0, 2 ** 31 - 1)], flow],
    [
      "a stream's window of 2^31 - 1",
      [...start, open, windowUpdate(1, 2 ** 31 - 1 - 65_535)],
      "accepted",
      ["headers"],
    ],
  ),
  ...rows("6.9.2 initial windows", [
    "a change that makes an open stream's window too large",
    [...start, open, windowUpdate(1, 2 ** 31 - 1 - 65_535), settings({ 4: 65_536 })],
    flow,
  ]),
  ...rows(
    "6.10 CONTINUATION",
    [
      "stream 0",
      [...start, frame(type.headers, 0, 1, block), frame(type.continuation, 4, 0, empty)],
      protocol,
    ],
    ["after the end of a block", [...start, complete, frame(type.continuation, 4, 1, empty)], protocol],
    ["after DATA", [...start, open, data(1, zeros(1)), frame(type.continuation, 4, 1, empty)], protocol],
    [
      "three, one of them empty",
      [
        ...start,
        frame(type.headers, 1, 1, block.subarray(0, 5)),
        frame(type.continuation, 0, 1, empty),
        frame(type.continuation, 0, 1, block.subarray(5, 9)),
        frame(type.continuation, 4, 1, block.subarray(9)),
      ],
      "accepted",
      complete1,
    ],
  ),
  ...rows(
    "8.1 messages",
    [
      "trailers",
      [...start, open, data(1, zeros(1)), headers(1, { a: "b" }, true)],
      "accepted",
      ["headers", "data", "trailers", "end"],
    ],
    ["trailers without END_STREAM", [...start, open, headers(1, { a: "b" })], malformed],
  ),
  ...rows(
    "8.1.1 content-length",
    [
      "more content",
      [...start, headers(1, { ...requestFields, "content-length": "3" }), data(1, zeros(4))],
      malformed,
    ],
    [
      "less content",
      [...start, headers(1, { ...requestFields, "content-length": "3" }), data(1, zeros(2), true)],
      malformed,
    ],
    [
      "less content, with trailers",
      [
        ...start,
        headers(1, { ...requestFields, "content-length": "3" }),
        data(1, zeros(2)),
        headers(1, { a: "b" }, true),
      ],
      malformed,
    ],
    ["no content", [...start, headers(1, { ...requestFields, "content-length": "3" }, true)], malformed],
    ["not a number", [...start, headers(1, { ...requestFields, "content-length": "+3" })], malformed],
    [
      "two values",
      [...start, request(...pseudo, ["content-length", "3"], ["content-length", "4"])],
      malformed,
    ],
    [
      "the right content, padded",
      [
        ...start,
        headers(1, { ...requestFields, "content-length": "3" }),
        padded(1, 0, 9, zeros(1), type.data),
        data(1, zeros(2), true),
      ],
      "accepted",
      ["headers", "data", "end"],
    ],
  ),
  ...rows(
    "8.2 fields",
    ["an upper-case name", [...start, request(...pseudo, ["Abc", "x"])], malformed],
    ["an empty name", [...start, request(...pseudo, ["", "x"])], malformed],
    ["a space in a name", [...start, request(...pseudo, ["a b", "x"])], malformed],
    ["a colon within a name", [...start, request(...pseudo, ["a:b", "x"])], malformed],
    ["a control character in a name", [...start, request(...pseudo, ["a\x7f", "x"])], malformed],
    ["a name that is not ASCII", [...start, request(...pseudo, ["\xe9", "x"])], malformed],
    ["NUL in a value", [...start, request(...pseudo, ["a", "x\0y"])], malformed],
    ["CR in a value", [...start, request(...pseudo, ["a", "x\ry"])], malformed],
    ["LF in a value", [...start, request(...pseudo, ["a", "x\ny"])], malformed],
    ["a value that begins with a space", [...start, request(...pseudo, ["a", " x"])], malformed],
    ["a value that ends with a tab", [...start, request(...pseudo, ["a", "x\t"])], malformed],
    [
      "an empty value, and one with obs-text",
      [...start, request(...pseudo, ["a", ""], ["b", "\xff"])],
      "accepted",
      complete1,
    ],
  ),
  ...rows(
    "8.2.2 fields of a connection",
    ...["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"].map(
      (name) => [name, [...start, request(...pseudo, [name, "x"])], malformed] as const,
    ),
    ["te other than trailers", [...start, request(...pseudo, ["te", "gzip"])], malformed],
    ["te: trailers", [...start, request(...pseudo, ["te", "trailers"])], "accepted", complete1],
  ),
  ...rows(
    "8.3 pseudo-header fields",
    ["after a field", [...start, request(["a", "x"], ...pseudo)], malformed],
    ["an unknown one", [...start, request(...pseudo, [":x", "y"])], malformed],
    ["one of responses", [...start, request(...pseudo, [":status", "200"])], malformed],
    [
      ":protocol, which is not enabled",
      [...start, request(...pseudo, [":protocol", "websocket"])],
      malformed,
    ],
    ["in trailers", [...start, open, headers(1, { ":path": "/" }, true)], malformed],
    ...pseudo.map(
      ([name, value]) => [`${name} twice`, [...start, request(...pseudo, [name, value])], malformed] as const,
    ),
    ...[":method", ":scheme", ":path"].map(
      (name) => [`no ${name}`, [...start, request(...without(name))], malformed] as const,
    ),
    ["an empty :path", [...start, request(...without(":path"), [":path", ""])], malformed],
    ["no :authority", [...start, request(...without(":authority"))], "accepted", complete1],
  ),
  ...rows(
    "8.5 CONNECT",
    [
      "with :path",
      [...start, request([":method", "CONNECT"], [":authority", "x:1"], [":path", "/"])],
      malformed,
    ],
    [
      "with :scheme",
      [...start, request([":method", "CONNECT"], [":authority", "x:1"], [":scheme", "http"])],
      malformed,
    ],
    ["without :authority", [...start, request([":method", "CONNECT"])], malformed],
    [
      "as it must be",
      [...start, request([":method", "CONNECT"], [":authority", "x:1"])],
      "accepted",
      complete1,
    ],
  ),
];

for (const row of table)
  test(`server, ${row.section}: ${row.sends}`, async () => {
    const { peer, received, connection } = testedServer();
    peer.send(...row.bytes);
    await peer.settled();
    checkOutcome(peer, row);
    if (row.log) assert.deepEqual(received[0]?.log, row.log);
    if (peer.goaway === undefined) {
      connection.destroy();
      return;
    }
    // Ended: nothing is open, and the socket closes.
    assert.ok(connection.isEnded);
    for (const { log } of received) assert.match(log.at(-1) ?? "", /^close/);
    await until(() => peer.closed, "the socket closes");
  });
