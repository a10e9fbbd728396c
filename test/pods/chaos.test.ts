import { test } from "node:test";
import { checkPodsUnderChaos } from "../support/chaos/pods.js";

test("pods on a runtime with faults: no result is wrong, nothing exists twice, and nothing is left", (t) =>
  checkPodsUnderChaos(t, { lanes: 3, pods: 5 }).then(() => undefined));
