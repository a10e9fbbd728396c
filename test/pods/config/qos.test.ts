// QoS classes, and what a pod needs in all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError } from "../../../src/core/index.js";
import { type PodResourcesInput, podResources } from "../../../src/pods/config/pod-resources.js";
import { type QosClassOptions, qosClass } from "../../../src/pods/config/qos.js";
import type { ResourcesSpec } from "../../../src/pods/config/spec-resources.js";

const both: ResourcesSpec = { cpu: "250m", memory: "64Mi" };

test("the class of a pod", () => {
  type Row = readonly [string, readonly (ResourcesSpec | undefined)[], string, QosClassOptions?];
  const rows: readonly Row[] = [
    ["1", [{ ...both, requests: both }], "Guaranteed"],
    ["requests follow limits", [both, both], "Guaranteed"],
    ["2", [{ memory: "2Gi", requests: { cpu: "100m", memory: "1Gi" } }], "Burstable"],
    ["3", [undefined], "BestEffort"],
    ["no containers", [], "BestEffort"],
    ["4", [{ cpu: "0.5" }], "Burstable"],
    ["6", [{ requests: { memory: "8Gi" } }], "Burstable"],
    ["9", [{ requests: { cpu: "100m" } }], "Burstable"],
    [
      "10",
      [{ requests: { cpu: "250m", memory: "256Mi" } }, {}],
      "Burstable",
      { pod: { cpu: 2, memory: "2Gi", requests: { cpu: 1, memory: "1Gi" } } },
    ],
    ["zeros are nothing", [{ cpu: 0, memory: "0", requests: { cpu: "0m" } }], "BestEffort"],
    ["one without limits", [both, undefined], "Burstable"],
    ["one with half of them", [both, { cpu: 1 }], "Burstable"],
    [
      "the same amounts in other words",
      [{ cpu: 1, memory: "1Gi", requests: { cpu: "1000m", memory: 2 ** 30 } }],
      "Guaranteed",
    ],
    ["one billionth less", [{ ...both, requests: { cpu: "249999999n" } }], "Burstable"],
    ["an init container counts", [both], "Burstable", { initContainers: [{}] }],
    [
      "an init container with limits",
      [both],
      "Guaranteed",
      { initContainers: [{ resources: both }, { resources: both, sidecar: true }] },
    ],
    ["an empty pod level rules", [both], "BestEffort", { pod: {} }],
    ["pod level alone", [undefined], "Guaranteed", { pod: both }],
    [
      "pod level requests what its containers do",
      [{ requests: { cpu: "100m" } }],
      "Burstable",
      { pod: both },
    ],
    [
      "an init container is part of what they do",
      [undefined],
      "Burstable",
      { pod: both, initContainers: [{ resources: { cpu: "10m" } }] },
    ],
  ];
  for (const [row, containers, expected, options] of rows)
    assert.equal(qosClass(containers, options), expected, row);
});

const input = (containers: PodResourcesInput["containers"], more: Partial<PodResourcesInput> = {}) => ({
  containers,
  ...more,
});
const said = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

test("what a pod needs", () => {
  const rows: readonly (readonly [string, PodResourcesInput, unknown])[] = [
    ["nothing", input([undefined]), { requests: {} }],
    [
      "a sum",
      input([both, both]),
      { cpu: "500m", memory: "128Mi", requests: { cpu: "500m", memory: "128Mi" } },
    ],
    [
      "one without limits adds requests only",
      input([{ cpu: "100m" }, { requests: { cpu: "500m" } }]),
      { cpu: "100m", requests: { cpu: "600m" } },
    ],
    [
      "8: a sidecar adds up",
      input([{ requests: { memory: "1Gi" } }, { requests: { memory: "512Mi" } }], {
        initContainers: [{ resources: { requests: { memory: "64Mi" } }, sidecar: true }],
      }),
      { requests: { memory: "1600Mi" } },
    ],
    [
      "an init container, beside the sidecars before it only",
      input([{ requests: { cpu: 1 } }], {
        initContainers: [
          { resources: { requests: { cpu: 1 } }, sidecar: true },
          { resources: { requests: { cpu: 4 } } },
          { resources: { requests: { cpu: 2 } }, sidecar: true },
        ],
      }),
      { requests: { cpu: "5" } },
    ],
    [
      "a small init container is no matter",
      input([both], { initContainers: [{ resources: { cpu: "1m" } }] }),
      { ...both, requests: both },
    ],
    [
      "10",
      input([{ requests: { cpu: "250m", memory: "256Mi" } }, {}], {
        pod: { cpu: 2, memory: "2Gi", requests: { cpu: 1, memory: "1Gi" } },
      }),
      { cpu: "2", memory: "2Gi", requests: { cpu: "1", memory: "1Gi" } },
    ],
    [
      "a pod with limits requests what its containers do, or all",
      input([{ requests: { cpu: "250m" } }], { pod: both }),
      { ...both, requests: both },
    ],
    [
      "a pod with requests only",
      input([both], { pod: { requests: { cpu: 1 } } }),
      { ...both, requests: { cpu: "1", memory: "64Mi" } },
    ],
    [
      "a limit of 0 stays none",
      input([{ memory: 0 }], { overhead: both }),
      { memory: "0", requests: { cpu: "250m", memory: "64Mi" } },
    ],
    [
      "overhead, on limits only where there are some",
      input([{ cpu: 1 }], { overhead: both }),
      { cpu: "1250m", requests: { cpu: "1250m", memory: "64Mi" } },
    ],
  ];
  for (const [row, given, expected] of rows) assert.deepEqual(said(podResources(given)), expected, row);
});

test("wrong amounts are all named", () => {
  const wrong = () =>
    podResources({
      containers: [{ cpu: "1K" }, { requests: { memory: -1 } }],
      initContainers: [{ resources: { memory: "x" } }],
      pod: { cpu: "y" },
      overhead: { memory: "z" },
    });
  assert.throws(wrong, (error) => {
    assert.ok(isCriError(error) && error.reason === "invalid_spec");
    assert.deepEqual(
      error.problems.map(({ path }) => path),
      [
        "containers[0].cpu",
        "containers[1].requests.memory",
        "initContainers[0].resources.memory",
        "pod.cpu",
        "overhead.memory",
      ],
    );
    return true;
  });
  assert.throws(() => qosClass([{ cpu: "1K" }]), /containers\[0\]\.cpu .*\[invalid_argument: invalid_spec\]/);
});
