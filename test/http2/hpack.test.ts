import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import * as net from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HpackDecoder } from "../../src/http2/hpack/decoder.js";
import { HpackEncoder } from "../../src/http2/hpack/encoder.js";
import { ClientConnection, errorCode, Http2Error, RepeatedHeaders } from "../../src/http2/index.js";
import { cleanup } from "../support/cleanup.js";
import { FrameReader, frameType, settings } from "../support/frames.js";
import { SeededRandom } from "../support/random.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";
import { Recorder, requestFields } from "./peer.js";

type Pairs = readonly (readonly [string, string])[];

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const newDecoder = (tableBytes = 4_096, listBytes = 2 ** 16) => new HpackDecoder(tableBytes, listBytes);

function decode(decoder: HpackDecoder, block: Buffer): Pairs {
  return decoder.decode(block).fields.map(({ name, value }) => [name, value] as const);
}

function encode(encoder: HpackEncoder, fields: Pairs, more?: Record<string, string>): Buffer {
  return encoder.encode(new RepeatedHeaders(Object.fromEntries(fields)), more);
}

function assertInvalid(block: Buffer, decoder = newDecoder(), what = block.toString("hex")): void {
  assert.throws(
    () => decoder.decode(block),
    (error) => error instanceof Http2Error && error.http2Code === errorCode.compressionError,
    what,
  );
}

const get: Pairs = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const requests: readonly Pairs[] = [
  get,
  [...get, ["cache-control", "no-cache"]],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];
const response = (status: string, date: string): Pairs => [
  [":status", status],
  ["cache-control", "private"],
  ["date", `Mon, 21 Oct 2013 20:13:${date} GMT`],
  ["location", "https://www.example.com"],
];
const responses: readonly Pairs[] = [
  response("302", "21"),
  response("307", "21"),
  [
    ...response("200", "22"),
    ["content-encoding", "gzip"],
    ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ],
];

