import { test } from "node:test";
import { crashNode } from "../support/played-pods.js";
import { checkRestingKubelet } from "../support/resting-kubelet.js";

test("a kubelet with 110 pods at rest uses no more than the real one", async (t) => {
  const { endpoint, image, rootDir } = await crashNode(t);
  t.diagnostic(
    await checkRestingKubelet({
      endpoint,
      image,
      rootDir,
      pods: 110,
      settleMs: 15_000,
      restMs: 60_000,
    }),
  );
});
