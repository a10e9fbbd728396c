// Pods that a program sets.
import assert from "node:assert/strict";
import { test } from "node:test";
import { podList } from "../../../src/kubelet/index.js";
import { failure } from "../../support/failure.js";
import { startSource } from "./support.js";

const pod = (name: string, image = "busybox") => ({
  metadata: { name },
  spec: { containers: [{ name: "main", image }] },
});

test("the Pods of the list have an identity, and each new list replaces the old one", async () => {
  const list = podList([pod("a")]);
  const host = await startSource(list);
  const [first] = host.lists[0] ?? [];
  assert.equal(first?.metadata?.namespace, "default");
  assert.ok(first?.metadata?.uid);
  list.set([pod("a"), pod("b")]);
  assert.deepEqual(host.names(), ["a", "b"]);
  assert.equal(host.lists[1]?.[0]?.metadata?.uid, first.metadata.uid);
  list.set([pod("a", "nginx")]);
  assert.notEqual(host.lists[2]?.[0]?.metadata?.uid, first.metadata.uid);
  await list.close();
  list.set([]);
  assert.equal(host.lists.length, 3);
});

test("a list can be set before the kubelet starts", async () => {
  const list = podList();
  list.set([pod("a")]);
  assert.deepEqual((await startSource(list)).names(), ["a"]);
});

test("two Pods of one name, and what is not a Pod, are refused and change nothing", async () => {
  const list = podList([pod("a")]);
  const host = await startSource(list);
  assert.throws(() => list.set([pod("b"), pod("b")]), /pods: two Pods have the name default\/b/);
  assert.throws(() => list.set([{ ...pod("c"), kind: "Deployment" }]), /pods\[0\] must be a Pod/);
  assert.deepEqual(host.names(), ["a"]);
  assert.equal((await failure(startSource(list))).reason, "wrong_state");
});