/** Appendix C of RFC 7541: lists, their blocks one after the other on a connection, and the size of its table. */
const examples: Readonly<Record<string, readonly [readonly Pairs[], readonly string[], number]>> = {
  "C.2.1": [
    [[["custom-key", "custom-header"]]],
    ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"],
    4_096,
  ],
  "C.2.2": [[[[":path", "/sample/path"]]], ["040c2f73616d706c652f70617468"], 4_096],
  "C.2.3": [[[["password", "secret"]]], ["100870617373776f726406736563726574"], 4_096],
  "C.2.4": [[[[":method", "GET"]]], ["82"], 4_096],
  "C.3": [
    requests,
    [
      "828684410f7777772e6578616d706c652e636f6d",
      "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    4_096,
  ],
  "C.4": [
    requests,
    [
      "828684418cf1e3c2e5f23a6ba0ab90f4ff",
      "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
    4_096,
  ],
  "C.5": [
    responses,
    [
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
    ],
    256,
  ],
  "C.6": [
    responses,
    [
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
    256,
  ],
};

for (const [name, [lists, blocks, tableBytes]] of Object.entries(examples))
  test(`decodes the example ${name}`, () => {
    const decoder = newDecoder(tableBytes);
    for (const [n, block] of blocks.entries()) assert.deepEqual(decode(decoder, hex(block)), lists[n]);
  });

test("encodes the examples C.1.1 and C.1.2: integers with a prefix of 5 bits", () => {
  for (const [limit, bytes] of [
    [10, "2a"],
    [1_337, "3f9a0a"],
  ] as const) {
    const encoder = new HpackEncoder();
    encoder.setTableLimit(limit);
    assert.equal(encode(encoder, []).toString("hex"), bytes);
  }
});

test("encodes the examples C.3 and the beginning of C.5", () => {
  for (const [name, count] of [
    ["C.3", 3],
    ["C.5", 2],
  ] as const) {
    const [lists, blocks] = examples[name] ?? [[], []];
    const encoder = new HpackEncoder();
    for (let n = 0; n < count; n++)
      assert.equal(encode(encoder, lists[n] ?? []).toString("hex"), blocks[n], `${name}, block ${n}`);
  }
});

test("rejects invalid integers, indexes, strings and size updates", () => {
  const invalid = {
    "index 0": "80",
    "the first index after the static table": "be",
    "an index far beyond the tables": "ffffffff7f",
    "a name's index beyond the tables": "7f0001 61",
    "an integer without an end": "ff",
    "an integer with an end beyond the block": "ff80",
    "an integer above 2^35": "ffffffffffff7f",
    "an integer with leading zeros that are too many": "ff808080808000",
    "a literal without a name": "40",
    "a literal without a value": "400161",
    "a name longer than the block": "400561",
    "a value longer than the block": "400161 0561",
    "a value of 2^32 bytes": "400161 7f81feffff0f",
    "Huffman: EOS": "400161 84ffffffff",
    "Huffman: EOS within a string": "400161 85 1fffffffff",
    "Huffman: 8 bits of padding": "400161 82 1fff",
    "Huffman: padding of zeros": "400161 81 18",
    "Huffman: padding of a zero at the end": "400161 81 1e",
    "a size update above the limit": "3fe21f",
    "a size update behind a field": "82 20",
    "a size update after a size update above the limit": "20 3fe21f",
  };
  for (const [what, block] of Object.entries(invalid)) assertInvalid(hex(block), newDecoder(), what);
});

test("accepts what is unusual but valid", () => {
  assert.deepEqual(decode(newDecoder(), hex("")), []);
  assert.deepEqual(decode(newDecoder(), hex("3fe11f 20 3fe11f 82")), [[":method", "GET"]], "size updates");
  assert.deepEqual(decode(newDecoder(), hex("400161 81 1f")), [["a", "a"]], "padding of three bits");
  assert.deepEqual(decode(newDecoder(), hex("400161 80")), [["a", ""]], "an empty Huffman string");
  assert.deepEqual(decode(newDecoder(), hex("0000 00")), [["", ""]], "empty strings");
});

test("evicts the oldest entries, and all of them for an entry that is too large", () => {
  const decoder = newDecoder(102);
  // Each has 34 bytes: three fit.
  for (const name of ["a", "b", "c", "d"]) decode(decoder, Buffer.from(`\x40\x01${name}\x01x`, "latin1"));
  assert.deepEqual(decode(decoder, hex("c0 bf be")), [
    ["b", "x"],
    ["c", "x"],
    ["d", "x"],
  ]);
  // The name of an entry that its own insertion evicts.
  assert.deepEqual(decode(decoder, hex("7f01 0179 be bf c0")), [
    ["b", "y"],
    ["b", "y"],
    ["d", "x"],
    ["c", "x"],
  ]);
  assertInvalid(hex("c1"), decoder);
  assert.deepEqual(decode(decoder, Buffer.concat([hex("400161 7f01"), Buffer.alloc(128, "z")])).length, 1);
  assertInvalid(hex("be"), decoder);
  // A size of 0 empties the table; a later one does not bring entries back.
  decode(decoder, hex("400161 0178"));
  decode(decoder, hex("20 3f47"));
  assertInvalid(hex("be"), decoder);
});

test("a list above the limit is not kept, and the table stays right", () => {
  const decoder = newDecoder(4_096, 100);
  const block = Buffer.concat([hex("40 0161 0a"), Buffer.alloc(10, "v"), Buffer.alloc(10_000, 0xbe)]);
  const { fields, isTooLarge } = decoder.decode(block);
  assert.ok(isTooLarge);
  assert.ok(fields.length <= 2);
  assert.deepEqual(decode(decoder, hex("be")), [["a", "vvvvvvvvvv"]]);
});

test("secrets are never indexed, whether repeated or not", () => {
  const encoder = new HpackEncoder();
  const secrets = { authorization: "Bearer x", cookie: "a=b", "proxy-authorization": "y", "set-cookie": "z" };
  for (let n = 0; n < 2; n++) {
    const block = encoder.encode(new RepeatedHeaders(secrets), { authorization: "again" });
    assert.equal(block[0], 0x1f, "a literal that is never indexed");
    assert.ok(block.includes("Bearer x") && block.includes("again"));
    const decoded = newDecoder()
      .decode(block)
      .fields.map(({ name, value }) => [name, value]);
    assert.deepEqual(decoded, [...Object.entries(secrets), ["authorization", "again"]]);
    assertInvalid(Buffer.concat([block, hex("be")]));
  }
});

test("whatever the encoder sends is decoded, while the peer changes its table", (t) => {
  const random = new SeededRandom();
  t.diagnostic(`seed ${random.seed}`);
  for (let round = 0; round < 10; round++) {
    const encoder = new HpackEncoder();
    const decoder = newDecoder(4_096, 2 ** 20);
    const word = (limit: number) =>
      Array.from({ length: random.below(limit) }, () => String.fromCharCode(97 + random.below(4))).join("");
    const known = Array.from(
      { length: 20 },
      () =>
        new RepeatedHeaders({
          ":status": random.of("200", "404", "302"),
          [`x-${word(2)}`]: word(random.of(2, 3, 500)),
          [`y-${word(3)}`]: word(random.size(300)),
          ...(random.below(3) === 0 ? { authorization: word(9) } : {}),
        }),
    );
    for (let n = 0; n < 200; n++) {
      for (let changes = random.below(20) === 0 ? random.below(4) : 0; changes > 0; changes--)
        encoder.setTableLimit(random.of(0, 64, 100, 500, 4_096, 2 ** 32 - 1));
      const repeated = random.of(known[0], ...known) ?? new RepeatedHeaders({});
      const more = random.below(2) ? { "grpc-timeout": word(6), "x-a": word(200) } : undefined;
      const block = Buffer.from(encoder.encode(repeated, more));
      assert.deepEqual(decode(decoder, block), [...repeated.fields, ...Object.entries(more ?? {})]);
    }
  }
});

/** Listens on a unix socket that is closed after the test. */
async function listen(t: TestContext, server: net.Server | http2.Http2Server): Promise<string> {
  const path = join(await tempFolder(t), "s.sock");
  server.listen(path);
  await once(server, "listening");
  cleanup(t, () => void server.close());
  return path;
}

test("decodes nghttp2's Huffman code of every byte", async (t) => {
  const decoder = newDecoder(4_096, 2 ** 20);
  const values: string[] = [];
  const server = net.createServer((socket) => {
    socket.write(settings());
    socket.on("error", () => undefined);
    const reader = new FrameReader();
    socket.on("data", (chunk) => {
      for (const frame of reader.push(chunk)) {
        if (frame.type !== frameType.headers) continue;
        const block = frame.flags & 0x20 ? frame.payload.subarray(5) : frame.payload;
        const field = decoder.decode(block).fields.find(({ name }) => name === "x");
        // The letters take five bits: if they are not visible, the string is in the Huffman code.
        assert.ok(!block.includes("aaaa"));
        values.push(field?.value ?? "");
      }
    });
  });
  const path = await listen(t, server);
  const session = http2.connect("http://localhost", { createConnection: () => net.connect(path) });
  cleanup(t, () => session.destroy());
  session.on("error", () => undefined);
  const expected = Array.from({ length: 255 }, (_, n) => `${"a".repeat(60)}${String.fromCharCode(n + 1)}b`);
  for (const x of expected) session.request({ x }).on("error", () => undefined);
  await until(() => values.length === expected.length, "all requests arrive");
  assert.deepEqual(values, expected);
  // Node's interface cannot send NUL, whose code has 13 bits.
  assert.deepEqual(decode(newDecoder(), hex("400161 82 ffc7")), [["a", "\0"]]);
});

test("node:http2 decodes our blocks, and changes its table in the middle", async (t) => {
  const seen: http2.IncomingHttpHeaders[] = [];
  const server = http2.createServer();
  const sessions: http2.ServerHttp2Session[] = [];
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream, headers) => {
    seen.push(headers);
    stream.resume();
    stream.respond({ ":status": 200, "x-answer": headers["x-n"] as string });
    stream.end();
  });
  const socket = net.connect(await listen(t, server));
  const client = new ClientConnection(socket, {
    onReady: () => undefined,
    onGoaway: () => undefined,
    onEnd: () => undefined,
    onClose: () => undefined,
  });
  cleanup(t, () => client.destroy());
  const call = async (repeated: RepeatedHeaders, n: number) => {
    const received = new Recorder();
    client.request(repeated, { "x-n": `${n}` }, Buffer.alloc(0), received);
    await until(() => received.end !== undefined, "the response");
    assert.equal(received.end?.cause, "complete");
    assert.equal(received.headers?.["x-answer"], `${n}`);
    assert.equal(seen.at(-1)?.["x-b"], repeated.fields.find(([name]) => name === "x-b")?.[1]);
  };
  const known = ["one", "two", "three"].map((b) => new RepeatedHeaders({ ...requestFields, "x-b": b }));
  let n = 0;
  for (const headerTableSize of [4_096, 0, 128, 4_096, 0, 65_536]) {
    const session = sessions[0];
    if (session)
      await within(
        10_000,
        new Promise<void>((resolve) => session.settings({ headerTableSize }, () => resolve())),
      );
    for (let again = 0; again < 3; again++) for (const repeated of known) await call(repeated, n++);
  }
});
