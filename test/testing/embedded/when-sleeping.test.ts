import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../../src/testing/index.js";
import { within } from "../../support/waiting.js";

test("whenSleeping resolves with the last of those who are waited for, and hears its signal", async () => {
  const clock = new VirtualClock();
  await clock.whenSleeping(0);
  void clock.sleep(10);
  await clock.whenSleeping(1);
  let come = false;
  const both = clock.whenSleeping(2).then(() => {
    come = true;
  });
  await new Promise(setImmediate);
  assert.equal(come, false);
  void clock.sleep(10);
  await within(5_000, both, "whenSleeping(2)");

  const stop = new AbortController();
  const stopped = clock.whenSleeping(3, stop.signal);
  stop.abort();
  await assert.rejects(stopped, { code: "canceled" });
  await assert.rejects(clock.whenSleeping(3, stop.signal), { code: "canceled" });
  await clock.advance(10);
  assert.equal(clock.sleepers, 0);
});
