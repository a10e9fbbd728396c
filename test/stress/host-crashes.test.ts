import { test } from "node:test";
import { checkHostCrashes } from "../support/host-crashes.js";

test(
  "after each of 200 kills at random moments, the next start ends all processes",
  { timeout: 900_000 },
  (t) => checkHostCrashes(t, 200),
);
