import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { abortError, CancellationScope, deadlineError, isCriError, sleep } from "../../src/core/index.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { until, within } from "../support/waiting.js";

test("sleep waits, and leaves no listener", async (t) => {
  checkLeaks(t);
  const { signal } = new AbortController();
  const start = performance.now();
  await sleep(20, signal);
  assert.ok(performance.now() - start >= 15);
  assertNoListeners(signal);
});

test("sleep rejects at once with the signal's reason, whether it fires before or during the wait", async (t) => {
  checkLeaks(t);
  const reason = new Error("enough");
  await assert.rejects(within(20_000, sleep(60_000, AbortSignal.abort(reason))), (e) => e === reason);
  const stop = new AbortController();
  const sleeping = sleep(60_000, stop.signal);
  stop.abort(reason);
  await assert.rejects(within(20_000, sleeping), (e) => e === reason);
  assertNoListeners(stop.signal);
});

test("a sleep longer than Node's longest timer does not end at once", async () => {
  const stop = new AbortController();
  let woke = false;
  const sleeping = sleep(Number.POSITIVE_INFINITY, stop.signal).then(
    () => {
      woke = true;
    },
    () => undefined,
  );
  await sleep(20);
  assert.equal(woke, false);
  stop.abort();
  await sleeping;
});

test("abortError: a timeout signal becomes a deadline, any other a cancellation, with the reason as cause", async () => {
  const timeout = AbortSignal.timeout(1);
  await until(() => timeout.aborted, "the timeout fires");
  assert.equal(abortError(timeout).code, "deadline_exceeded");
  assert.equal(abortError(timeout).reason, "deadline");
  assert.equal(abortError(timeout).cause, timeout.reason);
  for (const reason of [new Error("mine"), "text", 0]) {
    const error = abortError(AbortSignal.abort(reason));
    assert.equal(error.code, "canceled");
    assert.equal(error.reason, "aborted_by_caller");
    assert.equal(error.cause, reason);
  }
  const typed = deadlineError("late");
  assert.equal(abortError(AbortSignal.abort(typed)), typed);
  assert.ok(isCriError(typed));
});

test("a result that has arrived wins over a deadline that passed while the event loop was blocked", async (t) => {
  checkLeaks(t);
  const scope = new CancellationScope(20, undefined);
  const arrived = scope.race(stat("."));
  const end = performance.now() + 100;
  while (performance.now() < end);
  assert.ok((await arrived).isDirectory());
  scope.end();
  assert.equal(scope.stopped, undefined);
});

test("many waits on one signal cause no warning", async () => {
  const warnings: Error[] = [];
  const collect = (warning: Error) => warnings.push(warning);
  process.on("warning", collect);
  const controller = new AbortController();
  const waits = Array.from({ length: 30 }, () => sleep(60_000, controller.signal));
  await new Promise(setImmediate);
  controller.abort(new Error("enough"));
  const ended = await Promise.allSettled(waits);
  process.off("warning", collect);
  assert.ok(ended.every(({ status }) => status === "rejected"));
  assert.deepEqual(warnings, []);
});
