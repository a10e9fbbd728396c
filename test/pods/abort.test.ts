// Removals that are aborted between two attempts reject with a typed error.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { until } from "../support/waiting.js";

test("an abort in the pause between two attempts ends a pod's removal and a sweep", async (t) => {
  checkLeaks(t);
  await using runtime = await EmbeddedRuntime.start();
  await using cri = connect.through(runtime);
  const pod = await cri.pods.run({ name: "a", namespace: "test" });
  await cri.pods.ensure({ name: "b", namespace: "test" });
  const removals = [
    (signal: AbortSignal) => pod.remove({ signal }),
    (signal: AbortSignal) => cri.sweep({ ensured: true, signal }),
  ];
  const fault = { code: "unknown", message: "not now" } as const;
  runtime.faults.failNext("stopPodSandbox", fault, { times: Number.POSITIVE_INFINITY });
  for (const remove of removals) {
    const stop = new AbortController();
    runtime.calls.clear();
    const removing = failure(remove(stop.signal));
    await until(() => runtime.calls.of("stopPodSandbox").length > 0, "an attempt");
    // The first pause takes about 100 ms; on a busy machine the abort may come in a later one.
    await pause(20);
    stop.abort();
    assert.equal((await removing).reason, "aborted_by_caller");
  }
  runtime.faults.clear();
});
