// Makes a pod and a container, and kills itself at the RPC with this number: while it is under way, or when it was answered.
// Prints nothing and ends with 0 when it came to the end.
import { connect, type RpcInterceptor } from "../../../src/index.js";
import { make, type Plan } from "./crash-plan.js";

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
await make(cri, plan);
await cri.close();
