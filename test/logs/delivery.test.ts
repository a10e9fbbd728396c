// The same with 200,000 lines is in test/stress.
import { test } from "node:test";
import { checkLogDelivery } from "../support/log-delivery.js";

test(
  "every line is read once and in order through 5 rotations and 2 kills of the reader",
  {
    timeout: 60_000,
  },
  (t) => checkLogDelivery(t, { lines: 40_000, rotations: 5, kills: 2 }),
);
