import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { containerUsage, podUsage } from "../../src/observe.js";
import { fixtures } from "../../src/testing/index.js";
import { PodSandboxStatsSchema } from "../../src/v1.js";

const timestamp = 1_700_000_000_123_456_789n;
const at = new Date(1_700_000_000_123);
const value = (value: bigint) => ({ value });

test("containerUsage() converts all fields without rounding", () => {
  const huge = 2n ** 64n - 1n;
  const psi = {
    Some: { Total: 2n ** 60n, Avg10: 1.5, Avg60: 2, Avg300: 3 },
  };
  const message = fixtures.containerStats({
    attributes: { id: "c1", metadata: { name: "app", attempt: 2 }, labels: { a: "b" } },
    cpu: {
      timestamp,
      usageCoreNanoSeconds: value(9_007_199_254_740_993n),
      usageNanoCores: value(1_500_000_000n),
      psi,
    },
    memory: { timestamp, workingSetBytes: value(huge), availableBytes: value(7n), psi },
    swap: { timestamp, swapUsageBytes: value(5n), swapAvailableBytes: value(huge) },
    writableLayer: { timestamp, fsId: { mountpoint: "/m" }, usedBytes: value(9n), inodesUsed: value(3n) },
    io: { timestamp, psi },
  });
  const usage = containerUsage(message);
  assert.deepEqual([usage.id, usage.name, usage.attempt, usage.labels], ["c1", "app", 2, { a: "b" }]);
  assert.deepEqual(usage.at, at);
  assert.equal(usage.cpu?.usageNanos, 9_007_199_254_740_993n);
  assert.equal(usage.cpu?.usageSeconds, 9_007_199.254740993);
  assert.equal(usage.cpu?.cores, 1.5);
  assert.equal(usage.cpu?.atNanos, timestamp);
  const share = { total: 2n ** 60n, avg10Percent: 1.5, avg60Percent: 2, avg300Percent: 3 };
  for (const pressure of [usage.cpu?.psi, usage.memory?.psi, usage.ioPsi])
    assert.deepEqual(pressure, { some: share, full: undefined });
  assert.equal(usage.memory?.workingSetBytes, huge);
  assert.equal(usage.memory?.availableBytes, 7n);
  assert.deepEqual(usage.swap, { at, atNanos: timestamp, usageBytes: 5n, availableBytes: huge });
  assert.deepEqual(usage.writableLayer, {
    ...{ at, atNanos: timestamp, mountpoint: "/m", usedBytes: 9n, inodesUsed: 3n },
  });
  assert.equal(usage.message, message);
});

test("placeholder values of runtimes are undefined", () => {
  const usage = containerUsage(
    fixtures.containerStats({
      cpu: { usageNanoCores: value(0n) },
      memory: { availableBytes: value(0n) },
      writableLayer: { timestamp: 0n, usedBytes: value(0n) },
      swap: undefined,
    }),
  );
  assert.equal(usage.cpu?.cores, undefined);
  assert.equal(usage.memory?.availableBytes, undefined);
  assert.equal(usage.writableLayer, undefined);
  assert.equal(usage.swap, undefined);
  assert.equal(usage.ioPsi, undefined);
  const ended = containerUsage(
    fixtures.containerStats({ cpu: undefined, memory: undefined, swap: undefined }),
  );
  assert.deepEqual([ended.cpu, ended.memory], [undefined, undefined]);
  assert.ok(ended.at instanceof Date, "the time of the writable layer");
});

test("without a limit, available bytes are undefined, whatever the runtime reports", () => {
  for (const bytes of [0n, 9_223_372_036_854_288_384n, 2n ** 63n - 1n, 2n ** 64n - 4096n])
    assert.equal(
      containerUsage(fixtures.containerStats({ memory: { availableBytes: value(bytes) } })).memory
        ?.availableBytes,
      undefined,
      `${bytes}`,
    );
  const limited = fixtures.containerStats({ memory: { availableBytes: value(2n ** 40n) } });
  assert.equal(containerUsage(limited).memory?.availableBytes, 2n ** 40n);
});

