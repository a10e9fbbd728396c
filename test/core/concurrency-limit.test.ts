import assert from "node:assert/strict";
import { test } from "node:test";
import { ConcurrencyLimit } from "../../src/core/concurrency-limit.js";

test("places are handed over in order, and given back after failures and cancellations", async () => {
  const queue = new ConcurrencyLimit(2);
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const never = new AbortController();
  const work =
    (name: string, fails = false) =>
    async () => {
      order.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (fails) throw new Error(name);
    };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const canceled = new AbortController();
  const all = Promise.allSettled([
    queue.run(work("a", true), never.signal),
    queue.run(work("b"), never.signal),
    queue.run(work("c"), canceled.signal),
    queue.run(work("d"), never.signal),
    queue.run(work("e"), never.signal),
  ]);
  await turn();
  assert.deepEqual(order, ["a", "b"]);
  canceled.abort(new Error("no"));
  ends.shift()?.();
  await turn();
  assert.deepEqual(order, ["a", "b", "d"]);
  for (let n = 0; n < 4; n++) {
    ends.shift()?.();
    await turn();
  }
  assert.deepEqual(
    (await all).map(({ status }) => status),
    ["rejected", "fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  await assert.rejects(queue.run(work("f"), canceled.signal), /no/);
  // Both places are free again.
  const both = Promise.all([queue.run(work("g"), never.signal), queue.run(work("h"), never.signal)]);
  await turn();
  assert.deepEqual(order.slice(-2), ["g", "h"]);
  for (const end of ends) end();
  await both;
});
