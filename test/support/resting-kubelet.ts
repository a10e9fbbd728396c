import assert from "node:assert/strict";
import type { RestingKubeletPlan, RestingKubeletReport } from "./programs/resting-kubelet-plan.js";
import { runProgram } from "./programs.js";

/** What the real kubelet used with 100 static pods of one sleeping container, at rest. */
const realKubelet = { cpuMsPerSecond: 91, residentMegabytes: 111 } as const;

/** Runs Pods with a kubelet in a process of its own, and checks what it costs at rest. Returns a line that says so. */
export async function checkRestingKubelet(plan: RestingKubeletPlan): Promise<string> {
  const output = await runProgram("resting-kubelet.ts", [JSON.stringify(plan)], 500_000);
  const report = JSON.parse(output) as RestingKubeletReport;
  const { secondsToRunning, cpuMsPerSecond, residentMegabytes, calls } = report;
  const all = Object.values(calls).reduce((sum, count) => sum + count, 0);
  const callsPerSecond = (all / plan.restMs) * 1_000;
  assert.ok(cpuMsPerSecond < realKubelet.cpuMsPerSecond, `${cpuMsPerSecond} ms of CPU a second`);
  assert.ok(residentMegabytes < 1.5 * realKubelet.residentMegabytes, `${residentMegabytes} MB`);
  // A worker syncs every 60 to 90 s, with four calls; two lists every ten seconds and Status every five serve all.
  assert.ok(callsPerSecond < 2 + plan.pods / 10, `${callsPerSecond} calls a second`);
  return (
    `${plan.pods} pods running after ${secondsToRunning.toFixed(1)} s; at rest ${cpuMsPerSecond.toFixed(0)} ms of CPU and ` +
    `${callsPerSecond.toFixed(1)} calls a second, ${residentMegabytes.toFixed(0)} MB`
  );
}
