// Creates a pod with a container and kills itself during or after the nth RPC. Exits with 0 if it made fewer than n
// RPCs.
import { connect, type RpcInterceptor } from "../../../src/index.js";
import { createContainer, type Plan } from "./crash-plan.js";

const plan = JSON.parse(process.argv[2] ?? "{}") as Plan & {
  readonly endpoint: string;
  readonly rpc: number;
  readonly moment: "during" | "after";
};
const die = () => process.kill(process.pid, "SIGKILL");
let calls = 0;
const crash: RpcInterceptor = (next) => async (request) => {
  if (++calls !== plan.rpc) return next(request);
  if (plan.moment === "during") setTimeout(die, 3);
  try {
    return await next(request);
  } finally {
    die();
  }
};
const cri = connect.lazy(plan.endpoint, { interceptors: [crash], pods: plan.pods });
await createContainer(cri, plan);
await cri.close();
