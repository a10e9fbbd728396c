import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CancellationScope } from "../../src/core/index.js";
import { checkLeaks } from "../support/leaks.js";
import { until } from "../support/waiting.js";

/** The number of timers that keep this process alive. */
function timersAlive(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

/** A scope that notes in `stopped` when it was stopped, in milliseconds after its start. */
function noted(timeoutMs: number, stopped: Map<CancellationScope, number>): CancellationScope {
  const scope = new CancellationScope(timeoutMs, undefined);
  const startedAt = performance.now();
  scope.onStop({ cancel: () => void stopped.set(scope, performance.now() - startedAt) });
  return scope;
}

test("each deadline passes once, at its own time, and those that ended before do not", async (t) => {
  checkLeaks(t);
  const stopped = new Map<CancellationScope, number>();
  const scopes: { readonly scope: CancellationScope; readonly timeoutMs: number; readonly ends: boolean }[] =
    [];
  for (let round = 0; round < 4; round++) {
    for (const timeoutMs of [120, 60, 61.5, 60])
      for (const ends of [false, true, false, true, true, false])
        scopes.push({ scope: noted(timeoutMs, stopped), timeoutMs, ends });
    // In no order: at the beginning, in the middle and at the end of the lists.
    for (const { scope, ends } of scopes.toReversed()) if (ends) scope.end();
    await pause(10);
  }
  await until(() => stopped.size >= scopes.length / 2, "all deadlines have passed");
  await pause(30);
  for (const { scope, timeoutMs, ends } of scopes) {
    assert.equal(stopped.has(scope), !ends);
    assert.equal(scope.stopped?.reason, ends ? undefined : "deadline");
    if (!ends) assert.match(scope.stopped?.rawMessage ?? "", new RegExp(`within ${timeoutMs} ms`));
    if (!ends) assert.ok((stopped.get(scope) ?? 0) >= timeoutMs);
  }
  const order = [...stopped.keys()];
  for (const timeoutMs of [120, 60, 61.5]) {
    const same = scopes.filter((one) => one.timeoutMs === timeoutMs && !one.ends).map(({ scope }) => scope);
    assert.deepEqual(
      order.filter((scope) => same.includes(scope)).map((scope) => same.indexOf(scope)),
      same.map((_, index) => index),
    );
  }
});

test("deadlines keep the process alive, and only while there are any", async () => {
  const before = timersAlive();
  for (let time = 0; time < 3; time++) {
    const first = new CancellationScope(40_000, undefined);
    const second = new CancellationScope(40_000, undefined);
    assert.equal(timersAlive(), before + 1, "one timer for both");
    first.end();
    first.end();
    assert.equal(timersAlive(), before + 1);
    second.end();
    assert.equal(timersAlive(), before);
  }
  const many = Array.from({ length: 100 }, (_, index) => new CancellationScope(50_000 + index, undefined));
  assert.equal(timersAlive(), before + 100);
  for (const scope of many) scope.end();
  assert.equal(timersAlive(), before);
});

test("a list is used again after all of its deadlines have passed", async () => {
  for (let time = 0; time < 3; time++) {
    const stopped = new Map<CancellationScope, number>();
    const scopes = [noted(20, stopped), noted(20, stopped)];
    await until(() => stopped.size === 2, "both deadlines have passed");
    for (const scope of scopes) scope.end();
    await pause(time * 30);
  }
});

test("a deadline that is set or ended while others pass is treated like any other", async () => {
  const stopped = new Map<CancellationScope, number>();
  const later: CancellationScope[] = [];
  const first = new CancellationScope(20, undefined);
  const second = noted(20, stopped);
  const third = noted(20, stopped);
  first.onStop({
    cancel() {
      second.end();
      later.push(noted(20, stopped));
    },
  });
  await until(
    () => later[0] !== undefined && stopped.has(later[0]),
    "the deadline of the new one has passed",
  );
  assert.deepEqual([stopped.has(second), stopped.has(third)], [false, true]);
});

test("deadlines are those of real time, also in tests with timers of their own", async (t) => {
  const stopped = new Map<CancellationScope, number>();
  t.mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  const scope = noted(33, stopped);
  t.mock.timers.reset();
  noted(33, stopped);
  await until(() => stopped.size === 2, "both deadlines have passed");
  assert.ok(stopped.has(scope));
});
