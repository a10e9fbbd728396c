import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CancellationScope, countdown } from "../../src/core/index.js";
import { checkLeaks } from "../support/leaks.js";
import { until } from "../support/waiting.js";

/** The number of timers that keep this process alive. */
function timersAlive(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

/** Blocks the event loop. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** A scope that notes in `stopped` when it was stopped, in milliseconds after its start. */
function noted(timeoutMs: number, stopped: Map<CancellationScope, number>): CancellationScope {
  const startedAt = performance.now();
  const scope = new CancellationScope(timeoutMs, undefined);
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

test("a deadline is not delayed by a callback of an earlier one that blocked the event loop", async () => {
  let lateMs = Number.POSITIVE_INFINITY;
  // Several times, because on a busy machine the process itself may be late.
  for (let attempt = 0; lateMs > 100 && attempt < 8; attempt++) {
    const stopped = new Map<CancellationScope, number>();
    new CancellationScope(300, undefined).onStop({ cancel: () => block(200) });
    await pause(200);
    const second = noted(300, stopped);
    await until(() => stopped.has(second), "its deadline has passed");
    lateMs = (stopped.get(second) ?? 0) - 300;
    assert.ok(lateMs >= 0);
  }
  // If its timer were set for the time since the first one passed, it would be 200 ms late.
  assert.ok(lateMs <= 100, `${lateMs} ms late`);
});

test("deadlines are those of real time, also if a test has replaced performance.now", async (t) => {
  const now = performance.now.bind(performance);
  const passedAfter = async (timeoutMs: number, meanwhile = () => {}): Promise<number> => {
    const addedAt = now();
    let passedAt: number | undefined;
    new CancellationScope(timeoutMs, undefined).onStop({
      cancel() {
        passedAt = now();
      },
    });
    meanwhile();
    while (passedAt === undefined && now() < addedAt + 10_000) await pause(5);
    return (passedAt ?? Number.POSITIVE_INFINITY) - addedAt;
  };
  const assertPasses = (passedMs: number) => assert.ok(passedMs >= 50 && passedMs < 10_000, `${passedMs}`);
  const { mock } = t.mock.method(performance, "now", () => 5);
  assertPasses(await passedAfter(50));
  mock.mockImplementation(() => Number.MAX_SAFE_INTEGER);
  const remainingMs = countdown(50);
  assertPasses(await passedAfter(50, () => mock.restore()));
  remainingMs();
  assert.ok((remainingMs() ?? 0) <= 50);
});

test("shorter deadlines that are set later pass first", async () => {
  const order: number[] = [];
  for (const timeoutMs of [400, 200, 100])
    new CancellationScope(timeoutMs, undefined).onStop({ cancel: () => void order.push(timeoutMs) });
  const longest = new CancellationScope(300, undefined);
  longest.onStop({ cancel: () => void order.push(300) });
  await pause(1);
  longest.end();
  await until(() => order.length === 3, "all deadlines have passed");
  assert.deepEqual(order, [100, 200, 400]);
});
