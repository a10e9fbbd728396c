import assert from "node:assert/strict";
import { test } from "node:test";
import { type Backoff, type BackoffOptions, backoff, CriError } from "../../src/core/index.js";

function delays(first: Backoff, steps: number, random: number): number[] {
  const all: number[] = [];
  for (let step = first; all.length < steps; step = step.next()) all.push(Math.round(step.delayMs(random)));
  return all;
}

test("the defaults go from 100 ms by 1.6 to 3 s", () => {
  assert.deepEqual(delays(backoff(), 10, 0.5), [100, 160, 256, 410, 655, 1049, 1678, 2684, 3000, 3000]);
});

test("jitter spreads a delay to both sides", () => {
  assert.deepEqual(delays(backoff(), 2, 0), [80, 128]);
  assert.deepEqual(delays(backoff(), 2, 1), [120, 192]);
  assert.deepEqual(delays(backoff({ jitter: 0 }), 2, 1), [100, 160]);
  for (let i = 0; i < 200; i++) {
    const ms = backoff().delayMs();
    assert.ok(ms >= 80 && ms <= 120, `${ms}`);
  }
});

test("a step is a value: asking twice changes nothing", () => {
  const step = backoff({ firstMs: 10 });
  step.next();
  assert.equal(step.delayMs(0.5), 10);
  assert.equal(step.next().delayMs(0.5), 16);
});

test("bad options are refused by name", () => {
  const bad: [BackoffOptions, string][] = [
    [{ firstMs: -1 }, "firstMs"],
    [{ firstMs: Number.NaN }, "firstMs"],
    [{ firstMs: 10, maxMs: 5 }, "maxMs"],
    [{ factor: 0.9 }, "factor"],
    [{ jitter: 1.1 }, "jitter"],
    [{ jitter: -0.1 }, "jitter"],
  ];
  for (const [options, path] of bad)
    assert.throws(
      () => backoff(options),
      (error) =>
        error instanceof CriError && error.reason === "invalid_option" && error.problems[0]?.path === path,
    );
});
