import { test } from "node:test";
import { crashNode } from "../support/played-pods.js";
import { checkRestingPods, playRestingPods } from "../support/resting-pods.js";

for (const probes of [false, true])
  test(`60 pods of two containers are played at a time, ${probes ? "with" : "without"} probes`, async (t) => {
    const { endpoint, image, rootDir } = await crashNode(t);
    const options = { rootDir, withoutMounts: "allow" } as const;
    const plan = { endpoint, image, options, pods: 60, probes, settleMs: 3_000, restMs: 20_000 };
    const { report, line } = await playRestingPods(plan);
    t.diagnostic(line);
    checkRestingPods(plan, report);
  });
