// Runs a kubelet with an API server until it is killed. Prints a line when it has started; ends it when its standard input ends.
import { once } from "node:events";
import { connect } from "../../../src/index.js";
import { apiServer, createKubelet } from "../../../src/kubelet/index.js";
import type { KubeletPlan } from "./kubelet-plan.js";

const { endpoint, kubeconfigFile, options } = JSON.parse(process.argv[2] ?? "{}") as KubeletPlan;
const cri = connect.lazy(endpoint);
const source = apiServer({ kubeconfigFile, retry: { firstMs: 200, maxMs: 3_000 } });
const kubelet = await createKubelet({ cri, sources: [source], ...options });
process.stdout.write("started\n");
await once(process.stdin.resume(), "end");
await kubelet.stop({ gracePeriodSeconds: 1 });
await cri.close();
