import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CriError, isCriError } from "../../src/index.js";
import { type ConformanceOptions, runConformance } from "../../src/testing/conformance/index.js";
import { fakeCase, fakeRuntime } from "./fake-target.js";

const fails = (text: string) => () => Promise.reject(new Error(text));
const lacks = (method: string) => () =>
  Promise.reject(
    new CriError({ code: "unimplemented", reason: "runtime_error", rawMessage: "no such RPC", method }),
  );

async function outcomes(options: ConformanceOptions) {
  const report = await runConformance(fakeRuntime().target, options);
  return { ok: report.ok, all: Object.fromEntries(report.results.map(({ id, outcome }) => [id, outcome])) };
}

test("a case's outcome follows from its end and its known deviations", async () => {
  const cases = [
    fakeCase("good"),
    fakeCase("known", fails("wrong")),
    fakeCase("lacking", lacks("StreamImages")),
    fakeCase("better"),
    fakeCase("bad", fails("wrong")),
    fakeCase("lacking-unknown", lacks("StreamImages")),
  ];
  const deviations = { known: "it is so", lacking: "it has none", better: "it was so" };
  const { ok, all } = await outcomes({ cases, deviations });
  assert.equal(ok, false);
  assert.deepEqual(all, {
    good: "passed",
    known: "deviates",
    lacking: "skipped",
    better: "unexpected-pass",
    bad: "failed",
    "lacking-unknown": "failed",
  });
});

test("failures and unexpected passes fail a report; known deviations do not", async () => {
  const good = [fakeCase("good"), fakeCase("known", fails("wrong"))];
  const known = { known: "it is so" };
  assert.equal((await outcomes({ cases: good, deviations: known })).ok, true);
  assert.equal((await outcomes({ cases: good })).ok, false);
  assert.equal((await outcomes({ cases: good, deviations: { ...known, good: "it was so" } })).ok, false);
});

test("a result has the error, the known deviation, and the missing RPC", async () => {
  const notified: string[] = [];
  const report = await runConformance(fakeRuntime("containerd", "9.9.9").target, {
    cases: [fakeCase("bad", fails("it did that")), fakeCase("lacking", lacks("StreamImages"))],
    deviations: { lacking: "it has none" },
    onResult: ({ id }) => notified.push(id),
  });
  const [bad, lacking] = report.results;
  assert.match(bad?.failure ?? "", /it did that/);
  assert.deepEqual([lacking?.deviation, lacking?.unimplemented], ["it has none", "StreamImages"]);
  assert.deepEqual(report.runtime, { name: "containerd", version: "9.9.9" });
  assert.deepEqual(report.counts, { passed: 0, deviates: 0, skipped: 1, "unexpected-pass": 0, failed: 1 });
  assert.deepEqual(notified.sort(), ["bad", "lacking"]);
});

test("only the selected cases run, in the order of the suite", async () => {
  const cases = [
    fakeCase("a", undefined, "image"),
    fakeCase("b"),
    fakeCase("c"),
    fakeCase("d", undefined, "stats"),
  ];
  const ids = async (options: ConformanceOptions) => Object.keys((await outcomes({ cases, ...options })).all);
  assert.deepEqual(await ids({}), ["a", "b", "c", "d"]);
  assert.deepEqual(await ids({ groups: ["runtime"] }), ["b", "c"]);
  assert.deepEqual(await ids({ only: ["d", "b"] }), ["b", "d"]);
  assert.deepEqual(await ids({ groups: ["image"], only: ["b"] }), []);
});

test("unknown case ids are refused before any case runs", async () => {
  let ran = false;
  const cases = [
    fakeCase("a", async () => {
      ran = true;
    }),
  ];
  for (const wrong of [{ deviations: { b: "what is b?" } }, { only: ["b"] }])
    await assert.rejects(
      runConformance(fakeRuntime().target, { cases, ...wrong }),
      (error) => isCriError(error) && error.reason === "invalid_option" && /"b"/.test(error.rawMessage),
    );
  assert.equal(ran, false);
});

