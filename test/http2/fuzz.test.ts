import { test } from "node:test";
import { fuzzHttp2, splitHttp2 } from "../support/http2-fuzz.js";

test("invalid input ends in a defined way, however it is split", (t) => fuzzHttp2(t, 100));

test("real traffic may be split at every byte", () => splitHttp2(300));
