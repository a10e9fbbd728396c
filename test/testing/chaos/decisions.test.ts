import assert from "node:assert/strict";
import { test } from "node:test";
import { Decisions } from "../../../src/testing/chaos/decisions.js";
import { Draws } from "../../../src/testing/chaos/draws.js";
import { type ChaosDuration, drawMs } from "../../../src/testing/chaos/durations.js";
import type { ChaosRule } from "../../../src/testing/index.js";
import type { RpcName } from "../../../src/transport/index.js";

/** The numbers of the calls of an RPC that have a fault, and the rules. */
function hits(decisions: Decisions, method: RpcName, calls: number): string[] {
  return Array.from({ length: calls }, () => decisions.next(method, false)).flatMap(({ call, fault }) =>
    fault ? [`${call} ${fault.name}`] : [],
  );
}

const rules: readonly ChaosRule[] = [
  { fault: "fail", probability: 0.1, code: "internal" },
  { fault: "hang", probability: 0.2 },
];

test("the faults of an RPC depend on the seed and its own calls, not on those of other RPCs", () => {
  const alone = hits(new Decisions({ rules }, "seed"), "version", 300);
  const mixed = new Decisions({ rules }, "seed");
  const some: string[] = [];
  for (let n = 0; n < 300; n++) {
    hits(mixed, "status", n % 3);
    some.push(...hits(mixed, "version", 1));
  }
  assert.deepEqual(some, alone);
  assert.notDeepEqual(hits(new Decisions({ rules }, "other"), "version", 300), alone);
  assert.notDeepEqual(hits(new Decisions({ rules }, "seed"), "status", 300), alone);
  const [failed, hung] = ["rules[0]", "rules[1]"].map(
    (name) => alone.filter((hit) => hit.endsWith(name)).length,
  );
  // 300 × 0.1, and 300 × 0.9 × 0.2; five standard deviations.
  assert.ok(Math.abs((failed ?? 0) - 30) < 26 && Math.abs((hung ?? 0) - 54) < 33, `${failed} ${hung}`);
});

test("a named rule decides the same beside other rules", () => {
  const named: ChaosRule = { name: "mine", fault: "hang", probability: 0.1 };
  const alone = hits(new Decisions({ rules: [named] }, "seed"), "version", 200);
  const delay: ChaosRule = { fault: "delay", ms: 1 };
  assert.deepEqual(hits(new Decisions({ rules: [delay, named] }, "seed"), "version", 200), alone);
});

test("calls, skip, times and methods select the calls", () => {
  const of = (rule: ChaosRule, method: RpcName = "version") =>
    hits(new Decisions({ rules: [rule] }, "s"), method, 6);
  assert.deepEqual(of({ fault: "hang", calls: [2, 5] }), ["2 rules[0]", "5 rules[0]"]);
  assert.deepEqual(of({ fault: "hang", skip: 4 }), ["5 rules[0]", "6 rules[0]"]);
  assert.deepEqual(of({ fault: "hang", times: 2 }), ["1 rules[0]", "2 rules[0]"]);
  assert.deepEqual(of({ fault: "hang", probability: 0 }), []);
  assert.deepEqual(of({ fault: "hang", methods: ["status"] }), []);
  assert.equal(of({ fault: "hang", methods: "all" }).length, 6);
  assert.equal(of({ fault: "cutStream" }).length, 0);
  assert.equal(of({ fault: "cutStream" }, "streamContainers").length, 6);
  assert.equal(of({ fault: "cutSession" }, "attach").length, 6);
  assert.equal(of({ fault: "cutSession" }).length, 0);
  // A limit of one RPC is not used up by another one.
  const decisions = new Decisions({ rules: [{ fault: "hang", times: 1 }] }, "s");
  assert.deepEqual(
    [hits(decisions, "version", 2), hits(decisions, "status", 2)],
    [["1 rules[0]"], ["1 rules[0]"]],
  );
});

test("paused calls are counted, and have no faults", () => {
  const decisions = new Decisions({ rules: [{ fault: "hang", calls: [2] }] }, "s");
  assert.equal(decisions.next("version", true).call, 1);
  assert.ok(decisions.next("version", false).fault);
});

test("durations have the distribution of their rule", () => {
  const sample = (duration: ChaosDuration) =>
    Array.from({ length: 20_000 }, (_, index) => drawMs(duration, new Draws("seed", index))).sort(
      (a, b) => a - b,
    );
  const at = (sorted: readonly number[], share: number) =>
    sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  const about = (value: number, expected: number) =>
    assert.ok(Math.abs(value / expected - 1) < 0.1, `${value} instead of ${expected}`);
  assert.deepEqual(new Set(sample(7)), new Set([7]));
  const uniform = sample({ distribution: "uniform", minMs: 100, maxMs: 300 });
  assert.ok(at(uniform, 0) >= 100 && (uniform.at(-1) ?? 0) <= 300);
  about(at(uniform, 0.5), 200);
  const exponential = sample({ distribution: "exponential", meanMs: 100 });
  about(exponential.reduce((sum, one) => sum + one, 0) / exponential.length, 100);
  about(at(exponential, 0.5), 100 * Math.LN2);
  const lognormal = sample({ distribution: "lognormal", p50Ms: 10, p99Ms: 1_000 });
  about(at(lognormal, 0.5), 10);
  assert.ok(Math.abs(at(lognormal, 0.99) / 1_000 - 1) < 0.25, `${at(lognormal, 0.99)}`);
  assert.ok((lognormal.at(-1) ?? 0) <= 10_000);
  assert.equal(sample({ distribution: "exponential", meanMs: 100, maxMs: 50 }).at(-1), 50);
});
