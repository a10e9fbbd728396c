import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultHardThresholds } from "../../../src/kubelet/eviction/index.js";
import { nodeAllocatable, nodeCapacity } from "../../../src/kubelet/node/node-resources.js";

const machine = {
  cpus: 4,
  memoryBytes: 8_140_528n * 1024n,
  fileSystemBytes: 41_152_812n * 1024n,
  hugePages: [],
  maxPods: 110,
  capacity: {},
};

test("capacities have the form of the kubelet's", () => {
  assert.deepEqual(nodeCapacity(machine), {
    cpu: "4",
    memory: "8140528Ki",
    "ephemeral-storage": "41152812Ki",
    pods: "110",
  });
  const odd = nodeCapacity({ ...machine, memoryBytes: 192_000n, fileSystemBytes: 8n * 1024n ** 3n });
  assert.equal(odd.memory, "192000");
  assert.equal(odd["ephemeral-storage"], "8Gi");
});

test("huge pages and given resources are capacities, and a file system of unknown size is none", () => {
  const hugePages = [
    { size: "2MB", quantity: "2Mi", totalBytes: 64n * 1024n ** 2n },
    { size: "1GB", quantity: "1Gi", totalBytes: 0n },
  ];
  const capacity = { cpu: "1500m", "example.com/gpu": 2 };
  assert.deepEqual(nodeCapacity({ ...machine, fileSystemBytes: undefined, hugePages, capacity }), {
    cpu: "1500m",
    memory: "8140528Ki",
    "hugepages-2Mi": "64Mi",
    "hugepages-1Gi": "0",
    pods: "110",
    "example.com/gpu": "2",
  });
});

test("allocatable is the capacity without the thresholds of evictions: the numbers of a real kubelet", () => {
  const capacity = nodeCapacity(machine);
  assert.deepEqual(nodeAllocatable(capacity, {}, defaultHardThresholds), {
    cpu: "4",
    memory: "8038128Ki",
    // The tenth that a kubelet of this capacity subtracts is 63 bytes more than a tenth.
    "ephemeral-storage": "37926431477",
    pods: "110",
  });
  assert.deepEqual(nodeAllocatable(capacity, {}, {}), capacity);
  const percent = nodeAllocatable(capacity, {}, { "memory.available": "50%", "nodefs.available": "1Gi" });
  assert.equal(percent.memory, "4070264Ki");
  assert.equal(percent["ephemeral-storage"], "40104236Ki");
});

test("allocatable excludes reserved resources, and memory huge pages; it is never negative", () => {
  const hugePages = [{ size: "2MB", quantity: "2Mi", totalBytes: 1024n ** 3n }];
  const capacity = nodeCapacity({ ...machine, memoryBytes: 4n * 1024n ** 3n, hugePages });
  const reserved = { cpu: "250m", memory: "1Gi", pods: 10, "hugepages-2Mi": "1Mi", "example.com/gpu": 1 };
  assert.deepEqual(nodeAllocatable(capacity, reserved, {}), {
    cpu: "3750m",
    memory: "2Gi",
    "ephemeral-storage": "41152812Ki",
    "hugepages-2Mi": "1023Mi",
    pods: "100",
  });
  const nothing = nodeAllocatable(
    capacity,
    { cpu: 5, memory: "3Gi", pods: 200 },
    { "memory.available": "100Mi" },
  );
  assert.deepEqual([nothing.cpu, nothing.memory, nothing.pods], ["0", "0", "0"]);
});
