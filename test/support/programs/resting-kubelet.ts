// Runs Pods with a kubelet, measures this process at rest, and stops them. Prints a RestingKubeletReport.
import { setTimeout as pause } from "node:timers/promises";
import { connect, type RpcInterceptor } from "../../../src/index.js";
import { createKubelet, podList } from "../../../src/kubelet/index.js";
import type { RestingKubeletPlan, RestingKubeletReport } from "./resting-kubelet-plan.js";

const plan = JSON.parse(process.argv[2] ?? "{}") as RestingKubeletPlan;
let calls: Record<string, number> = {};
const count: RpcInterceptor = (next) => (request) => {
  const { name } = request.method;
  calls[name] = (calls[name] ?? 0) + 1;
  return next(request);
};
const pods = Array.from({ length: plan.pods }, (_, index) => ({
  metadata: { name: `resting-${index}`, namespace: "resting" },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "main", image: plan.image, command: ["sleep", "86400"] }],
  },
}));
const cri = connect.lazy(plan.endpoint, { interceptors: [count] });
const beganMs = performance.now();
const kubelet = await createKubelet({
  cri,
  rootDir: plan.rootDir,
  ...(plan.cgroupRoot === undefined ? { cgroups: false } : { node: { cgroupRoot: plan.cgroupRoot } }),
  nodeName: "resting",
  sources: [podList(pods)],
  // The disk of the machine may be nearly full.
  eviction: { hard: { "memory.available": "1Mi" } },
  imageGarbageCollection: false,
});
try {
  const isRunning = () => kubelet.pods().every(({ status }) => status.phase === "Running");
  await kubelet.waitFor(isRunning, { timeoutMs: 240_000 });
  const secondsToRunning = (performance.now() - beganMs) / 1_000;
  await pause(plan.settleMs);
  calls = {};
  const [cpuBefore, restedMs] = [process.cpuUsage(), performance.now()];
  await pause(plan.restMs);
  const { user, system } = process.cpuUsage(cpuBefore);
  const report: RestingKubeletReport = {
    secondsToRunning,
    cpuMsPerSecond: (user + system) / (performance.now() - restedMs),
    residentMegabytes: process.memoryUsage().rss / 1e6,
    calls,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} finally {
  await kubelet.stop({ gracePeriodSeconds: 1, timeoutMs: 200_000 });
  await cri.close();
}
