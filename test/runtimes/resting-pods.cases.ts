import { mkdir, rm } from "node:fs/promises";
import { test } from "node:test";
import { checkRestingPods, playRestingPods } from "../support/resting-pods.js";
import type { Subject } from "./support.js";

/** What 60 Pods of two containers cost the process that plays them, on the newest release only: it takes a minute. */
export function restingPodsCases(subject: () => Subject): void {
  test("playPod: 60 pods of two containers at a time, with probes", async (t) => {
    const { running, runtime, cri } = subject();
    if (runtime.release !== "2.1") return t.skip("on 2.1 only");
    await cri.images.ensure(running.images.busybox);
    const rootDir = `${running.dir}/resting-pods`;
    await mkdir(rootDir, { recursive: true });
    const plan = {
      endpoint: runtime.endpoint,
      image: running.images.busybox,
      options: { rootDir, node: { cgroupRoot: running.cgroupParent } },
      pods: 60,
      probes: true,
      settleMs: 3_000,
      restMs: 20_000,
    };
    const { report, line } = await playRestingPods(plan);
    t.diagnostic(line);
    checkRestingPods(plan, report);
    await rm(rootDir, { recursive: true });
  });
}
