// The process that plays a pod is killed at each of its steps; the next one continues.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crashNode } from "../support/played-pods.js";
import { crashAtCalls } from "../support/pod-cases/play-crash.js";

for (const moment of ["during", "after"] as const)
  test(`killed ${moment} any call, the next run reaches the same state`, async (t) => {
    const calls = await crashAtCalls(await crashNode(t), moment);
    assert.ok(calls > 15 && calls < 50, `${calls} calls`);
  });
