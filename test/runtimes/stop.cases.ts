import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../support/failure.js";
import { eventually, runPod, type Subject } from "./support.js";

/** Cases for aborts and deadlines with a real daemon. */
export function stopCases(subject: () => Subject): void {
  test("aborts and deadlines of a call in flight", async () => {
    const { runtime } = subject().cri;
    await using pod = await runPod(subject(), "stop");
    const containerId = await pod.container(["sleep", "600"]);
    const long = { containerId, cmd: ["sleep", "60"] };
    const stop = new AbortController();
    const aborted = failure(runtime.execSync(long, { signal: stop.signal }), "aborted_by_caller");
    setTimeout(() => stop.abort(new Error("enough")), 200);
    const error = await aborted;
    assert.equal(error.code, "canceled");
    assert.equal((error.cause as Error).message, "enough");
    assert.equal(
      (await failure(runtime.execSync(long, { timeoutMs: 200 }), "deadline")).code,
      "deadline_exceeded",
    );
    const signal = AbortSignal.timeout(200);
    assert.equal((await failure(runtime.execSync(long, { signal }), "deadline")).code, "deadline_exceeded");
    await failure(
      runtime.version({}, { signal: AbortSignal.abort(new Error("before")) }),
      "aborted_by_caller",
    );
    await runtime.version();
  });

  test("a deadline on StopContainer leaves the container running; a short grace period kills it", async () => {
    const { runtime } = subject().cri;
    await using pod = await runPod(subject(), "grace");
    const containerId = await pod.container([
      "sh",
      "-c",
      "trap '' TERM; touch /trapped; while true; do sleep 1; done",
    ]);
    await eventually(
      "SIGTERM is ignored",
      async () => (await runtime.execSync({ containerId, cmd: ["test", "-e", "/trapped"] })).exitCode === 0,
    );
    await failure(runtime.stopContainer({ containerId, timeout: 60n }, { timeoutMs: 500 }), "deadline");
    await runtime.stopContainer({ containerId, timeout: 1n });
    await eventually(
      "the container is killed",
      async () => (await runtime.containerStatus({ containerId })).status?.exitCode === 137,
    );
  });
}
