// test/stress runs the same checks with 500 sessions.
import { test } from "node:test";
import { checkCutoffs } from "../support/cutoffs.js";

test("50 sessions cut at a random byte end completely or with a CriError", (t) => checkCutoffs(t, 50));
