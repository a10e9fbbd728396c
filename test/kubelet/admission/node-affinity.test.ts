import assert from "node:assert/strict";
import { test } from "node:test";
import { checkNodeAffinity } from "../../../src/kubelet/index.js";
import type { Node, PodSpec } from "../../../src/kubernetes/index.js";
import { podWith, requestOf } from "./requests.js";

const node: Node<Date> = {
  metadata: { name: "node-1", labels: { disk: "ssd", zone: "a", cpus: "8", generation: "-3", empty: "" } },
};

async function isAdmitted(spec: Partial<PodSpec>): Promise<boolean> {
  const rejection = await checkNodeAffinity(requestOf(podWith({}, spec), node));
  if (rejection)
    assert.deepEqual(rejection, {
      reason: "NodeAffinity",
      message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    });
  return rejection === undefined;
}

function required(...terms: readonly unknown[]): Partial<PodSpec> {
  const nodeSelectorTerms = terms;
  return {
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
  };
}

const expressions = (...matchExpressions: readonly unknown[]) => ({ matchExpressions });
const fields = (...matchFields: readonly unknown[]) => ({ matchFields });

test("nodeSelector demands each of its labels", async () => {
  assert.equal(await isAdmitted({}), true);
  assert.equal(await isAdmitted({ nodeSelector: { disk: "ssd", zone: "a" } }), true);
  assert.equal(await isAdmitted({ nodeSelector: { disk: "ssd", zone: "b" } }), false);
  assert.equal(await isAdmitted({ nodeSelector: { absent: "x" } }), false);
  assert.equal(await isAdmitted({ nodeSelector: { constructor: "x" } }), false);
  assert.equal(await isAdmitted({ nodeSelector: { empty: "" } }), true);
});

const operators: readonly (readonly [
  key: string,
  operator: string,
  values: readonly string[] | undefined,
  boolean,
])[] = [
  ["disk", "In", ["hdd", "ssd"], true],
  ["disk", "In", ["hdd"], false],
  ["absent", "In", ["ssd"], false],
  ["disk", "NotIn", ["hdd"], true],
  ["disk", "NotIn", ["ssd"], false],
  ["absent", "NotIn", ["ssd"], true],
  ["disk", "Exists", undefined, true],
  ["absent", "Exists", undefined, false],
  ["toString", "Exists", undefined, false],
  ["disk", "DoesNotExist", undefined, false],
  ["absent", "DoesNotExist", undefined, true],
  ["cpus", "Gt", ["7"], true],
  ["cpus", "Gt", ["8"], false],
  ["cpus", "Lt", ["9"], true],
  ["cpus", "Lt", ["8"], false],
  ["generation", "Lt", ["-2"], true],
  // Not compared as texts.
  ["cpus", "Lt", ["10"], true],
  ["disk", "Gt", ["1"], false],
  ["cpus", "Gt", ["one"], false],
  ["cpus", "Gt", ["1", "2"], false],
  ["absent", "Lt", ["1"], false],
  ["disk", "Unknown", ["ssd"], false],
];

for (const [key, operator, values, expected] of operators)
  test(`${key} ${operator} ${JSON.stringify(values ?? null)} ${expected ? "matches" : "does not match"}`, async () => {
    assert.equal(await isAdmitted(required(expressions({ key, operator, values }))), expected);
  });

test("one of the terms suffices, and all expressions of a term are needed", async () => {
  const ssd = { key: "disk", operator: "In", values: ["ssd"] };
  const hdd = { key: "disk", operator: "In", values: ["hdd"] };
  assert.equal(await isAdmitted(required(expressions(hdd), expressions(ssd))), true);
  assert.equal(await isAdmitted(required(expressions(ssd, hdd))), false);
  assert.equal(await isAdmitted(required({})), false, "a term without expressions matches nothing");
  assert.equal(await isAdmitted(required()), false, "no terms match nothing");
  assert.equal(await isAdmitted({ ...required(expressions(ssd)), nodeSelector: { zone: "b" } }), false);
});

test("matchFields knows the name of the node", async () => {
  const name = (value: string, operator = "In") => ({ key: "metadata.name", operator, values: [value] });
  assert.equal(await isAdmitted(required(fields(name("node-1")))), true);
  assert.equal(await isAdmitted(required(fields(name("node-2")))), false);
  assert.equal(await isAdmitted(required(fields(name("node-2", "NotIn")))), true);
  assert.equal(
    await isAdmitted(required(fields({ key: "metadata.uid", operator: "In", values: ["x"] }))),
    false,
  );
  const both = { ...fields(name("node-1")), ...expressions({ key: "disk", operator: "DoesNotExist" }) };
  assert.equal(await isAdmitted(required(both)), false);
});

test("preferred affinities and those of pods do not count", async () => {
  const preferredDuringSchedulingIgnoredDuringExecution = [
    { weight: 1, preference: expressions({ key: "absent", operator: "Exists" }) },
  ];
  const affinity = { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution }, podAffinity: {} };
  assert.equal(await isAdmitted({ affinity }), true);
});
