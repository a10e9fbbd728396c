// Observers of runtimes with faults: no step is reported twice, and caches equal the lists once the faults end.
import { test } from "node:test";
import { checkEventsUnderChaos } from "../support/chaos/events.js";

for (const run of [1, 2, 3])
  test(`the events of a runtime with faults, run ${run}`, { timeout: 300_000 }, async (t) => {
    await checkEventsUnderChaos(t, { pods: 80 });
  });
