// Programs that run and ensure pods on runtimes with faults: no result is wrong, nothing exists twice, and nothing is left.
import { test } from "node:test";
import { checkPodsUnderChaos } from "../support/chaos/pods.js";

for (const run of [1, 2, 3])
  test(`pods on a runtime with faults, run ${run}`, { timeout: 300_000 }, async (t) => {
    await checkPodsUnderChaos(t, { lanes: 6, pods: 15 });
  });
