import { test } from "node:test";
import { checkEventsUnderChaos } from "../support/chaos/events.js";

test("events of a runtime with faults are reported once, and the cache equals the lists in the end", (t) =>
  checkEventsUnderChaos(t, { pods: 15 }).then(() => undefined));
