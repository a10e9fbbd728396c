// oom_score_adj and swap limits as the kubelet computes them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isCriError } from "../../../src/core/index.js";
import {
  type OomScoreOptions,
  oomScoreAdj,
  type SwapLimitOptions,
  swapLimit,
} from "../../../src/pods/config/node-memory.js";

const memoryCapacityBytes = 8_589_934_592;
const podLevel = { memoryRequest: "1Gi", containersRequest: "256Mi", containers: 2 };

test("OOM scores on a node of 8 GiB", () => {
  const rows: readonly (readonly [string, Omit<OomScoreOptions, "memoryCapacityBytes">, number])[] = [
    ["1", { qos: "Guaranteed", memoryRequest: "64Mi" }, -997],
    ["2", { qos: "Burstable", memoryRequest: "1Gi" }, 875],
    ["3", { qos: "BestEffort" }, 1000],
    ["4", { qos: "Burstable" }, 999],
    ["6", { qos: "Burstable", memoryRequest: "8Gi" }, 3],
    ["6", { qos: "Burstable", memoryRequest: undefined }, 999],
    ["8, own", { qos: "Burstable", memoryRequest: "64Mi" }, 993],
    ["8, sidecar", { qos: "Burstable", memoryRequest: "64Mi", regularRequests: ["1Gi", "512Mi"] }, 938],
    ["8, c", { qos: "Burstable", memoryRequest: "1Gi" }, 875],
    ["8, d", { qos: "Burstable", memoryRequest: "512Mi" }, 938],
    ["9", { qos: "Burstable", nodeCritical: true }, -997],
    ["10, c", { qos: "Burstable", memoryRequest: "256Mi", podLevel }, 922],
    ["10, d", { qos: "Burstable", podLevel }, 954],
    ["a request above the node's memory", { qos: "Burstable", memoryRequest: "1Ti" }, 3],
    [
      "a sidecar with the larger request",
      { qos: "Burstable", memoryRequest: "2Gi", regularRequests: ["1Gi"] },
      750,
    ],
    [
      "a sidecar beside a regular container without a request",
      { qos: "Burstable", memoryRequest: "64Mi", regularRequests: ["1Gi", undefined] },
      993,
    ],
    [
      "a pod-level request below the sum of the containers",
      { qos: "Burstable", memoryRequest: "1Gi", podLevel: { ...podLevel, containersRequest: "2Gi" } },
      875,
    ],
  ];
  for (const [row, options, expected] of rows)
    assert.equal(oomScoreAdj({ ...options, memoryCapacityBytes }), expected, row);
  assert.equal(oomScoreAdj({ qos: "Burstable", memoryRequest: "1Gi", memoryCapacityBytes: 2n ** 33n }), 875);
});

test("the score of a Burstable container falls with its request, and stays within its class", () => {
  const amount = fc.bigInt(0n, 2n ** 50n);
  fc.assert(
    fc.property(amount, amount, fc.bigInt(1n, 2n ** 50n), (a, b, capacity) => {
      const score = (memoryRequest: bigint) =>
        oomScoreAdj({ qos: "Burstable", memoryRequest, memoryCapacityBytes: capacity });
      const [less, more] = a < b ? [a, b] : [b, a];
      assert.ok(score(less) >= score(more));
      for (const one of [score(less), score(more)])
        assert.ok(Number.isInteger(one) && one >= 3 && one <= 999);
    }),
  );
});

test("swap limits on a node with 4 GiB of swap", () => {
  const rows: readonly (readonly [string, Partial<SwapLimitOptions>, string])[] = [
    ["12, c", { memoryRequest: "1Gi", memoryLimit: "2Gi" }, "536870912"],
    ["12, d", { memoryRequest: "1Gi", memoryLimit: "1Gi" }, "0"],
    ["12, e", {}, "0"],
    ["a limit without a request", { memoryLimit: "1Gi" }, "0"],
    ["a request without a limit", { memoryRequest: "2Gi" }, "1073741824"],
    ["Guaranteed", { qos: "Guaranteed", memoryRequest: "1Gi", memoryLimit: "2Gi" }, "0"],
    ["BestEffort", { qos: "BestEffort", memoryRequest: "1Gi" }, "0"],
    ["critical", { critical: true, memoryRequest: "1Gi" }, "0"],
    ["no swap", { memoryRequest: "1Gi", swapCapacityBytes: 0 }, "0"],
  ];
  for (const [row, options, expected] of rows) {
    const bytes = swapLimit({
      qos: "Burstable",
      memoryCapacityBytes,
      swapCapacityBytes: 2 ** 32,
      ...options,
    });
    assert.equal(String(bytes), expected, row);
  }
});

test("one error lists every invalid option", () => {
  const paths = (call: () => unknown) => {
    try {
      call();
    } catch (error) {
      assert.ok(isCriError(error) && error.reason === "invalid_spec", `${error}`);
      return error.problems.map(({ path }) => path).sort();
    }
    return assert.fail("the options were accepted");
  };
  // The cast stands for a caller without types.
  const qos = "burstable" as "Burstable";
  const wrongLevel = { memoryRequest: "1K", containersRequest: -1, containers: 0 };
  assert.deepEqual(
    paths(() =>
      oomScoreAdj({
        qos,
        memoryCapacityBytes: 0,
        memoryRequest: "x",
        regularRequests: [-1],
        podLevel: wrongLevel,
      }),
    ),
    [
      "memoryCapacityBytes",
      "memoryRequest",
      "podLevel.containers",
      "podLevel.containersRequest",
      "podLevel.memoryRequest",
      "qos",
      "regularRequests[0]",
    ],
  );
  assert.deepEqual(
    paths(() =>
      swapLimit({
        qos,
        memoryCapacityBytes: 0.5,
        swapCapacityBytes: -1n,
        memoryRequest: "x",
        memoryLimit: "y",
      }),
    ),
    ["memoryCapacityBytes", "memoryLimit", "memoryRequest", "qos", "swapCapacityBytes"],
  );
});
