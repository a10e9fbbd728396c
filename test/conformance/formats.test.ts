import assert from "node:assert/strict";
import { test } from "node:test";
import { CriError } from "../../src/index.js";
import {
  type ConformanceReport,
  formatJson,
  formatJUnit,
  formatTable,
  runConformance,
} from "../../src/testing/conformance/index.js";
import { fakeCase, fakeRuntime } from "./fake-target.js";

const unimplemented = new CriError({
  code: "unimplemented",
  reason: "runtime_error",
  rawMessage: "no such RPC",
  method: "StreamImages",
});

/** A report with one case of each outcome. */
function report(): Promise<ConformanceReport> {
  const nasty = `<not> & "well"\u0000 formed\nsecond line`;
  return runConformance(fakeRuntime("containerd", "9.9.9").target, {
    cases: [
      fakeCase("good"),
      fakeCase("known", () => Promise.reject(new Error("wrong"))),
      fakeCase("lacking", () => Promise.reject(unimplemented), "image"),
      fakeCase("better", undefined, "image"),
      fakeCase("bad", () => Promise.reject(new Error(nasty)), "image"),
    ],
    deviations: { known: "it is so", lacking: "it has none", better: "it was so" },
  });
}

test("the table has a line per case, errors below it, and the counts", async () => {
  const text = formatTable(await report());
  const lines = text.split("\n");
  assert.equal(lines[0], "containerd 9.9.9");
  for (const pattern of [
    /^ok {4}good {3,}\d+ ms {2}the title of good$/m,
    /^known known .*\n {8}it is so$/m,
    /^skip {2}lacking .*\n {8}StreamImages is unimplemented: it has none$/m,
    /^PASS\? better .*\n {8}satisfies the rule despite a known deviation: it was so$/m,
    /^FAIL {2}bad .*\n {8}rule: the rule of bad\n {8}.*<not> & "well"/m,
    /^does NOT conform: 1 passed, 1 deviates, 1 skipped, 1 unexpected-pass, 1 failed in \d+\.\d s\n$/m,
  ])
    assert.match(text, pattern);
});

test("JSON has the report's own fields", async () => {
  const made = await report();
  const read = JSON.parse(formatJson(made));
  assert.deepEqual(
    [read.ok, read.counts, read.runtime, read.startedAt],
    [false, made.counts, made.runtime, made.startedAt.toISOString()],
  );
  assert.deepEqual(
    read.results.map(({ id, outcome }: { id: string; outcome: string }) => [id, outcome]),
    made.results.map(({ id, outcome }) => [id, outcome]),
  );
});

test("problems of a run are in every format", async () => {
  const made = { ...(await report()), problems: ["a pod is left\nits id is 1"] };
  assert.match(formatTable(made), /^FAIL {2}a pod is left\n {8}its id is 1\ndoes NOT conform: /m);
  assert.deepEqual(JSON.parse(formatJson(made)).problems, made.problems);
  const xml = formatJUnit(made);
  assert.match(xml, /^<testsuites name="containerd 9\.9\.9" tests="5" failures="2" errors="1"/m);
  assert.match(
    xml,
    /<testsuite name="run" tests="1" .*>\n.*name="a pod is left".*>\n {6}<error message="a pod is left">a pod is left&#10;its id is 1<\/error>/,
  );
});

test("JUnit XML has a suite per group; known deviations are skipped, other failures fail", async () => {
  const xml = formatJUnit(await report());
  assert.match(
    xml,
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="containerd 9\.9\.9" tests="5" failures="2"/,
  );
  assert.match(xml, /<testsuite name="runtime" tests="2" failures="0" errors="0" skipped="1"/);
  assert.match(xml, /<testsuite name="image" tests="3" failures="2" errors="0" skipped="1"/);
  assert.match(xml, /<skipped message="known deviation: it is so"\/>/);
  assert.match(xml, /<skipped message="StreamImages is unimplemented: it has none"\/>/);
  assert.match(xml, /<failure message="unexpected pass">known deviation: it was so<\/failure>/);
  assert.match(xml, /&lt;not&gt; &amp; &quot;well&quot;\ufffd formed/);
  // Checks that every opened element is closed, in order.
  const open: string[] = [];
  for (const [, close, name = "", self] of xml.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (close) assert.equal(open.pop(), name);
    else if (!self) open.push(name);
  }
  assert.deepEqual(open, []);
  assert.ok([...xml].every((character) => character >= " " || "\n\t".includes(character)));
});
