import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRoomForCriticalPod } from "../../../src/kubelet/index.js";
import type { DefaultedPod, PodSpec, Resources } from "../../../src/kubernetes/index.js";
import { nodeWith, podWith } from "./requests.js";

const critical: Partial<PodSpec> = { priority: 2_000_000_000 };

function named(name: string, requests: Resources, spec: Partial<PodSpec> = {}): DefaultedPod {
  return podWith(requests, spec, { name });
}

function guaranteed(name: string, cpu: number, memory: number): DefaultedPod {
  const limits = { cpu, memory };
  return podWith({}, { containers: [{ name: "main", image: "busybox", resources: { limits } }] }, { name });
}

/** Returns the names of the pods that are stopped for a critical one, or why it is refused. */
async function preempted(
  pod: DefaultedPod,
  others: readonly DefaultedPod[],
  allocatable: Readonly<Record<string, string>>,
): Promise<readonly string[] | { readonly reason: string; readonly message: string }> {
  const stopped: string[] = [];
  const preempt = async (pods: readonly DefaultedPod[]) => {
    stopped.push(...pods.map(({ metadata }) => metadata.name));
  };
  const found = await makeRoomForCriticalPod({ pod, node: nodeWith(allocatable), others, preempt });
  assert.ok(!found || stopped.length === 0, "no pod is stopped for one that is refused");
  return found ?? stopped;
}

test("nothing is stopped for a pod that fits, or that is not critical", async () => {
  const others = [named("a", { cpu: 1 })];
  assert.deepEqual(await preempted(named("x", { cpu: 1 }, critical), others, { cpu: "2" }), []);
  assert.deepEqual(await preempted(named("x", { cpu: 2 }), others, { cpu: "2" }), []);
});

test("the fewest pods are stopped, and of those the smallest one that suffices", async () => {
  const others = [
    named("small", { cpu: "100m" }),
    named("large", { cpu: "1200m" }),
    named("middle", { cpu: "600m" }),
  ];
  const pod = named("x", { cpu: "600m" }, critical);
  assert.deepEqual(await preempted(pod, others, { cpu: "1900m" }), ["middle"]);
});

test("guaranteed pods are stopped only when all others do not suffice", async () => {
  const others = [guaranteed("guaranteed", 1, 100), named("burstable", { cpu: 1 }), named("best-effort", {})];
  assert.deepEqual(await preempted(named("x", { cpu: 1 }, critical), others, { cpu: "2" }), ["burstable"]);
  const both = await preempted(named("x", { cpu: 2 }, critical), others, { cpu: "2" });
  assert.deepEqual(both, ["burstable", "guaranteed"]);
});

test("a pod of best effort makes room where the number of pods is the limit", async () => {
  const others = [named("burstable", { cpu: 1 }), named("best-effort", {})];
  const pod = named("x", {}, critical);
  assert.deepEqual(await preempted(pod, others, { pods: "2", cpu: "1" }), ["best-effort"]);
});

test("critical pods are stopped for none of the same priority, but for a higher one", async () => {
  const others = [named("critical", { cpu: 1 }, critical)];
  assert.deepEqual(await preempted(named("x", { cpu: 1 }, critical), others, { cpu: "1" }), {
    reason: "UnexpectedAdmissionError",
    message:
      "Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: " +
      "no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]",
  });
  const higher = named("x", { cpu: 1 }, { priority: 2_000_001_000 });
  assert.deepEqual(await preempted(higher, others, { cpu: "1" }), ["critical"]);
});

test("without a way to stop pods, a critical pod that needs room is refused", async () => {
  const found = await makeRoomForCriticalPod({
    pod: named("x", { cpu: 1 }, critical),
    node: nodeWith({ cpu: "1" }),
    others: [named("a", { cpu: 1 })],
  });
  assert.equal(found?.reason, "OutOfcpu");
});
