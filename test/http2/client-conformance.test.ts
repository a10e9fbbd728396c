// Each rule of RFC 9113 whose violation by a server is an error of the connection or of a stream, and what must be accepted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCode } from "../../src/http2/index.js";
import * as h2 from "../support/frames.js";
import { until } from "../support/waiting.js";
import { checkOutcome, type Row, rows } from "./conformance.js";
import { testedClient } from "./peer.js";

const { data, frame, headers, headerBlock, settings, windowUpdate } = h2;
const type = h2.frameType;
const empty = Buffer.alloc(0);
const zeros = (bytes: number) => Buffer.alloc(bytes);

const protocol = { goaway: errorCode.protocolError };
const frameSize = { goaway: errorCode.frameSizeError };
const flow = { goaway: errorCode.flowControlError };
const closed = { goaway: errorCode.streamClosed };
const malformed = { reset: errorCode.protocolError };

// Of the client's streams, 1 has ended its request, and 3 is open.
const start = [settings()];
const open = headers(1, { ":status": "200" });
const response = (fields: readonly (readonly [string, string])[], end = false) =>
  frame(
    type.headers,
    end ? 5 : 4,
    1,
    Buffer.concat(fields.map(([name, value]) => headerBlock({ [name]: value }))),
  );
const trailers = headers(1, { "grpc-status": "0" }, true);
const all = ["headers", "data", "trailers", "end", "close complete 0"];

