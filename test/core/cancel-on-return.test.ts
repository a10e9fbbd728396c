import assert from "node:assert/strict";
import { test } from "node:test";
import { cancelOnReturn, sleep } from "../../src/core/index.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { within } from "../support/waiting.js";

/** A source of numbers that tells what happened to it. */
function source() {
  const seen: { opened: number; signal: AbortSignal | undefined; closed: boolean } = {
    opened: 0,
    signal: undefined,
    closed: false,
  };
  async function* numbers(signal: AbortSignal, count: number) {
    try {
      for (let i = 0; i < count; i++) yield i;
      await sleep(60_000, signal);
    } finally {
      seen.closed = true;
    }
  }
  const open = (count: number) => (signal: AbortSignal) => {
    seen.opened++;
    seen.signal = signal;
    return numbers(signal, count);
  };
  return { seen, open };
}

test("nothing is opened before the first next, nor by a return before it", async () => {
  const { seen, open } = source();
  const items = cancelOnReturn(open(3));
  assert.equal(seen.opened, 0);
  assert.deepEqual(await items.return?.(), { done: true, value: undefined });
  assert.deepEqual(await items.next(), { done: true, value: undefined });
  assert.equal(seen.opened, 0);
});

test("break aborts the signal and closes the source", async (t) => {
  checkLeaks(t);
  const { seen, open } = source();
  const { signal } = new AbortController();
  for await (const n of cancelOnReturn(open(3), signal)) if (n === 1) break;
  assert.equal(seen.signal?.aborted, true);
  assert.equal(seen.closed, true);
  assertNoListeners(signal);
});

test("an error thrown in the loop stops the source and comes out", async () => {
  const { seen, open } = source();
  const mine = new Error("mine");
  await assert.rejects(
    async () => {
      for await (const _ of cancelOnReturn(open(3))) throw mine;
    },
    (e) => e === mine,
  );
  assert.equal(seen.signal?.aborted, true);
});

test("return() while next() waits ends both at once", async (t) => {
  checkLeaks(t);
  const { seen, open } = source();
  const items = cancelOnReturn(open(0));
  const waiting = items.next();
  await within(20_000, Promise.resolve(items.return?.()), "return()");
  assert.deepEqual(await within(20_000, waiting, "next()"), { done: true, value: undefined });
  assert.equal(seen.closed, true);
});

test("throw() stops the source and rejects with its argument", async () => {
  const { seen, open } = source();
  const items = cancelOnReturn(open(3));
  await items.next();
  await assert.rejects(async () => items.throw?.(new Error("out")), /out/);
  assert.equal(seen.signal?.aborted, true);
});

test("the outer signal ends the source with its reason, and nobody listens to it afterwards", async () => {
  const { seen, open } = source();
  const outer = new AbortController();
  const items = cancelOnReturn(open(1), outer.signal);
  await items.next();
  const waiting = items.next();
  const reason = new Error("outer");
  outer.abort(reason);
  await assert.rejects(within(20_000, waiting), (e) => e === reason);
  assert.equal(seen.signal?.reason, reason);
  assertNoListeners(outer.signal);
  assert.equal((await items.next()).done, true);
});

test("an outer signal that has fired is seen by the source", async () => {
  const reason = new Error("before");
  const { open } = source();
  await assert.rejects(cancelOnReturn(open(0), AbortSignal.abort(reason)).next(), (e) => e === reason);
});

test("the end and an error of the source come through, and leave no listener", async () => {
  const { signal } = new AbortController();
  async function* two() {
    yield 1;
    yield 2;
  }
  const all: number[] = [];
  for await (const n of cancelOnReturn(two, signal)) all.push(n);
  assert.deepEqual(all, [1, 2]);
  assertNoListeners(signal);
  const failing = cancelOnReturn<number>(() => {
    throw new Error("cannot open");
  }, signal);
  await assert.rejects(failing.next(), /cannot open/);
  assertNoListeners(signal);
});

test("leaving an await using block stops the source", async () => {
  const { seen, open } = source();
  {
    await using items = cancelOnReturn(open(3));
    await items.next();
  }
  assert.equal(seen.signal?.aborted, true);
});
