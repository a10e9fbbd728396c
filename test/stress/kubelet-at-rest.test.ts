import assert from "node:assert/strict";
import { test } from "node:test";
import {
  callAsKubelet,
  connectTo,
  measureCost,
  runSleepingPods,
  startEmbeddedCommand,
} from "../support/kubelet-at-rest.js";

test("npm run embedded costs little while a kubelet with 100 pods is at rest", {
  timeout: 600_000,
  skip: process.platform !== "linux" && "reads /proc",
}, async (t) => {
  const { endpoint, process: child, folder } = await startEmbeddedCommand(t);
  const cri = await connectTo(t, endpoint);
  await runSleepingPods(cri, 100, folder);
  const end = new AbortController();
  const calls = callAsKubelet(cri, end.signal);
  const cost = await measureCost(child.pid ?? 0, 10).then(() => measureCost(child.pid ?? 0, 60));
  end.abort();
  await calls;
  t.diagnostic(`${cost.cpuMsPerSecond.toFixed(0)} ms of CPU a second, ${cost.residentMiB.toFixed(0)} MiB`);
  // About 45 ms and 78 MiB on the machine where the first version took 173 ms and 259 MB.
  assert.ok(cost.cpuMsPerSecond < 100, `${cost.cpuMsPerSecond} ms of CPU a second`);
  assert.ok(cost.residentMiB < 95, `${cost.residentMiB} MiB`);
});
