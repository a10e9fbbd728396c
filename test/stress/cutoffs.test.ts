import { test } from "node:test";
import { checkCutoffs } from "../support/cutoffs.js";

test("500 sessions cut at a random byte end completely or with a CriError", (t) => checkCutoffs(t, 500));