test("a case that hangs is ended at its deadline, and its signal fires", async () => {
  let signal: AbortSignal | undefined;
  const cases = [
    fakeCase("endless", (context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    }),
    fakeCase("good"),
  ];
  const report = await runConformance(fakeRuntime().target, { cases, timeoutMs: 50 });
  assert.deepEqual(
    report.results.map(({ outcome }) => outcome),
    ["failed", "passed"],
  );
  assert.match(report.results[0]?.failure ?? "", /within 0.05 s/);
  assert.equal(signal?.aborted, true);
});

test("when the runtime stops responding, the remaining cases fail without being run", async () => {
  const fake = fakeRuntime();
  const ran: string[] = [];
  const cases = [
    fakeCase("hangs", async () => {
      fake.stopResponding();
      await new Promise(() => undefined);
    }),
    fakeCase("never", async () => {
      ran.push("never");
    }),
    fakeCase("known", async () => {
      ran.push("known");
    }),
  ];
  const options = { cases, timeoutMs: 50, concurrency: 1, deviations: { known: "it is so" } };
  const report = await runConformance(fake.target, options);
  assert.deepEqual(
    [ran, report.results.map(({ outcome }) => outcome)],
    [[], ["failed", "failed", "deviates"]],
  );
  assert.match(report.results[1]?.failure ?? "", /^not run: the runtime stopped responding: .*Version/);
  assert.match(report.problems.join(), /^clean-up of the run: /);
  assert.equal(report.ok, false);
});

test("a pod that appears after the clean-up of its case is removed at the end of the run", async () => {
  const fake = fakeRuntime();
  const cases = [
    fakeCase("late", async (context) => {
      const { labels } = context.podConfig();
      context.defer(() =>
        fake.pods.push({ id: "late-pod", labels }, { id: "foreign", labels: { app: "web" } }),
      );
    }),
  ];
  const { ok, problems } = await runConformance(fake.target, { cases });
  assert.deepEqual([ok, problems], [true, []]);
  assert.deepEqual(fake.removed, ["late-pod"]);
});

test("deferred clean-up runs at a case's end, last first, also after a failure; its errors fail the case", async () => {
  const done: string[] = [];
  const cases = [
    fakeCase("bad", async (context) => {
      context.defer(() => done.push("first"));
      context.defer(() => done.push("second"));
      throw new Error("wrong");
    }),
    fakeCase("untidy", async (context) => {
      context.defer(fails("it cannot be removed"));
    }),
  ];
  const report = await runConformance(fakeRuntime().target, { cases, concurrency: 1 });
  assert.deepEqual(done, ["second", "first"]);
  assert.equal(report.results[1]?.outcome, "failed");
  assert.match(report.results[1]?.failure ?? "", /it cannot be removed/);
});

test("a run that is aborted cleans up, and rejects with the reason", async () => {
  const stop = new AbortController();
  const done: string[] = [];
  const cases = [
    fakeCase("running", async (context) => {
      context.defer(() => done.push("cleaned up"));
      stop.abort(new Error("enough"));
      await pause(60_000, undefined, { signal: context.signal });
    }),
    fakeCase("never", async () => {
      done.push("ran");
    }),
  ];
  const run = runConformance(fakeRuntime().target, { cases, signal: stop.signal, concurrency: 1 });
  await assert.rejects(run, /enough/);
  assert.deepEqual(done, ["cleaned up"]);
});

test("cases run concurrently, except those that would affect each other", async () => {
  const most = async (group: "container" | "events") => {
    let now = 0;
    let most = 0;
    const cases = Array.from({ length: 6 }, (_, index) =>
      fakeCase(
        `${index}`,
        async () => {
          most = Math.max(most, ++now);
          await pause(10);
          now--;
        },
        group,
      ),
    );
    await runConformance(fakeRuntime().target, { cases, concurrency: 3 });
    return most;
  };
  assert.deepEqual([await most("container"), await most("events")], [3, 1]);
});

test("eventually() rejects with what it waited for", async () => {
  const cases = [
    fakeCase("waiting", async (context) => {
      let looks = 0;
      assert.equal(await context.eventually("it is seen", () => ++looks > 2 && "seen", 2_000), "seen");
      await context.eventually("pigs fly", () => false, 50);
    }),
  ];
  const { results } = await runConformance(fakeRuntime().target, { cases });
  assert.match(results[0]?.failure ?? "", /not within 0.05 s: pigs fly/);
});
