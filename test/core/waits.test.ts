import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import {
  deadlineError,
  isCriError,
  Lifeline,
  sleep,
  stoppedError,
  whyStopped,
} from "../../src/core/index.js";
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

test("sleep ends at once when the signal fires before or meanwhile, with its reason", async (t) => {
  checkLeaks(t);
  const reason = new Error("enough");
  await assert.rejects(within(1_000, sleep(60_000, AbortSignal.abort(reason))), (e) => e === reason);
  const stop = new AbortController();
  const sleeping = sleep(60_000, stop.signal);
  stop.abort(reason);
  await assert.rejects(within(1_000, sleeping), (e) => e === reason);
  assertNoListeners(stop.signal);
});

test("a sleep longer than a timer can hold does not end at once", async () => {
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

test("a timeout signal means a deadline, any other a cancel, with the reason as cause", async () => {
  const timeout = AbortSignal.timeout(1);
  await until(() => timeout.aborted, "the timeout fires");
  assert.equal(whyStopped(timeout), "deadline_exceeded");
  assert.equal(stoppedError(timeout).code, "deadline_exceeded");
  assert.equal(stoppedError(timeout).reason, "deadline");
  assert.equal(stoppedError(timeout).cause, timeout.reason);
  for (const reason of [new Error("mine"), "text", 0]) {
    const error = stoppedError(AbortSignal.abort(reason));
    assert.equal(error.code, "canceled");
    assert.equal(error.reason, "aborted_by_caller");
    assert.equal(error.cause, reason);
  }
  const typed = deadlineError("late");
  assert.equal(stoppedError(AbortSignal.abort(typed)), typed);
  assert.ok(isCriError(typed));
});

test("what has arrived counts, though the deadline passed while something blocked the loop", async (t) => {
  checkLeaks(t);
  const lifeline = new Lifeline(20, undefined);
  const arrived = lifeline.race(stat("."));
  const end = performance.now() + 100;
  while (performance.now() < end);
  assert.ok((await arrived).isDirectory());
  lifeline.end();
  assert.equal(lifeline.stopped, undefined);
});
