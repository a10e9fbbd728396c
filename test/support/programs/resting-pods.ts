// Plays a number of Pods at a time, waits until all are ready, measures this process at rest, and stops them. Prints a RestingReport.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { connect, type RpcInterceptor } from "../../../src/index.js";
import { type PlayedPod, playPod } from "../../../src/kubernetes/index.js";
import type { RestingPlan, RestingReport } from "./resting-plan.js";

const plan = JSON.parse(process.argv[2] ?? "{}") as RestingPlan;
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let calls: Record<string, number> = {};
const count: RpcInterceptor = (next) => (request) => {
  const { name } = request.method;
  calls[name] = (calls[name] ?? 0) + 1;
  return next(request);
};
const takeCalls = () => {
  const taken = calls;
  calls = {};
  return taken;
};
const memory = () => {
  collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapKilobytes: (heapUsed + external) / 1_000, residentKilobytes: rss / 1_000 };
};
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const manifestOf = (n: number) => `
apiVersion: v1
kind: Pod
metadata: { name: resting-${n}, namespace: resting, labels: { app: resting } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
${["first", "second"]
  .map(
    (name) => `  - name: ${name}
    image: ${plan.image}
    command: [sleep, "86400"]
    ${plan.probes ? 'readinessProbe: { exec: { command: ["true"] }, periodSeconds: 10 }' : ""}
`,
  )
  .join("")}`;

const cri = connect.lazy(plan.endpoint, { interceptors: [count] });
const pods: PlayedPod[] = [];
const play = async (n: number) => {
  const pod = await playPod(cri, manifestOf(n), plan.options);
  pods.push(pod);
  await pod.wait({ until: "ready", timeoutMs: 240_000 });
};
try {
  // What one pod loads is not part of the cost of the others.
  await play(0);
  await pause(1_000);
  const [before, cpuBefore, beganMs] = [memory(), cpuMs(), performance.now()];
  takeCalls();
  await Promise.all(Array.from({ length: plan.pods }, (_, index) => play(index + 1)));
  const start = {
    seconds: (performance.now() - beganMs) / 1_000,
    cpuMs: cpuMs() - cpuBefore,
    calls: takeCalls(),
  };
  await pause(plan.settleMs);
  const after = memory();
  takeCalls();
  const [cpuAtRest, restMs] = [cpuMs(), performance.now()];
  await pause(plan.restMs);
  const rest = {
    seconds: (performance.now() - restMs) / 1_000,
    cpuMs: cpuMs() - cpuAtRest,
    calls: takeCalls(),
  };
  const report: RestingReport = { before, after, start, rest };
  process.stdout.write(`${JSON.stringify(report)}\n`);
} finally {
  await Promise.allSettled(pods.map((pod) => pod.stop({ gracePeriodSeconds: 1 })));
  await cri.close();
}
