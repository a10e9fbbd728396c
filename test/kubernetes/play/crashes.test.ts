// The process that plays a pod is killed at its steps; the next one continues. A stress test has every step.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crashNode } from "../../support/played-pods.js";
import { crashAtCalls } from "../../support/pod-cases/play-crash.js";

test("killed during a call, the next run reaches the same state", async (t) => {
  const calls = await crashAtCalls(await crashNode(t), "during", { every: 4 });
  assert.ok(calls > 12 && calls < 50, `${calls} calls`);
});
