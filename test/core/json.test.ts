import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { CriError, withJson } from "../../src/core/index.js";
import { ContainerStatsSchema, PodSandboxStatusSchema } from "../../src/v1.js";

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("bigints, bytes, dates and messages become JSON", () => {
  const message = create(ContainerStatsSchema, {
    cpu: { timestamp: 5n, usageCoreNanoSeconds: { value: 2n ** 64n - 1n } },
    attributes: { labels: { ["__proto__"]: "own" } },
  });
  const result = withJson({
    small: 2n ** 53n - 1n,
    negative: -(2n ** 53n) + 1n,
    large: 2n ** 53n,
    largeNegative: -(2n ** 53n),
    bytes: new Uint8Array([1, 2, 255]).subarray(1),
    buffer: Buffer.from("text"),
    at: new Date(0),
    none: undefined,
    list: [1n, { deep: [2n ** 60n] }],
    nested: withJson({ total: 3n }),
    message,
  });
  const { message: converted, ...rest } = plain(result) as Record<string, unknown>;
  assert.deepEqual(rest, {
    small: Number.MAX_SAFE_INTEGER,
    negative: Number.MIN_SAFE_INTEGER,
    large: "9007199254740992",
    largeNegative: "-9007199254740992",
    bytes: "Av8=",
    buffer: "dGV4dA==",
    at: "1970-01-01T00:00:00.000Z",
    list: [1, { deep: ["1152921504606846976"] }],
    nested: { total: 3 },
  });
  const { cpu, attributes } = converted as Record<string, Record<string, unknown>>;
  assert.deepEqual(cpu, { timestamp: 5, usageCoreNanoSeconds: { value: "18446744073709551615" } });
  assert.deepEqual(Object.keys(attributes?.labels ?? {}), ["__proto__"]);
});

test("toJSON() is not part of comparisons, copies and enumeration", () => {
  const result = withJson({ size: 1n });
  assert.deepStrictEqual(result, { size: 1n });
  assert.deepEqual(Object.keys({ ...result }), ["size"]);
  assert.deepEqual(structuredClone(result), { size: 1n });
  assert.throws(() => JSON.stringify({ ...result }), TypeError);
});

test("an error with a bigint as the wrong value becomes JSON with its message", () => {
  const error = new CriError({
    code: "invalid_argument",
    reason: "invalid_spec",
    rawMessage: "attempt",
    problems: [{ path: "attempt", message: "must be an integer", value: 1n }],
  });
  const { message, code, problems } = plain(error) as Record<string, unknown>;
  assert.deepEqual([message, code], [error.message, "invalid_argument"]);
  assert.deepEqual(problems, [{ path: "attempt", message: "must be an integer", value: 1 }]);
});

test("a message with no fields set becomes JSON, too", () => {
  assert.ok(plain(withJson({ message: create(PodSandboxStatusSchema) })));
});
