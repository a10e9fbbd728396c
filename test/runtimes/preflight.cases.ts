import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../support/failure.js";
import { refusals } from "../support/preflight-refusals.js";
import type { Subject } from "./support.js";

/** All preflight rules against a real daemon, which must not receive a rejected request. */
export function preflightCases(subject: () => Subject): void {
  test("a request that preflight rejects does not reach the daemon", async () => {
    const { cri, runtime } = subject();
    const { pid } = runtime;
    for (const { name, call, path } of refusals) {
      const error = await failure(call(cri), "invalid_request");
      assert.ok(
        error.problems.some((problem) => problem.path === path),
        `${name}: ${error.message}`,
      );
    }
    await cri.runtime.version();
    assert.equal(runtime.isAlive(), true);
    assert.equal(runtime.pid, pid);
  });
}
