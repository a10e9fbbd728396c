// Kubelets in front of runtimes with faults: what is wanted runs once the faults end, and nothing is left.
import { test } from "node:test";
import { checkKubeletUnderChaos } from "../support/chaos/kubelet.js";

for (const like of ["containerd-1.7", "containerd-2.1", "cri-o"] as const)
  test(`a kubelet on a runtime with faults, like ${like}`, { timeout: 600_000 }, async (t) => {
    await checkKubeletUnderChaos(t, { pods: 12, changes: 10, likes: [like] });
  });
