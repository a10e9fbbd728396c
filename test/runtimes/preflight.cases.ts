import assert from "node:assert/strict";
import { test } from "node:test";
import { refusals } from "../clients/preflight-refusals.js";
import { failure, type Subject } from "./support.js";

/** Every preflight rule with a living daemon behind it, which must not even notice. */
export function preflightCases(subject: () => Subject): void {
  test("what preflight refuses never reaches the daemon", async () => {
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
