// The same with 200 restarts is in test/stress.
import { test } from "node:test";
import { checkRestarts } from "../support/restarts.js";

test("calls and event streams survive 10 kills and restarts of the server", { timeout: 60_000 }, (t) =>
  checkRestarts(t, 10),
);
