import assert from "node:assert/strict";
import type { RestingPlan, RestingReport } from "./programs/resting-plan.js";
import { runProgram } from "./programs.js";

/** Plays Pods in a process of their own: see the program. Returns what the process used, and a line that says so. */
export async function playRestingPods(
  plan: RestingPlan,
): Promise<{ readonly report: RestingReport; readonly line: string }> {
  const report = JSON.parse(await runProgram("resting-pods.ts", [JSON.stringify(plan)], 500_000));
  const { before, after, start, rest } = report as RestingReport;
  const heap = (after.heapKilobytes - before.heapKilobytes) / plan.pods;
  const resident = (after.residentKilobytes - before.residentKilobytes) / plan.pods;
  const line =
    `${plan.pods} pods ready after ${start.seconds.toFixed(1)} s, ${(start.cpuMs / plan.pods).toFixed(1)} ms of CPU a pod; ` +
    `at rest ${(rest.cpuMs / rest.seconds / plan.pods).toFixed(3)} ms of CPU a second and pod, ` +
    `${heap.toFixed(0)} kB of heap and ${resident.toFixed(0)} kB of resident memory a pod`;
  return { report, line };
}

/** Checks the costs of such a process, with bounds that do not depend on the machine's speed. */
export function checkRestingPods(
  { pods, probes }: RestingPlan,
  { before, after, start, rest }: RestingReport,
): void {
  // The facts of the node are read once, and not once for each pod.
  assert.equal(start.calls.RuntimeConfig, 1);
  assert.equal(start.calls.RunPodSandbox, pods);
  assert.equal(start.calls.CreateContainer, 2 * pods);
  // Each worker observes its own pod about five times. If each handled the events of all, it would be hundreds of times.
  assert.ok(
    (start.calls.ListContainers ?? 0) < 15 * pods,
    `${start.calls.ListContainers} lists at the start`,
  );
  const { ExecSync: execs = 0, ...others } = rest.calls;
  const perPodAndMinute = (calls: number) => (calls / pods / rest.seconds) * 60;
  // A sync makes five calls, every 60 to 90 s; a relist of the node makes two.
  const calls = Object.values(others).reduce((sum, count) => sum + count, 0);
  assert.ok(perPodAndMinute(calls) < 10, `${perPodAndMinute(calls)} calls a minute and pod at rest`);
  const expected = probes ? 12 : 0;
  assert.ok(
    Math.abs(perPodAndMinute(execs) - expected) <= 6,
    `${perPodAndMinute(execs)} probes a minute and pod`,
  );
  const heap = (after.heapKilobytes - before.heapKilobytes) / pods;
  assert.ok(heap < 300, `${heap} kB of heap a pod`);
}
