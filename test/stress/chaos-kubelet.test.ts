// Kubelets in front of runtimes with faults: what is wanted runs once the faults end, and nothing is left.
import { test } from "node:test";
import { checkKubeletUnderChaos } from "../support/chaos/kubelet.js";

test("a kubelet on a runtime with faults", { timeout: 300_000 }, async (t) => {
  await checkKubeletUnderChaos(t, { pods: 12, changes: 12 });
});
