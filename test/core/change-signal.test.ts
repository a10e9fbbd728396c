import assert from "node:assert/strict";
import { test } from "node:test";
import { ChangeSignal } from "../../src/core/index.js";
import { assertNoListeners, checkLeaks } from "../support/leaks.js";
import { within } from "../support/waiting.js";

test("a wait ends with the next notification", async (t) => {
  checkLeaks(t);
  const changes = new ChangeSignal();
  const { signal } = new AbortController();
  const waiting = changes.wait({ signal, timeoutMs: 60_000 });
  changes.notify();
  await within(20_000, waiting);
  assertNoListeners(signal);
});

test("notifications between two waits are not lost, and count once", async (t) => {
  checkLeaks(t);
  const changes = new ChangeSignal();
  changes.notify();
  changes.notify();
  await within(20_000, changes.wait());
  let ended = false;
  const next = changes.wait().then(() => {
    ended = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(ended, false, "the second notification ended another wait");
  changes.notify();
  await within(20_000, next);
});

test("a wait without a notification ends after timeoutMs", async (t) => {
  checkLeaks(t);
  await within(10_000, new ChangeSignal().wait({ timeoutMs: 1 }));
});

test("an aborted wait rejects with the reason, and keeps a notification for the next wait", async (t) => {
  checkLeaks(t);
  const changes = new ChangeSignal();
  const stop = new AbortController();
  const reason = new Error("enough");
  const waiting = changes.wait({ signal: stop.signal });
  stop.abort(reason);
  changes.notify();
  await assert.rejects(waiting, (error) => error === reason);
  await assert.rejects(changes.wait({ signal: stop.signal }), (error) => error === reason);
  await within(20_000, changes.wait());
});
