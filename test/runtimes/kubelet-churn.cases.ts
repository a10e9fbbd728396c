import { readdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { checkKubeletChurn } from "../support/kubelet-churn/index.js";
import type { Subject } from "./support.js";

/** The stress test of the kubelet on a real runtime, on the newest release only: it takes minutes. */
export function kubeletChurnCases(subject: () => Subject): void {
  test("kubelet: killed ten times, it agrees with the API server, and restarts nothing", {
    timeout: 900_000,
  }, async (t) => {
    const { running, runtime, cri } = subject();
    if (runtime.release !== "2.1") return t.skip("on 2.1 only");
    const image = running.images.busybox;
    await cri.images.ensure(image);
    const rootDir = `${running.dir}/churn`;
    await mkdir(rootDir, { recursive: true });
    const options = { node: { cgroupRoot: running.cgroupParent } };
    const restartRuntime = async () => {
      await runtime.kill();
      await runtime.start();
    };
    const cgroupFolders = ["", ...readdirSync("/sys/fs/cgroup")].flatMap((hierarchy) =>
      ["kubepods", "kubepods/besteffort"].map((name) =>
        join("/sys/fs/cgroup", hierarchy, running.cgroupParent, name),
      ),
    );
    const node = {
      ...{ cri, endpoint: runtime.endpoint, image, rootDir },
      ...{ options, cgroupFolders, restartRuntime },
    };
    await checkKubeletChurn(t, node, { pods: 30, cutOffMs: 60_000, how: "hang" });
    await rm(rootDir, { recursive: true });
  });
}
