// Plays a manifest and stops it, and kills itself during or after the nth call that changes something. Exits with 0 if it made fewer.
import { connect, type RpcInterceptor } from "../../../src/index.js";
import { playPod } from "../../../src/kubernetes/index.js";
import { changingCalls, type PlayerPlan } from "./player-plan.js";

const plan = JSON.parse(process.argv[2] ?? "{}") as PlayerPlan;
const die = () => process.kill(process.pid, "SIGKILL");
let calls = 0;
const crash: RpcInterceptor = (next) => async (request) => {
  if (!changingCalls.has(request.method.name) || ++calls !== plan.call) return next(request);
  if (plan.moment === "during") setTimeout(die, 3);
  try {
    return await next(request);
  } finally {
    die();
  }
};
const cri = connect.lazy(plan.endpoint, { interceptors: [crash] });
const pod = await playPod(cri, plan.manifest, plan.options);
await pod.wait({ until: "ready", timeoutMs: 30_000 });
process.stdout.write("stopping\n");
await pod.stop({ gracePeriodSeconds: 5 });
await cri.close();
