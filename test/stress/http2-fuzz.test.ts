import { test } from "node:test";
import { fuzzHttp2, splitHttp2 } from "../support/http2-fuzz.js";

test("20,000 invalid inputs of HTTP/2 end in a defined way", (t) => fuzzHttp2(t, 10_000));

test("real traffic may be split at every byte", () => splitHttp2(Number.POSITIVE_INFINITY));
