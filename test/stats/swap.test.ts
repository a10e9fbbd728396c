// Swap metrics, computed from CRI's stats as the kubelet does.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { fixtures } from "../../src/testing/index.js";
import type { SwapUsageSchema } from "../../src/v1.js";
import { node } from "../support/stats-node.js";

const timestamp = 1_700_000_000_000_000_000n;
const value = (value: bigint) => ({ value });
type Swap = MessageInitShape<typeof SwapUsageSchema> | undefined;

const stats = (id: string, swap: Swap, ended = false) =>
  fixtures.containerStats({
    attributes: { id, metadata: { name: id } },
    swap,
    ...(ended ? { cpu: undefined, memory: undefined } : {}),
  });

test("the swap limit is the sum of used and available bytes, and omitted without a limit", async (t) => {
  const swaps: Readonly<Record<string, Swap>> = {
    limited: { timestamp, swapUsageBytes: value(6n), swapAvailableBytes: value(4n) },
    forbidden: { timestamp, swapUsageBytes: value(0n), swapAvailableBytes: value(0n) },
    unused: { timestamp, swapUsageBytes: undefined, swapAvailableBytes: value(7n) },
    unlimited: { timestamp, swapUsageBytes: value(6n), swapAvailableBytes: value(2n ** 64n - 6n) },
    unset: { timestamp, swapUsageBytes: value(6n) },
    none: undefined,
  };
  const all = Object.entries(swaps).map(([name, swap]) => stats(name, swap));
  const { cri } = await node(t, { listContainerStats: () => ({ stats: all }) }, { like: "containerd-2.1" });
  const page = await cri.stats.toPrometheus({ timestamps: false });
  assert.deepEqual(
    [...page.matchAll(/^container_swap_limit_bytes\{container="(\w+)",.*\} (\d+)$/gm)].map(
      ([, ...found]) => found,
    ),
    [
      ["forbidden", "0"],
      ["limited", "10"],
      ["unused", "7"],
    ],
  );
  assert.equal(page.match(/^container_swap_usage_bytes\{/gm)?.length, 4);
});

test("a pod's swap usage is the sum of its running containers, and omitted when one of them is missing", async (t) => {
  const pod = (name: string, ...containers: ReturnType<typeof stats>[]) =>
    fixtures.podSandboxStats({
      attributes: { id: name, metadata: { name, namespace: "ns" } },
      linux: { containers },
    });
  const used = (bytes: bigint, at = timestamp) => ({ timestamp: at, swapUsageBytes: value(bytes) });
  const all = [
    pod(
      "two",
      stats("a", used(1n)),
      stats("b", used(2n, timestamp + 1_000_000n)),
      stats("c", undefined, true),
    ),
    pod("one_of_two", stats("a", used(1n)), stats("b", undefined)),
    pod("empty"),
  ];
  const { cri } = await node(t, { listPodSandboxStats: () => ({ stats: all }) }, { like: "containerd-2.1" });
  const page = await cri.stats.toPrometheus();
  assert.deepEqual(page.match(/^pod_swap_usage_bytes.*$/gm), [
    'pod_swap_usage_bytes{namespace="ns",pod="two"} 3 1700000000001',
  ]);
});
