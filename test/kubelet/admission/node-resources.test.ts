import assert from "node:assert/strict";
import { test } from "node:test";
import { type AdmissionRejection, checkNodeResources } from "../../../src/kubelet/index.js";
import type { Container, DefaultedPod, PodSpec, Resources } from "../../../src/kubernetes/index.js";
import { nodeWith, podWith, requestOf } from "./requests.js";

const container = (name: string, requests: Resources, more: Partial<Container> = {}): Container => ({
  name,
  image: "busybox",
  resources: { requests },
  ...more,
});

interface Case {
  readonly what: string;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly pod: DefaultedPod;
  readonly others?: readonly DefaultedPod[];
  readonly expected: AdmissionRejection | undefined;
}

function outOf(resource: string, requested: number, used: number, capacity: number): AdmissionRejection {
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, ${amounts}`,
  };
}

const spec = (more: Partial<PodSpec>) => podWith({}, more);

const cases: readonly Case[] = [
  { what: "a pod without requests needs none", allocatable: {}, pod: podWith({}), expected: undefined },
  {
    what: "the last of the cpu may be used",
    allocatable: { cpu: "2" },
    pod: podWith({ cpu: "500m" }),
    others: [podWith({ cpu: "1" }), podWith({ cpu: 0.5 })],
    expected: undefined,
  },
  {
    what: "cpu counts in thousandths",
    allocatable: { cpu: "2" },
    pod: podWith({ cpu: "501m" }),
    others: [podWith({ cpu: "1500m" })],
    expected: outOf("cpu", 501, 1500, 2000),
  },
  {
    what: "memory counts in bytes",
    allocatable: { memory: "1Gi" },
    pod: podWith({ memory: "1.5Gi" }),
    expected: outOf("memory", 1_610_612_736, 0, 1_073_741_824),
  },
  {
    what: "of several resources that lack, the first one is named",
    allocatable: { memory: "1Ki" },
    pod: podWith({ memory: "1Mi", cpu: "1" }),
    expected: outOf("cpu", 1000, 0, 0),
  },
  {
    what: "ephemeral storage that the node does not have",
    allocatable: {},
    pod: podWith({ "ephemeral-storage": 1 }),
    expected: outOf("ephemeral-storage", 1, 0, 0),
  },
  {
    what: "pods are counted before everything else",
    allocatable: { pods: "2" },
    pod: podWith({ cpu: "1" }),
    others: [podWith({}), podWith({})],
    expected: outOf("pods", 1, 2, 2),
  },
  {
    what: "an extended resource",
    allocatable: { "example.com/gpu": "2" },
    pod: podWith({ "example.com/gpu": 2 }),
    others: [podWith({ "example.com/gpu": 1 })],
    expected: outOf("example.com/gpu", 2, 1, 2),
  },
  {
    what: "an extended resource that was removed from the node",
    allocatable: { "example.com/gpu": "0" },
    pod: podWith({ "example.com/gpu": 1 }),
    expected: outOf("example.com/gpu", 1, 0, 0),
  },
  {
    what: "an extended resource that the node does not know may belong to the cluster",
    allocatable: {},
    pod: podWith({ "example.com/license": 1 }),
    expected: undefined,
  },
  {
    what: "huge pages that the node does not have",
    allocatable: {},
    pod: podWith({ "hugepages-2Mi": "4Mi" }),
    expected: outOf("hugepages-2Mi", 4_194_304, 0, 0),
  },
  {
    what: "the containers are added, and an init container needs no more than they do",
    allocatable: { cpu: "3" },
    pod: spec({
      containers: [container("a", { cpu: 1 }), container("b", { cpu: 2 })],
      initContainers: [container("i", { cpu: 3 }), container("j", { cpu: 2 })],
    }),
    expected: undefined,
  },
  {
    what: "an init container that needs more than all containers",
    allocatable: { cpu: "3" },
    pod: spec({
      containers: [container("a", { cpu: 1 })],
      initContainers: [container("i", { cpu: 4 })],
    }),
    expected: outOf("cpu", 4000, 0, 3000),
  },
  {
    what: "sidecars run beside the containers, and beside later init containers",
    allocatable: { cpu: "3" },
    pod: spec({
      containers: [container("a", { cpu: 1 })],
      initContainers: [
        container("sidecar", { cpu: 2 }, { restartPolicy: "Always" }),
        container("i", { cpu: 1.5 }),
      ],
    }),
    expected: outOf("cpu", 3500, 0, 3000),
  },
  {
    what: "overhead is added",
    allocatable: { cpu: "1" },
    pod: podWith({ cpu: 1 }, { overhead: { cpu: "1m" } }),
    expected: outOf("cpu", 1001, 0, 1000),
  },
  {
    what: "overhead of other pods is used",
    allocatable: { memory: "100" },
    pod: podWith({ memory: 50 }),
    others: [podWith({}, { overhead: { memory: 51 } })],
    expected: outOf("memory", 50, 51, 100),
  },
  {
    what: "the requests of the pod as a whole replace those of its containers",
    allocatable: { cpu: "1", memory: "10" },
    pod: podWith({ cpu: "100m", memory: 20 }, { resources: { requests: { cpu: "2" } } }),
    expected: outOf("cpu", 2000, 0, 1000),
  },
];

for (const { what, allocatable, pod, others = [], expected } of cases)
  test(what, async () => {
    assert.deepEqual(await checkNodeResources(requestOf(pod, nodeWith(allocatable), others)), expected);
  });

test("a node that reports no pods runs none", async () => {
  const found = await checkNodeResources(requestOf(podWith({}), { status: {} }));
  assert.deepEqual(found, outOf("pods", 1, 0, 0));
});

test("a critical pod is left to the check that makes room, where there is one", async () => {
  const critical = podWith({ cpu: 1 }, { priority: 2_000_000_000 });
  const request = requestOf(critical, nodeWith({}));
  assert.deepEqual(await checkNodeResources(request), outOf("cpu", 1000, 0, 0));
  assert.equal(await checkNodeResources({ ...request, preempt: async () => undefined }), undefined);
});
