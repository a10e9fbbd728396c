// The same with 10,000 pods is in test/stress.
import { test } from "node:test";
import { checkManyPods, checkPodChurn } from "../../support/scale.js";

test("200 pods with 2 containers each are listed and removed", (t) => checkManyPods(t, 200));

test("the heap does not grow while 500 pods are created and removed", (t) => checkPodChurn(t, 500));