test("a pod without figures of its own has the sums of its running containers; loopback is its last interface", () => {
  const running = (cpu: bigint, memory: bigint, at: bigint) =>
    fixtures.containerStats({
      cpu: { timestamp: at, usageCoreNanoSeconds: value(cpu), usageNanoCores: value(500_000_000n) },
      memory: {
        timestamp: at,
        workingSetBytes: value(memory),
        usageBytes: value(2n * memory),
        rssBytes: undefined,
      },
    });
  const ended = fixtures.containerStats({ cpu: undefined, memory: undefined });
  const linux = {
    cpu: undefined,
    memory: undefined,
    process: undefined,
    network: {
      timestamp,
      defaultInterface: { name: "lo", rxBytes: value(1n) },
      interfaces: [{ name: "eth0", rxBytes: value(2n) }],
    },
    containers: [running(3n, 10n, timestamp), running(4n, 20n, timestamp + 5n), ended],
  };
  const usage = podUsage(fixtures.podSandboxStats({ linux }));
  assert.deepEqual(
    [usage.cpu?.usageNanos, usage.cpu?.cores, usage.cpu?.atNanos, usage.memory?.workingSetBytes],
    [7n, 1, timestamp + 5n, 30n],
  );
  assert.deepEqual([usage.memory?.usageBytes, usage.memory?.rssBytes], [60n, undefined]);
  assert.deepEqual(
    usage.network?.interfaces.map(({ name }) => name),
    ["eth0", "lo"],
  );
  const idle = podUsage(fixtures.podSandboxStats({ linux: { ...linux, containers: [ended] } }));
  assert.deepEqual([idle.cpu, idle.memory], [undefined, undefined]);
});

test("the pod is taken from the origin, otherwise from the kubelet's labels", () => {
  const labels = {
    "io.kubernetes.pod.name": "web",
    "io.kubernetes.pod.namespace": "shop",
    "io.kubernetes.pod.uid": "u1",
  };
  const message = fixtures.containerStats({ attributes: { labels } });
  const names = (usage: ReturnType<typeof containerUsage>) => [
    ...[usage.podId, usage.podName, usage.podNamespace, usage.podUid, usage.createdAt],
  ];
  assert.deepEqual(names(containerUsage(message)), [undefined, "web", "shop", "u1", undefined]);
  const origin = { podId: "p", podName: "n", podNamespace: "ns", podUid: "u", createdAt: at };
  assert.deepEqual(names(containerUsage(message, origin)), ["p", "n", "ns", "u", at]);
  const bare = fixtures.containerStats({ attributes: { labels: {} } });
  assert.deepEqual(names(containerUsage(bare)), [undefined, "", "", "", undefined]);
});

test("podUsage() converts a pod with its containers", () => {
  const usage = podUsage(
    fixtures.podSandboxStats({
      attributes: { metadata: { name: "web", namespace: "shop", uid: "u1", attempt: 1 } },
      linux: {
        network: {
          timestamp: 0n,
          defaultInterface: { name: "eth0", rxBytes: value(2n ** 63n) },
          interfaces: [{ name: "eth1", txErrors: value(4n) }],
        },
        process: { timestamp, processCount: value(3n) },
      },
    }),
  );
  assert.deepEqual([usage.name, usage.namespace, usage.uid, usage.attempt], ["web", "shop", "u1", 1]);
  assert.equal(usage.network?.at, undefined);
  assert.deepEqual(
    usage.network?.interfaces.map(({ name, rxBytes, txErrors }) => [name, rxBytes, txErrors]),
    [
      ["eth0", 2n ** 63n, 0n],
      ["eth1", undefined, 4n],
    ],
  );
  assert.equal(usage.processCount, 3n);
  assert.equal(usage.containers.length, 1);
  assert.equal(usage.containers[0]?.podId, usage.id);
  assert.equal(usage.containers[0]?.podName, "web");
});

test("podUsage() converts a Windows pod", () => {
  const usage = podUsage(
    create(PodSandboxStatsSchema, {
      attributes: { id: "w", metadata: { name: "web", namespace: "shop" } },
      windows: {
        cpu: { timestamp, usageCoreNanoSeconds: value(2_000_000_000n) },
        memory: { timestamp, workingSetBytes: value(1n), commitMemoryBytes: value(2n) },
        network: { timestamp, defaultInterface: { name: "e", rxPacketsDropped: value(3n) } },
        process: { timestamp, processCount: value(4n) },
        containers: [{ attributes: { id: "c" }, writableLayer: { timestamp, usedBytes: value(5n) } }],
      },
    }),
  );
  assert.equal(usage.cpu?.usageSeconds, 2);
  assert.deepEqual([usage.memory?.committedBytes, usage.memory?.rssBytes], [2n, undefined]);
  assert.deepEqual(usage.network?.interfaces[0]?.rxDroppedPackets, 3n);
  assert.equal(usage.processCount, 4n);
  assert.equal(usage.containers[0]?.writableLayer?.usedBytes, 5n);
  assert.equal(usage.containers[0]?.writableLayer?.inodesUsed, undefined);
});

test("empty stats do not throw", () => {
  assert.equal(podUsage(create(PodSandboxStatsSchema)).id, "");
});
