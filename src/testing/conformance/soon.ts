import assert from "node:assert/strict";
import type { CallOptions } from "../../core/index.js";

/** The deadline of a call that must end in half of it. CRI-O gives some containers until the deadline. */
const deadlineMs = 20_000;

/** Makes a call that must not wait for a container's grace period, or for the call's deadline. */
export async function soon(call: (options: CallOptions) => Promise<unknown>): Promise<void> {
  const began = performance.now();
  await call({ timeoutMs: deadlineMs });
  assert.ok(performance.now() - began < deadlineMs / 2, "the runtime waited for a grace period");
}
