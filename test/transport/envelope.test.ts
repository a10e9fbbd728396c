import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { isCriError } from "../../src/core/index.js";
import { EnvelopeReader, encodeEnvelope } from "../../src/transport/envelope.js";
import { envelope } from "../support/answers.js";

function read(chunks: Iterable<Uint8Array>, limit = 1_000, encoding?: string) {
  const reader = new EnvelopeReader(limit);
  reader.encoding = encoding;
  const messages: string[] = [];
  for (const chunk of chunks)
    reader.push(chunk, { onMessage: (bytes) => messages.push(Buffer.from(bytes).toString()) });
  return { messages, reader };
}

const texts = ["one", "", "x".repeat(500), "", "last"];
const body = Buffer.concat(texts.map((text) => envelope(Buffer.from(text))));

for (const size of [1, 2, 3, 4, 5, 6, 7, 64, 511, body.byteLength])
  test(`messages come out whole from chunks of ${size}`, () => {
    const chunks = [];
    for (let at = 0; at < body.byteLength; at += size) chunks.push(body.subarray(at, at + size));
    const { messages, reader } = read(chunks);
    assert.deepEqual(messages, texts);
    assert.equal(reader.messages, texts.length);
    assert.ok(reader.atBoundary);
  });

test("the end of the body is a boundary only between messages", () => {
  for (let cut = 1; cut < 8; cut++) assert.equal(read([body.subarray(0, cut)]).reader.atBoundary, false);
  assert.equal(read([body.subarray(0, 8)]).reader.atBoundary, true);
});

const limitError = (error: unknown) =>
  isCriError(error) &&
  error.code === "resource_exhausted" &&
  error.reason === "receive_limit" &&
  /readLimitBytes \(10\)/.test(error.text) &&
  /streaming lists/.test(error.hint ?? "");

test("the limit holds to the byte, and is known from the prefix alone", () => {
  assert.deepEqual(read([envelope(Buffer.alloc(10, "a"))], 10).messages, ["a".repeat(10)]);
  assert.throws(() => read([envelope(Buffer.alloc(11)).subarray(0, 5)], 10), limitError);
  assert.throws(() => read([Buffer.from([0, 255, 255, 255, 255])], 10), limitError);
});

test("gzip is unpacked, up to the limit and no further", () => {
  const packed = envelope(gzipSync("a".repeat(10)), 1);
  assert.deepEqual(read([packed], 100, "gzip").messages, ["a".repeat(10)]);
  const bomb = gzipSync(Buffer.alloc(5_000_000));
  assert.throws(
    () => read([envelope(bomb, 1)], 10_000, "gzip"),
    (error) => isCriError(error) && error.reason === "receive_limit",
  );
  assert.equal(read([envelope(gzipSync(Buffer.alloc(1_000)), 1)], 1_000, "gzip").messages[0]?.length, 1_000);
});

test("what breaks the format is told apart", () => {
  const malformed = (why: RegExp) => (error: unknown) =>
    isCriError(error) &&
    error.code === "internal" &&
    error.reason === "malformed_response" &&
    why.test(error.text);
  assert.throws(() => read([envelope(Buffer.from("x"), 7)]), malformed(/flag 7/));
  assert.throws(() => read([envelope(Buffer.from("x"), 1)]), malformed(/grpc-encoding missing/));
  assert.throws(() => read([envelope(Buffer.from("x"), 1)], 100, "br"), malformed(/grpc-encoding br/));
  assert.throws(() => read([envelope(Buffer.from("no gzip"), 1)], 100, "gzip"), malformed(/unpack/));
});

test("writing: the prefix, and the limit with its name", () => {
  assert.deepEqual(encodeEnvelope(Buffer.from("abc"), 3), envelope(Buffer.from("abc")));
  assert.throws(
    () => encodeEnvelope(Buffer.from("abcd"), 3),
    (error) =>
      isCriError(error) &&
      error.reason === "send_limit" &&
      /4 bytes, over writeLimitBytes \(3\)/.test(error.text),
  );
});
