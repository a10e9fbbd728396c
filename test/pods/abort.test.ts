// Who stops a removal hears so in the SDK's own words, wherever it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { checkLeaks } from "../support/leaks.js";
import { until } from "../support/waiting.js";
import { failed } from "./cases/failed.js";

test("an abort in the pause between two tries, of a pod's removal and of a sweep", async (t) => {
  checkLeaks(t);
  await using runtime = await EmbeddedRuntime.start();
  await using cri = connect.through(runtime);
  const pod = await cri.pods.run({ name: "a", namespace: "test" });
  await cri.pods.ensure({ name: "b", namespace: "test" });
  const ways = [
    (signal: AbortSignal) => pod.remove({ signal }),
    (signal: AbortSignal) => cri.sweep({ ensured: true, signal }),
  ];
  const fault = { code: "unknown", text: "not now" } as const;
  runtime.faults.failNext("stopPodSandbox", fault, { times: Number.POSITIVE_INFINITY });
  for (const way of ways) {
    const stop = new AbortController();
    runtime.calls.clear();
    const removing = failed(way(stop.signal));
    await until(() => runtime.calls.of("stopPodSandbox").length > 0, "a try");
    // The first pause is some 100 ms; on a very busy machine it may be a later one.
    await pause(20);
    stop.abort();
    assert.equal((await removing).reason, "aborted_by_caller");
  }
  runtime.faults.clear();
});
