import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { isCriError } from "../../src/core/index.js";
import type { RpcNext } from "../../src/transport/contract.js";
import { resolveTransportOptions, type TransportOptions } from "../../src/transport/options.js";
import { createTransport } from "../../src/transport/transport.js";

const defaults = {
  readLimitBytes: 16_777_216,
  writeLimitBytes: 16_777_216,
  connectTimeoutMs: 5_000,
  connectAttempts: 5,
  userAgent: "cri-sdk",
};
const others = {
  readLimitBytes: 1,
  writeLimitBytes: 2,
  connectTimeoutMs: 3,
  connectAttempts: 4,
  userAgent: "mine/1",
};

test("an omitted or undefined option has its documented default", () => {
  for (const given of [
    undefined,
    {},
    Object.fromEntries(Object.keys(defaults).map((key) => [key, undefined])),
  ]) {
    const resolved = resolveTransportOptions("/x", given);
    assert.deepEqual({ ...resolved, ...defaults }, { ...resolved });
    assert.equal(resolved.backoff.delayMs(0.5), 100);
    assert.deepEqual(resolved.interceptors, []);
    assert.deepEqual(resolved.tls, {});
    assert.equal(resolved.endpoint.url, "unix:///x");
    assert.ok(Object.isFrozen(resolved) && Object.isFrozen(resolved.interceptors));
  }
});

test("options are passed on, alone and together", () => {
  for (const key of Object.keys(others) as (keyof typeof others)[])
    assert.deepEqual(
      { ...resolveTransportOptions("/x", { [key]: others[key] }), backoff: 0 },
      { ...resolveTransportOptions("/x"), [key]: others[key], backoff: 0 },
    );
  const resolved = resolveTransportOptions("/x", others);
  assert.deepEqual({ ...resolved, ...others }, { ...resolved });
});

test("later changes of the caller's array of interceptors have no effect", () => {
  const interceptors = [(next: RpcNext) => next];
  const resolved = resolveTransportOptions("/x", { interceptors });
  interceptors.pop();
  assert.equal(resolved.interceptors.length, 1);
});

const bad: TransportOptions[] = [
  { readLimitBytes: 0 },
  { readLimitBytes: 1.5 },
  { readLimitBytes: Number.POSITIVE_INFINITY },
  { writeLimitBytes: -1 },
  { writeLimitBytes: Number.NaN },
  { connectTimeoutMs: 0 },
  { connectTimeoutMs: 2 ** 31 },
  { connectAttempts: 0 },
  { connectAttempts: 1_001 },
  { userAgent: "two\nlines" },
  { userAgent: "" },
  { backoff: { jitter: 2 } },
];
for (const options of bad)
  test(`${JSON.stringify(options)} is rejected`, () => {
    assert.throws(
      () => createTransport("/x", options),
      (error) => isCriError(error) && error.reason === "invalid_option" && error.code === "invalid_argument",
    );
  });

test("invalid TLS material is rejected, and the error does not contain it", () => {
  const tls = { key: "a-secret-key", cert: "nonsense" };
  assert.throws(
    () => resolveTransportOptions("https://runtime.example:1", { tls }),
    (error) =>
      isCriError(error) &&
      error.reason === "invalid_option" &&
      !inspect(error, { depth: 9 }).includes("a-secret"),
  );
  // TLS options apply to https only.
  resolveTransportOptions("/x", { tls });
});
