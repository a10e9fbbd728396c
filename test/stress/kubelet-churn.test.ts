// 30 Pods of an API server come, change and go while their kubelet is killed, the API server is cut off and the runtime is restarted.
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { checkKubeletChurn } from "../support/kubelet-churn/index.js";
import { crashNode } from "../support/played-pods.js";

test("a kubelet that is killed ten times agrees with the API server, and restarts nothing", {
  timeout: 900_000,
}, async (t) => {
  const { runtime, ...node } = await crashNode(t);
  const restartRuntime = async () => {
    await runtime.faults.crash();
    await pause(1_500);
    await runtime.faults.restart();
  };
  // The programs of the embedded runtime are in no cgroups, and see the files of the host.
  const options = { withoutMounts: "allow", cgroups: false } as const;
  await checkKubeletChurn(
    t,
    { ...node, options, restartRuntime },
    { pods: 30, cutOffMs: 60_000, how: "reset" },
  );
});
