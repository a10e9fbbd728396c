import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { isCriError } from "../../src/core/index.js";
import { encodeToEnvelope } from "../../src/transport/codecs.js";
import { EnvelopeReader, encodeEnvelope } from "../../src/transport/envelope.js";
import { ExecRequestSchema, VersionResponseSchema } from "../../src/v1.js";
import { envelope } from "../support/answers.js";

function read(chunks: Iterable<Uint8Array>, limit = 1_000, encoding?: string) {
  const reader = new EnvelopeReader(limit);
  reader.encoding = encoding;
  const messages: string[] = [];
  for (const chunk of chunks)
    reader.push(chunk, 0, chunk.byteLength, {
      onMessage: (bytes, start, end) => messages.push(Buffer.from(bytes.subarray(start, end)).toString()),
    });
  return { messages, reader };
}

const texts = ["one", "", "x".repeat(500), "", "last"];
const body = Buffer.concat(texts.map((text) => envelope(Buffer.from(text))));

for (const size of [1, 2, 3, 4, 5, 6, 7, 64, 511, body.byteLength])
  test(`messages are complete from chunks of ${size} bytes`, () => {
    const chunks = [];
    for (let at = 0; at < body.byteLength; at += size) chunks.push(body.subarray(at, at + size));
    const { messages, reader } = read(chunks);
    assert.deepEqual(messages, texts);
    assert.equal(reader.messages, texts.length);
    assert.ok(reader.atBoundary);
  });

test("the body may end only between messages", () => {
  for (let cut = 1; cut < 8; cut++) assert.equal(read([body.subarray(0, cut)]).reader.atBoundary, false);
  assert.equal(read([body.subarray(0, 8)]).reader.atBoundary, true);
});

const limitError = (error: unknown) =>
  isCriError(error) &&
  error.code === "resource_exhausted" &&
  error.reason === "receive_limit" &&
  /readLimitBytes \(10\)/.test(error.rawMessage) &&
  /cri\.lists/.test(error.hint ?? "");

test("the limit is exact, and applies as soon as the prefix is read", () => {
  assert.deepEqual(read([envelope(Buffer.alloc(10, "a"))], 10).messages, ["a".repeat(10)]);
  assert.throws(() => read([envelope(Buffer.alloc(11)).subarray(0, 5)], 10), limitError);
  assert.throws(() => read([Buffer.from([0, 255, 255, 255, 255])], 10), limitError);
});

test("an incomplete message takes memory in proportion to what has arrived, and none once it is complete", () => {
  const length = 10_000_000;
  const whole = envelope(Buffer.alloc(length, "a"));
  const reader = new EnvelopeReader(length);
  const messages: Uint8Array[] = [];
  const receiver = {
    onMessage: (bytes: Uint8Array, start: number, end: number) => messages.push(bytes.slice(start, end)),
  };
  for (let at = 0; at < whole.byteLength; at += 16_384) {
    const chunk = whole.subarray(at, at + 16_384);
    reader.push(chunk, 0, chunk.byteLength, receiver);
    assert.ok(reader.bufferedBytes <= 4 * (at + chunk.byteLength), `${reader.bufferedBytes} after ${at}`);
  }
  assert.equal(reader.bufferedBytes, 0);
  assert.equal(messages[0]?.byteLength, length);
  assert.ok(Buffer.from(messages[0] ?? []).equals(whole.subarray(5)));
});

test("gzip is decompressed up to the limit", () => {
  const packed = envelope(gzipSync("a".repeat(10)), 1);
  assert.deepEqual(read([packed], 100, "gzip").messages, ["a".repeat(10)]);
  const bomb = gzipSync(Buffer.alloc(5_000_000));
  assert.throws(
    () => read([envelope(bomb, 1)], 10_000, "gzip"),
    (error) => isCriError(error) && error.reason === "receive_limit",
  );
  assert.equal(read([envelope(gzipSync(Buffer.alloc(1_000)), 1)], 1_000, "gzip").messages[0]?.length, 1_000);
});

test("each violation of the format has its own error text", () => {
  const malformed = (why: RegExp) => (error: unknown) =>
    isCriError(error) &&
    error.code === "internal" &&
    error.reason === "malformed_response" &&
    why.test(error.rawMessage);
  assert.throws(() => read([envelope(Buffer.from("x"), 7)]), malformed(/flag 7/));
  assert.throws(() => read([envelope(Buffer.from("x"), 1)]), malformed(/grpc-encoding is missing/));
  assert.throws(() => read([envelope(Buffer.from("x"), 1)], 100, "br"), malformed(/grpc-encoding is br/));
  assert.throws(
    () => read([envelope(Buffer.from("no gzip"), 1)], 100, "gzip"),
    malformed(/cannot be decompressed/),
  );
});

test("encoding adds the prefix, and the error of the limit names the option", () => {
  assert.deepEqual(encodeEnvelope(Buffer.from("abc"), 3), envelope(Buffer.from("abc")));
  assert.throws(
    () => encodeEnvelope(Buffer.from("abcd"), 3),
    (error) =>
      isCriError(error) &&
      error.reason === "send_limit" &&
      /4 bytes, more than writeLimitBytes \(3\)/.test(error.rawMessage),
  );
});

test("a message is encoded behind its prefix, by generated encoders and by protobuf-es", () => {
  for (const text of ["", "x", "ü".repeat(300_000)]) {
    const version = create(VersionResponseSchema, { version: text });
    const generated = encodeToEnvelope(VersionResponseSchema, version);
    assert.deepEqual(Buffer.from(generated), encodeEnvelope(toBinary(VersionResponseSchema, version), 1e6));
    const exec = create(ExecRequestSchema, { containerId: text });
    const reflected = encodeToEnvelope(ExecRequestSchema, exec);
    assert.deepEqual(Buffer.from(reflected), encodeEnvelope(toBinary(ExecRequestSchema, exec), 1e6));
  }
});
