import { test } from "node:test";
import { checkKubeletUnderChaos } from "../../support/chaos/kubelet.js";

// CRI-O holds some calls until their deadlines: see test/stress.
test("a kubelet on a runtime with faults agrees with it in the end, and leaves nothing", {
  timeout: 300_000,
}, async (t) => {
  await checkKubeletUnderChaos(t, { pods: 6, changes: 3, likes: ["containerd-1.7", "containerd-2.1"] });
});
