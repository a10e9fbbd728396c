import { test } from "node:test";
import { checkManyPods, checkPodChurn } from "../support/scale.js";

test("10,000 pods with 2 containers each are listed and removed", { timeout: 600_000 }, (t) =>
  checkManyPods(t, 10_000),
);

test("the heap does not grow while 20,000 pods are created and removed", { timeout: 600_000 }, (t) =>
  checkPodChurn(t, 20_000),
);
