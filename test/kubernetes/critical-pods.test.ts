import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriticalPod, isStaticPod, type Pod } from "../../src/kubernetes/index.js";

const source = "kubernetes.io/config.source";
const mirror = "kubernetes.io/config.mirror";

const cases: readonly (readonly [
  what: string,
  annotations: Readonly<Record<string, string>>,
  priority: number | undefined,
  isStatic: boolean,
  isCritical: boolean,
])[] = [
  ["without annotations", {}, undefined, false, false],
  ["from a folder", { [source]: "file" }, undefined, true, true],
  ["from a URL", { [source]: "http" }, undefined, true, true],
  ["from an API server", { [source]: "api" }, undefined, false, false],
  ["from a source of a program", { [source]: "list" }, undefined, false, false],
  ["a mirror", { [source]: "api", [mirror]: "x" }, undefined, false, true],
  ["of system-cluster-critical", {}, 2_000_000_000, false, true],
  ["of the highest priority of users", {}, 1_000_000_000, false, false],
];

for (const [what, annotations, priority, isStatic, isCritical] of cases)
  test(`a Pod ${what} is ${isStatic ? "" : "not "}static, and ${isCritical ? "" : "not "}critical`, () => {
    const pod: Pod = {
      metadata: { annotations },
      spec: { containers: [], ...(priority === undefined ? {} : { priority }) },
    };
    assert.equal(isStaticPod(pod), isStatic);
    assert.equal(isCriticalPod(pod), isCritical);
  });
