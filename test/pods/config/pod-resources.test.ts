// The sums of a pod's resources, and its QoS class.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isCriError } from "../../../src/core/index.js";
import {
  type PodResourcesInput,
  podResources,
  type QosClassOptions,
  qosClass,
} from "../../../src/pods/config/pod-resources.js";
import type { ResourcesSpec } from "../../../src/pods/config/spec-resources.js";

const both: ResourcesSpec = { cpu: "250m", memory: "64Mi" };

test("QoS classes", () => {
  type Row = readonly [string, readonly (ResourcesSpec | undefined)[], string, QosClassOptions?];
  const rows: readonly Row[] = [
    ["1", [{ ...both, requests: both }], "Guaranteed"],
    ["requests default to limits", [both, both], "Guaranteed"],
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
    ["0 counts as not set", [{ cpu: 0, memory: "0", requests: { cpu: "0m" } }], "BestEffort"],
    ["one container without limits", [both, undefined], "Burstable"],
    ["one container with a CPU limit only", [both, { cpu: 1 }], "Burstable"],
    [
      "equal amounts in different notations",
      [{ cpu: 1, memory: "1Gi", requests: { cpu: "1000m", memory: 2 ** 30 } }],
      "Guaranteed",
    ],
    ["a request one billionth below the limit", [{ ...both, requests: { cpu: "249999999n" } }], "Burstable"],
    ["an init container counts", [both], "Burstable", { initContainers: [{}] }],
    [
      "an init container with limits",
      [both],
      "Guaranteed",
      { initContainers: [{ resources: both }, { resources: both, sidecar: true }] },
    ],
    ["empty pod-level resources override the containers", [both], "BestEffort", { pod: {} }],
    ["pod-level resources only", [undefined], "Guaranteed", { pod: both }],
    [
      "pod-level requests default to the containers' sum",
      [{ requests: { cpu: "100m" } }],
      "Burstable",
      { pod: both },
    ],
    [
      "init containers are part of that sum",
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
const withoutUndefined = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

test("sums of a pod", () => {
  const rows: readonly (readonly [string, PodResourcesInput, unknown])[] = [
    ["nothing", input([undefined]), { requests: {} }],
    [
      "a sum",
      input([both, both]),
      { cpu: "500m", memory: "128Mi", requests: { cpu: "500m", memory: "128Mi" } },
    ],
    [
      "a container without a limit adds only to the requests",
      input([{ cpu: "100m" }, { requests: { cpu: "500m" } }]),
      { cpu: "100m", requests: { cpu: "600m" } },
    ],
    [
      "8: a sidecar adds to the sum",
      input([{ requests: { memory: "1Gi" } }, { requests: { memory: "512Mi" } }], {
        initContainers: [{ resources: { requests: { memory: "64Mi" } }, sidecar: true }],
      }),
      { requests: { memory: "1600Mi" } },
    ],
    [
      "an init container adds to the sidecars before it only",
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
      "an init container smaller than the sum does not count",
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
      "pod-level requests default to the containers' sum, then to the limits",
      input([{ requests: { cpu: "250m" } }], { pod: both }),
      { ...both, requests: both },
    ],
    [
      "pod-level requests without limits",
      input([both], { pod: { requests: { cpu: 1 } } }),
      { ...both, requests: { cpu: "1", memory: "64Mi" } },
    ],
    [
      "a limit of 0 stays 0",
      input([{ memory: 0 }], { overhead: both }),
      { memory: "0", requests: { cpu: "250m", memory: "64Mi" } },
    ],
    [
      "overhead is added only to limits that are set",
      input([{ cpu: 1 }], { overhead: both }),
      { cpu: "1250m", requests: { cpu: "1250m", memory: "64Mi" } },
    ],
  ];
  for (const [row, given, expected] of rows)
    assert.deepEqual(withoutUndefined(podResources(given)), expected, row);
});

test("one error lists every invalid amount", () => {
  const sum = () =>
    podResources({
      containers: [{ cpu: "1K" }, { requests: { memory: -1 } }],
      initContainers: [{ resources: { memory: "x" } }],
      pod: { cpu: "y" },
      overhead: { memory: "z" },
    });
  assert.throws(sum, (error) => {
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
  assert.throws(
    () => qosClass([{ cpu: "1K" }]),
    /containers\[0\]\.cpu: .*\[invalid_argument: invalid_spec\]/,
  );
});