const table: readonly Row[] = [
  ...rows(
    "3.4 preface",
    ["HTTP/1.1", [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")], protocol],
    ["PING before SETTINGS", [frame(type.ping, 0, 0, zeros(8))], protocol],
    ["an acknowledgement before SETTINGS", [h2.settingsAck()], protocol],
    ["a response before SETTINGS", [open], protocol],
  ),
  ...rows("4.1 frames", [
    "unknown types anywhere",
    [
      ...start,
      frame(0xfa, 0xff, 0, zeros(9)),
      open,
      frame(0xfb, 1, 1, zeros(9)),
      data(1, zeros(1)),
      trailers,
    ],
    "accepted",
    all,
  ]),
  ...rows(
    "4.2 sizes",
    ["DATA of 16,385 bytes", [...start, open, frame(type.data, 0, 1, zeros(16_385))], frameSize],
    ["PING of 7 bytes", [...start, frame(type.ping, 0, 0, zeros(7))], frameSize],
    ["RST_STREAM of 3 bytes", [...start, frame(type.rst, 0, 1, zeros(3))], frameSize],
    ["WINDOW_UPDATE of 5 bytes", [...start, frame(type.windowUpdate, 0, 1, zeros(5))], frameSize],
    ["GOAWAY of 4 bytes", [...start, frame(type.goaway, 0, 0, zeros(4))], frameSize],
  ),
  ...rows(
    "4.3 header blocks",
    [
      "an invalid block",
      [...start, frame(type.headers, 4, 1, Buffer.from([0x80]))],
      { goaway: errorCode.compressionError },
    ],
    [
      "an invalid block on a stream that was reset here",
      [...start, windowUpdate(1, 0), frame(type.headers, 4, 1, Buffer.from([0x80]))],
      { goaway: errorCode.compressionError },
    ],
    [
      "another frame within a block",
      [...start, frame(type.headers, 0, 1, empty), frame(type.ping, 0, 0, zeros(8))],
      protocol,
    ],
  ),
  ...rows(
    "5.1 idle",
    ["HEADERS", [...start, headers(5, { ":status": "200" })], protocol],
    ["DATA", [...start, data(5, zeros(1))], protocol],
    ["RST_STREAM", [...start, h2.rstStream(5, 8)], protocol],
    ["WINDOW_UPDATE", [...start, windowUpdate(5, 1)], protocol],
    ["PRIORITY", [...start, frame(type.priority, 0, 5, zeros(5))], "accepted"],
  ),
  ...rows(
    "5.1 half-closed",
    [
      "DATA after the end of the response",
      [...start, headers(3, { ":status": "200" }, true), data(3, zeros(1))],
      { reset: errorCode.streamClosed, streamId: 3 },
    ],
    [
      "HEADERS after the end of the response",
      [...start, headers(3, { ":status": "200" }, true), headers(3, { a: "b" }, true)],
      { reset: errorCode.streamClosed, streamId: 3 },
    ],
    [
      "WINDOW_UPDATE and PRIORITY after the end of the response",
      [
        ...start,
        headers(3, { ":status": "200" }, true),
        windowUpdate(3, 1),
        frame(type.priority, 0, 3, zeros(5)),
      ],
      "accepted",
    ],
  ),
  ...rows(
    "5.1 closed",
    ["DATA after both ends", [...start, open, trailers, data(1, zeros(1))], closed],
    ["HEADERS after both ends", [...start, open, trailers, trailers], closed],
    [
      "WINDOW_UPDATE, RST_STREAM and PRIORITY after both ends",
      [
        ...start,
        open,
        data(1, zeros(1)),
        trailers,
        windowUpdate(1, 1),
        h2.rstStream(1, 0),
        frame(type.priority, 0, 1, zeros(5)),
      ],
      "accepted",
      all,
    ],
    ["DATA after RST_STREAM", [...start, h2.rstStream(1, 8), data(1, zeros(1))], closed],
    [
      "anything on a stream that was reset here",
      [
        ...start,
        windowUpdate(1, 0),
        open,
        data(1, zeros(9)),
        windowUpdate(1, 5),
        trailers,
        h2.rstStream(1, 8),
      ],
      malformed,
      ["close violation 1"],
    ],
  ),
  ...rows(
    "5.1.1 stream ids",
    ["HEADERS on stream 0", [...start, headers(0, { ":status": "200" })], protocol],
    ["HEADERS on an even stream", [...start, headers(2, { ":status": "200" })], protocol],
    ["DATA on an even stream", [...start, data(2, zeros(1))], protocol],
  ),
  ...rows("5.1.2 streams above a limit", [
    "REFUSED_STREAM",
    [...start, h2.rstStream(1, errorCode.refusedStream)],
    "accepted",
    ["close reset-by-peer 7"],
  ]),
  ...rows(
    "6.1 DATA",
    ["before the headers", [...start, data(1, zeros(1))], malformed],
    [
      "empty, with END_STREAM",
      [...start, open, data(1, empty, true)],
      "accepted",
      ["headers", "end", "close complete 0"],
    ],
  ),
  ...rows(
    "6.5.2 values",
    ["ENABLE_PUSH 1", [settings({ 2: 1 })], protocol],
    ["ENABLE_PUSH 0", [settings({ 2: 0 })], "accepted"],
    ["INITIAL_WINDOW_SIZE 2^31", [settings({ 4: 2 ** 31 })], flow],
    ["MAX_FRAME_SIZE 16,383", [settings({ 5: 16_383 })], protocol],
    ["MAX_FRAME_SIZE 2^24", [settings({ 5: 2 ** 24 })], protocol],
    ["a size that is not a multiple of 6", [frame(type.settings, 0, 0, zeros(7))], frameSize],
    ["an acknowledgement with a payload", [...start, frame(type.settings, 1, 0, zeros(6))], frameSize],
    ["an unknown setting", [settings({ 64250: 1 })], "accepted"],
  ),
  ...rows("6.6 and 8.4 push", [
    "PUSH_PROMISE, though ENABLE_PUSH is 0",
    [
      ...start,
      frame(type.pushPromise, 4, 1, Buffer.concat([h2.uint32(2), headerBlock({ ":method": "GET" })])),
    ],
    protocol,
  ]),
  ...rows(
    "6.9 windows",
    ["WINDOW_UPDATE of 0 for a stream", [...start, windowUpdate(1, 0)], malformed],
    ["WINDOW_UPDATE of 0 for the connection", [...start, windowUpdate(0, 0)], protocol],
    [
      "a stream's window above 2^31 - 1",
      [...start, windowUpdate(3, 2 ** 31 - 1)],
      { reset: errorCode.flowControlError, streamId: 3 },
    ],
    ["the connection's window above 2^31 - 1", [...start, windowUpdate(0, 2 ** 31 - 1)], flow],
  ),
  ...rows(
    "8.1 messages",
    ["headers, content, trailers", [...start, open, data(1, zeros(1)), trailers], "accepted", all],
    [
      "trailers only",
      [...start, headers(1, { ":status": "200", "grpc-status": "5" }, true)],
      "accepted",
      ["headers", "end", "close complete 0"],
    ],
    ["trailers without END_STREAM", [...start, open, headers(1, { a: "b" })], malformed],
    ["a response without :status", [...start, headers(1, { a: "b" })], malformed],
    [
      "informational responses",
      [
        ...start,
        headers(1, { ":status": "100" }),
        headers(1, { ":status": "103", link: "x" }),
        open,
        data(1, zeros(1)),
        trailers,
      ],
      "accepted",
      all,
    ],
    [
      "an informational response that ends the stream",
      [...start, headers(1, { ":status": "103" }, true)],
      malformed,
    ],
    [
      "DATA after an informational response",
      [...start, headers(1, { ":status": "103" }), data(1, zeros(1))],
      malformed,
    ],
    [
      "RST_STREAM NO_ERROR after a complete response",
      [...start, headers(3, { ":status": "200" }, true), h2.rstStream(3, 0)],
      "accepted",
    ],
  ),
  ...rows(
    "8.1.1 content-length",
    [
      "more content",
      [
        ...start,
        response([
          [":status", "200"],
          ["content-length", "3"],
        ]),
        data(1, zeros(4)),
      ],
      malformed,
    ],
    [
      "less content",
      [
        ...start,
        response([
          [":status", "200"],
          ["content-length", "3"],
        ]),
        data(1, zeros(2), true),
      ],
      malformed,
    ],
    [
      "less content, with trailers",
      [
        ...start,
        response([
          [":status", "200"],
          ["content-length", "3"],
        ]),
        trailers,
      ],
      malformed,
    ],
  ),
  ...rows(
    "8.2 fields",
    [
      "an upper-case name",
      [
        ...start,
        response([
          [":status", "200"],
          ["A", "x"],
        ]),
      ],
      malformed,
    ],
    [
      "LF in a value",
      [
        ...start,
        response([
          [":status", "200"],
          ["a", "x\ny"],
        ]),
      ],
      malformed,
    ],
    ["an upper-case name in trailers", [...start, open, headers(1, { "Grpc-Status": "0" }, true)], malformed],
    [
      "connection",
      [
        ...start,
        response([
          [":status", "200"],
          ["connection", "close"],
        ]),
      ],
      malformed,
    ],
    [
      "transfer-encoding",
      [
        ...start,
        response([
          [":status", "200"],
          ["transfer-encoding", "chunked"],
        ]),
      ],
      malformed,
    ],
  ),
  ...rows(
    "8.3.2 pseudo-header fields",
    [
      "one of requests",
      [
        ...start,
        response([
          [":status", "200"],
          [":path", "/"],
        ]),
      ],
      malformed,
    ],
    [
      ":status twice",
      [
        ...start,
        response([
          [":status", "200"],
          [":status", "200"],
        ]),
      ],
      malformed,
    ],
    [
      ":status after a field",
      [
        ...start,
        response([
          ["a", "x"],
          [":status", "200"],
        ]),
      ],
      malformed,
    ],
    [":status in trailers", [...start, open, headers(1, { ":status": "200" }, true)], malformed],
    ...["", "20", "2000", "abc", "+20", "000", "099"].map(
      (status) => [`:status "${status}"`, [...start, headers(1, { ":status": status })], malformed] as const,
    ),
    ["status 101", [...start, headers(1, { ":status": "101" })], malformed],
  ),
];

for (const row of table)
  test(`client, ${row.section}: ${row.sends}`, async () => {
    const client = testedClient({ streamWindowBytes: 65_535 });
    const { peer, connection } = client;
    const { received } = client.request(Buffer.alloc(5));
    const other = client.request();
    await until(() => peer.of(type.headers).length === 2, "the requests arrive");
    peer.send(...row.bytes);
    await peer.settled();
    checkOutcome(peer, row);
    if (row.log) assert.deepEqual(received.log, row.log);
    if (peer.goaway === undefined) {
      assert.ok(connection.isUsable);
      connection.destroy();
      return;
    }
    assert.ok(connection.isEnded && !connection.isUsable);
    for (const { log } of [received, other.received]) assert.match(log.at(-1) ?? "", /^close/);
    await until(() => peer.closed, "the socket closes");
    assert.deepEqual(client.log.slice(-2), ["end", "close"]);
  });
