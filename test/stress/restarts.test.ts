import { test } from "node:test";
import { checkRestarts } from "../support/restarts.js";

test("calls and event streams survive 200 kills and restarts of the server", { timeout: 600_000 }, (t) =>
  checkRestarts(t, 200),
);
