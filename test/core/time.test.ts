import assert from "node:assert/strict";
import { test } from "node:test";
import { dateToNanos, nanosToDate, nanosToMs } from "../../src/core/index.js";

test("nanoseconds become a Date, and a Date nanoseconds", () => {
  const nanos = 1_732_400_000_123_456_789n;
  assert.equal(nanosToDate(nanos)?.toISOString(), new Date(1_732_400_000_123).toISOString());
  assert.equal(dateToNanos(new Date(1_732_400_000_123)), 1_732_400_000_123_000_000n);
  assert.equal(nanosToDate(2n ** 63n - 1n)?.getUTCFullYear(), 2262);
});

test("0 is no time", () => {
  assert.equal(nanosToDate(0n), undefined);
  assert.equal(dateToNanos(new Date(0)), 0n);
});

test("an invalid Date is refused", () => {
  assert.throws(() => dateToNanos(new Date(Number.NaN)), { reason: "invalid_option" });
});

test("durations keep their fraction", () => {
  assert.equal(nanosToMs(1_500_000n), 1.5);
  assert.equal(nanosToMs(-1_500_000n), -1.5);
  assert.equal(nanosToMs(1n), 0.000001);
});
