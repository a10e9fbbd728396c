import { test } from "node:test";
import { checkLogDelivery } from "../support/log-delivery.js";

test(
  "every line is read once and in order through 50 rotations and 20 kills of the reader",
  {
    timeout: 330_000,
  },
  (t) => checkLogDelivery(t, { lines: 200_000, rotations: 50, kills: 20 }),
);
