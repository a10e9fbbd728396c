import assert from "node:assert/strict";
import { test } from "node:test";
import {
  conformanceCases,
  conformanceGroups,
  deviationsFor,
  knownDeviations,
} from "../../src/testing/conformance/index.js";
import { ImageService, RuntimeService } from "../../src/v1.js";

const rpcs = [...RuntimeService.methods, ...ImageService.methods].map(({ name }) => name);

test("every case has a unique id, a group, a title, and a rule that names an RPC", () => {
  const ids = conformanceCases.map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
  );
  for (const { id, group, title, rule } of conformanceCases) {
    assert.match(id, /^[a-z]+(\.[a-z0-9-]+)$/);
    assert.ok(id.startsWith(`${group}.`), id);
    assert.match(title, /^[A-Za-z].{10,}[^.]$/, id);
    assert.ok(
      rpcs.some((rpc) => rule.includes(rpc)),
      `${id} names no RPC: ${rule}`,
    );
    assert.match(rule, /\.$/, id);
  }
});

test("there are many cases, and some of every group", () => {
  assert.ok(conformanceCases.length >= 120, `${conformanceCases.length}`);
  for (const group of conformanceGroups)
    assert.ok(conformanceCases.filter((one) => one.group === group).length >= 10, group);
});

test("known deviations refer to existing cases and have reasons", () => {
  const ids = new Set(conformanceCases.map(({ id }) => id));
  for (const [name, deviations] of Object.entries(knownDeviations))
    for (const [id, reason] of Object.entries(deviations)) {
      assert.ok(ids.has(id), `${name}: the case ${id} does not exist`);
      assert.ok(reason.length > 10, `${name}: ${id}`);
    }
});

test("deviations are found by name and release", () => {
  assert.equal(deviationsFor("containerd", "1.6.20~ds1"), knownDeviations["containerd-1.6"]);
  assert.equal(deviationsFor("containerd", "v1.7.24"), knownDeviations["containerd-1.7"]);
  assert.equal(deviationsFor("containerd", "2.1.9+unknown"), knownDeviations["containerd-2.1"]);
  assert.equal(deviationsFor("cri-o", "1.37.0"), knownDeviations["cri-o-1.37"]);
  for (const [name, version] of [
    ["containerd", "2.10.0"],
    ["containerd", "1.60.0"],
    ["containerd", ""],
    ["other", "1.6.0"],
    ["constructor", ""],
  ] as const)
    assert.deepEqual(deviationsFor(name, version), {}, `${name} ${version}`);
});
