import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { cleanup } from "./cleanup.js";

/** The number of open handles of each kind that a client could leak. */
function handles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo())
    if (/Wrap|Timeout|Immediate/.test(kind) && !/^(TTY|Process|FS)/.test(kind))
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Fails the test if more handles are open after all its other clean-ups than now. */
export function checkLeaks(t: TestContext): void {
  const before = handles();
  cleanup(t, async () => {
    let left: string[] = [];
    for (let tries = 0; tries < 60; tries++) {
      left = [...handles()]
        .filter(([kind, n]) => n > (before.get(kind) ?? 0))
        .map(([kind, n]) => `${kind}×${n}`);
      if (left.length === 0) return;
      await pause(25);
    }
    assert.fail(`leaked: ${left.join(", ")}`);
  });
}

/** Fails if a listener is registered on a signal. */
export function assertNoListeners(signal: AbortSignal): void {
  assert.equal(getEventListeners(signal, "abort").length, 0, "a listener is registered on the signal");
}
