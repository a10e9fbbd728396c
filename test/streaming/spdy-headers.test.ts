import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { constants, deflateSync } from "node:zlib";
import { isCriError } from "../../src/core/index.js";
import {
  encodeHeaders,
  HeaderPacker,
  HeaderUnpacker,
  headerDictionary,
} from "../../src/streaming/spdy/headers.js";

const hex = (text: string) => Buffer.from(text, "hex");
const malformed = (error: unknown) => isCriError(error) && error.reason === "malformed_stream";

test("the dictionary is that of SPDY/3", () => {
  assert.equal(headerDictionary.byteLength, 1_423);
  assert.equal(
    createHash("sha256").update(headerDictionary).digest("hex"),
    "51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02",
  );
});

test("unpacks the header blocks of Go's client, which are one zlib stream", () => {
  // Captured from `crictl exec -i`: four streams with one zlib context.
  const unpacker = new HeaderUnpacker();
  const types = [
    "78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a5a54945f04000000ffff",
    "c22e555c92929907000000ffff",
    "c22ac5565c92925f5a02000000ffff",
    "c229975a5404000000ffff",
  ].map((block) => unpacker.unpack(hex(block)).streamtype);
  assert.deepEqual(types, ["error", "stdin", "stdout", "stderr"]);
});

test("packed blocks need no dictionary, and equal headers result in equal blocks", () => {
  const packer = new HeaderPacker();
  assert.equal(
    packer.pack({ streamtype: "error" }).toString("hex"),
    "7801001b00e4ff000000010000000a73747265616d74797065000000056572726f72000000ffff",
  );
  assert.equal(packer.pack({}).toString("hex"), "000400fbff00000000000000ffff");
  assert.equal(new HeaderPacker().pack({}).toString("hex"), "7801000400fbff00000000000000ffff");
});

test("packed blocks are unpacked with names in lower case", () => {
  const packer = new HeaderPacker();
  const unpacker = new HeaderUnpacker();
  for (const headers of [
    { streamType: "stdin" },
    { port: "8080", requestid: "0" },
    {},
    { "x-ü": "é\0two" },
  ]) {
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    assert.deepEqual({ ...unpacker.unpack(packer.pack(headers)) }, lower);
  }
});

test("unpacks a compressed stream that is longer than the window", () => {
  const unpacker = new HeaderUnpacker();
  // One deflate stream, flushed after each block and split there.
  const plain = Array.from({ length: 60 }, (_, index) =>
    encodeHeaders({ streamtype: "data", port: String(index), filler: "abcdefgh".repeat(index * 20) }),
  );
  let history = Buffer.alloc(0);
  for (const [index, one] of plain.entries()) {
    const dictionary = Buffer.concat([headerDictionary, history]).subarray(-32_768);
    const whole = deflateSync(one, {
      dictionary: index === 0 ? headerDictionary : dictionary,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    const block = index === 0 ? whole : whole.subarray(6);
    assert.equal(unpacker.unpack(block).port, String(index));
    history = Buffer.concat([history, one]);
  }
});

const broken: [string, Buffer[]][] = [
  ["no zlib header", [hex("0000")]],
  ["another dictionary", [hex("78f9000000000000")]],
  ["an empty block", [Buffer.alloc(0)]],
  ["a count without headers", [Buffer.concat([hex("7801000400fbff"), hex("00000002"), hex("000000ffff")])]],
  ["too many headers", [Buffer.concat([hex("7801000400fbff"), hex("00010000"), hex("000000ffff")])]],
  ["a bomb", [deflateSync(Buffer.alloc(5_000_000), { finishFlush: constants.Z_SYNC_FLUSH })]],
];
for (const [name, blocks] of broken)
  test(`malformed: ${name}`, () => {
    const unpacker = new HeaderUnpacker();
    assert.throws(() => blocks.map((block) => unpacker.unpack(block)), malformed);
  });

test("headers that are too large for one block are not packed", () => {
  assert.throws(() => new HeaderPacker().pack({ a: "x".repeat(70_000) }), RangeError);
});
