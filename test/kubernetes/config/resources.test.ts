import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, NodeFacts, PodSpec, ResourceRequirements } from "../../../src/kubernetes/index.js";
import { defaultPod, podQosClass } from "../../../src/kubernetes/index.js";
import { containerOf, plannedOf, planOf, podOf, sandboxOf } from "../../support/pod-fixtures.js";

/** A row: requests and limits, the QoS class, and cpu_shares, cpu_quota, memory_limit_in_bytes, oom_score_adj of container c. */
type Row = readonly [
  resources: ResourceRequirements | undefined,
  qos: string,
  shares: bigint,
  quota: bigint,
  memory: bigint,
  oom: bigint,
];

const rows: readonly Row[] = [
  [{ limits: { cpu: "250m", memory: "64Mi" } }, "Guaranteed", 256n, 25_000n, 67_108_864n, -997n],
  [
    { requests: { cpu: "100m", memory: "1Gi" }, limits: { memory: "2Gi" } },
    "Burstable",
    102n,
    0n,
    2_147_483_648n,
    875n,
  ],
  [undefined, "BestEffort", 2n, 0n, 0n, 1000n],
  [{ limits: { cpu: "0.5" } }, "Burstable", 512n, 50_000n, 0n, 999n],
  [{ requests: { memory: "8Gi" } }, "Burstable", 2n, 0n, 0n, 3n],
  [{ requests: { cpu: 300 } }, "Burstable", 262_144n, 0n, 0n, 999n],
  [{ limits: { memory: "100m" } }, "Burstable", 2n, 0n, 1n, 999n],
  [{ limits: { cpu: "1E", memory: "16E" } }, "Guaranteed", 262_144n, 2n ** 63n - 1n, 2n ** 63n - 1n, -997n],
  [{ requests: { cpu: "0" }, limits: { cpu: "1m" } }, "Burstable", 2n, 1000n, 0n, 999n],
];

for (const [resources, qos, shares, quota, memory, oom] of rows)
  test(`resources ${JSON.stringify(resources)}`, () => {
    const pod = podOf(containerOf(resources ? { resources } : {}));
    assert.equal(podQosClass(pod), qos);
    assert.equal(podQosClass(defaultPod(pod)), qos);
    const { linux } = plannedOf(pod).config;
    assert.equal(linux?.resources?.cpuPeriod, 100_000n);
    assert.equal(linux?.resources?.cpuShares, shares);
    assert.equal(linux?.resources?.cpuQuota, quota);
    assert.equal(linux?.resources?.memoryLimitInBytes, memory);
    assert.equal(linux?.resources?.oomScoreAdj, oom);
    assert.deepEqual(linux?.resources?.unified, { "memory.oom.group": "1" });
    const sandbox = sandboxOf(pod).linux?.resources;
    assert.deepEqual(
      [sandbox?.cpuPeriod, sandbox?.cpuShares, sandbox?.cpuQuota, sandbox?.memoryLimitInBytes],
      [100_000n, shares, quota, memory],
    );
    assert.equal(sandbox?.oomScoreAdj, 0n);
    assert.deepEqual(sandbox?.unified, { "memory.oom.group": "1" });
    assert.deepEqual(sandbox?.hugepageLimits, []);
  });

test("cgroup parents of both drivers", () => {
  const guaranteed = podOf(containerOf({ resources: { limits: { cpu: "250m", memory: "64Mi" } } }));
  const burstable = podOf(containerOf({ resources: { requests: { cpu: "100m" } } }));
  const bestEffort = podOf({}, { uid: "abc" });
  const parent = (pod: typeof burstable, node: Partial<NodeFacts>) =>
    sandboxOf(pod, node).linux?.cgroupParent;
  assert.equal(parent(guaranteed, {}), "/kubepods/pod11111111-2222-3333-4444-555555555555");
  assert.equal(parent(bestEffort, {}), "/kubepods/besteffort/podabc");
  assert.equal(
    parent(burstable, { cgroupDriver: "systemd" }),
    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice",
  );
  assert.equal(
    parent(bestEffort, { cgroupDriver: "systemd" }),
    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podabc.slice",
  );
  assert.equal(parent(bestEffort, { cgroupRoot: "/a/b" }), "/a/b/kubepods/besteffort/podabc");
  assert.equal(
    parent(bestEffort, { cgroupRoot: "/a", cgroupDriver: "systemd" }),
    "/a.slice/a-kubepods.slice/a-kubepods-besteffort.slice/a-kubepods-besteffort-podabc.slice",
  );
  assert.equal(parent(bestEffort, { cgroupDriver: undefined }), "");
});

test("a sidecar's OOM score is at most that of the regular container with the smallest request", () => {
  const requests = (memory: string) => ({ resources: { requests: { memory } } });
  const pod = podOf({
    initContainers: [containerOf({ name: "s", restartPolicy: "Always", ...requests("64Mi") })],
    containers: [containerOf({ ...requests("1Gi") }), containerOf({ name: "d", ...requests("512Mi") })],
  });
  const score = (name: string) => plannedOf(pod, {}, {}, name).config.linux?.resources?.oomScoreAdj;
  assert.deepEqual(["s", "c", "d"].map(score), [938n, 875n, 938n]);
});

test("a static pod of system-node-critical is killed last", () => {
  const spec: PodSpec = {
    priorityClassName: "system-node-critical",
    containers: [containerOf({ resources: { requests: { cpu: "100m" } } })],
  };
  const annotations = { "kubernetes.io/config.source": "file" };
  const resources = plannedOf(podOf(spec, { annotations })).config.linux?.resources;
  assert.equal(resources?.cpuShares, 102n);
  assert.equal(resources?.oomScoreAdj, -997n);
  assert.equal(plannedOf(podOf(spec)).config.linux?.resources?.oomScoreAdj, 999n);
  const priority = { ...spec, priority: 2_000_001_000 };
  assert.equal(plannedOf(podOf(priority)).config.linux?.resources?.oomScoreAdj, -997n);
});

test("pod-level resources replace the sums, and fill in missing limits of containers", () => {
  const pod = podOf({
    resources: { requests: { cpu: 1, memory: "1Gi" }, limits: { cpu: 2, memory: "2Gi" } },
    containers: [
      containerOf({ resources: { requests: { cpu: "250m", memory: "256Mi" } } }),
      containerOf({ name: "d" }),
    ],
  });
  assert.equal(podQosClass(pod), "Burstable");
  const numbers = (resources: NonNullable<ReturnType<typeof sandboxOf>["linux"]>["resources"]) => [
    resources?.cpuShares,
    resources?.cpuQuota,
    resources?.memoryLimitInBytes,
    resources?.oomScoreAdj,
  ];
  assert.deepEqual(numbers(sandboxOf(pod).linux?.resources), [1024n, 200_000n, 2_147_483_648n, 0n]);
  const of = (name: string) => numbers(plannedOf(pod, {}, {}, name).config.linux?.resources);
  assert.deepEqual(of("c"), [256n, 200_000n, 2_147_483_648n, 922n]);
  assert.deepEqual(of("d"), [2048n, 200_000n, 2_147_483_648n, 954n]);
  assert.equal(
    podQosClass({ spec: { ...pod.spec, containers: pod.spec?.containers ?? [], resources: {} } }),
    "BestEffort",
  );
});

test("status.qosClass is kept", () => {
  assert.equal(podQosClass({ ...podOf({}), status: { qosClass: "Guaranteed" } }), "Guaranteed");
});

test("sums of init containers and sidecars", () => {
  const one = (name: string, cpu: string, more: Partial<Container> = {}) =>
    containerOf({ name, resources: { requests: { cpu } }, ...more });
  const pod = podOf({
    initContainers: [
      one("i1", "100m"),
      one("s1", "200m", { restartPolicy: "Always" }),
      one("i2", "2"),
      one("s2", "300m", { restartPolicy: "Always" }),
    ],
    containers: [one("c", "500m")],
  });
  // max(500m + 500m, i2 + s1 = 2200m)
  assert.equal(sandboxOf(pod).linux?.resources?.cpuShares, 2252n);
});

test("overhead is separate, and absent overhead is an empty message", () => {
  const { linux } = sandboxOf(podOf({ overhead: { cpu: "100m", memory: "64Mi" } }));
  assert.equal(linux?.resources?.cpuShares, 2n);
  assert.equal(linux?.overhead?.cpuShares, 102n);
  assert.equal(linux?.overhead?.cpuQuota, 10_000n);
  assert.equal(linux?.overhead?.memoryLimitInBytes, 67_108_864n);
  assert.deepEqual(linux?.overhead?.unified, { "memory.oom.group": "1" });
  const none = sandboxOf(podOf({})).linux?.overhead;
  assert.equal(none?.cpuPeriod, 0n);
  assert.deepEqual(none?.unified, {});
});

test("memory.oom.group is for cgroup v2 and whole containers", () => {
  const unified = (node: Partial<NodeFacts>) => plannedOf(podOf({}), node).config.linux?.resources?.unified;
  assert.deepEqual(unified({ singleProcessOomKill: true }), {});
  assert.deepEqual(unified({ cgroupVersion: 1 }), {});
});

test("without CFS quota, neither quota nor period is sent", () => {
  const resources = plannedOf(podOf(containerOf({ resources: { limits: { cpu: 1 } } })), {
    cpuCfsQuota: false,
  });
  assert.equal(resources.config.linux?.resources?.cpuQuota, 0n);
  assert.equal(resources.config.linux?.resources?.cpuPeriod, 0n);
  assert.equal(resources.config.linux?.resources?.cpuShares, 1024n);
  const short = plannedOf(podOf(containerOf({ resources: { limits: { cpu: 1 } } })), {
    cpuCfsPeriodMicros: 10_000,
  });
  assert.equal(short.config.linux?.resources?.cpuQuota, 10_000n);
});

test("swap: NoSwap and LimitedSwap", () => {
  const pod = podOf({
    containers: [
      containerOf({ resources: { requests: { memory: "1Gi" }, limits: { memory: "2Gi" } } }),
      containerOf({ name: "d", resources: { requests: { memory: "1Gi" }, limits: { memory: "1Gi" } } }),
      containerOf({ name: "e" }),
    ],
  });
  const limited = {
    hasSwapController: true,
    swapBehavior: "LimitedSwap",
    swapBytes: 4_294_967_296n,
  } as const;
  const swap = (node: Partial<NodeFacts>) => (name: string) =>
    plannedOf(pod, node, {}, name).config.linux?.resources?.unified["memory.swap.max"];
  assert.deepEqual(["c", "d", "e"].map(swap(limited)), ["536870912", "0", "0"]);
  assert.deepEqual(["c", "d", "e"].map(swap({ hasSwapController: true })), ["0", "0", "0"]);
  assert.deepEqual(["c", "d", "e"].map(swap({})), [undefined, undefined, undefined]);
  const critical = podOf(pod.spec ?? {}, { annotations: { "kubernetes.io/config.source": "file" } });
  assert.equal(plannedOf(critical, limited).config.linux?.resources?.unified["memory.swap.max"], "0");
  const v1 = plannedOf(pod, { ...limited, cgroupVersion: 1 }).config.linux?.resources;
  assert.equal(v1?.memorySwapLimitInBytes, 2_147_483_648n);
  assert.deepEqual(v1?.unified, {});
  assert.equal(plannedOf(pod).config.linux?.resources?.memorySwapLimitInBytes, 0n);
});

test("huge pages: a limit for each size of the node", () => {
  const limits = (
    container: Partial<Container>,
    node: Partial<NodeFacts> = {},
    spec: Partial<PodSpec> = {},
  ) =>
    plannedOf(
      podOf({ ...spec, containers: [containerOf(container)] }),
      node,
    ).config.linux?.resources?.hugepageLimits.map(({ pageSize, limit }) => [pageSize, limit]);
  const some = { resources: { limits: { "hugepages-2Mi": "64Mi", memory: "1Gi" } } };
  assert.deepEqual(limits({}), [
    ["2MB", 0n],
    ["1GB", 0n],
  ]);
  assert.deepEqual(limits(some), [
    ["2MB", 67_108_864n],
    ["1GB", 0n],
  ]);
  assert.deepEqual(limits({}, { hasHugetlbController: false }), []);
  assert.deepEqual(limits(some, { hasHugetlbController: false }), [["2MB", 67_108_864n]]);
  assert.deepEqual(limits({}, {}, { resources: { limits: { "hugepages-1Gi": "1Gi" } } }), [
    ["2MB", 0n],
    ["1GB", 1_073_741_824n],
  ]);
  assert.throws(() => limits(some, { hugePageSizes: ["1GB"] }), {
    waitingReason: "CreateContainerConfigError",
    rawMessage:
      "spec.containers[0].resources.limits[hugepages-2Mi]: the node has no huge pages of this size, only 1GB",
  });
});

test("memory QoS", () => {
  const files = (resources: ResourceRequirements, memoryQos: NodeFacts["memoryQos"]) => {
    const { "memory.oom.group": _, ...unified } =
      plannedOf(podOf(containerOf({ resources })), { memoryQos }).config.linux?.resources?.unified ?? {};
    return unified;
  };
  const burstable = { requests: { memory: "1Gi" }, limits: { memory: "2Gi" } };
  // floor(1Gi + 0.9 × 1Gi), in whole pages
  const high = String(Math.trunc(Math.floor(2 ** 30 + 2 ** 30 * 0.9) / 4096) * 4096);
  assert.deepEqual(files(burstable, "off"), {});
  assert.deepEqual(files(burstable, "TieredReservation"), {
    "memory.low": "1073741824",
    "memory.high": high,
  });
  assert.deepEqual(files(burstable, "None"), { "memory.min": "0", "memory.low": "0", "memory.high": high });
  const guaranteed = { limits: { cpu: 1, memory: "1Gi" } };
  assert.deepEqual(files(guaranteed, "TieredReservation"), { "memory.min": "1073741824" });
  // Without a limit, the memory of the node counts: 7Gi.
  const free = String(Math.trunc(Math.floor(2 ** 30 + 6 * 2 ** 30 * 0.9) / 4096) * 4096);
  assert.deepEqual(files({ requests: { memory: "1Gi" } }, "TieredReservation"), {
    "memory.low": "1073741824",
    "memory.high": free,
  });
});

test("the size of a volume in memory is at most the memory of the pod", () => {
  const size = (memory: string | undefined, sizeLimit: string | undefined, medium = "Memory") => {
    const [plan] = planOf(
      podOf({
        volumes: [{ name: "v", emptyDir: { medium, ...(sizeLimit && { sizeLimit }) } }],
        containers: [containerOf(memory ? { resources: { limits: { memory } } } : {})],
      }),
    ).volumes;
    return plan?.kind === "emptyDir" ? plan.sizeLimitBytes : "no emptyDir";
  };
  assert.equal(size("1Gi", "64Mi"), 67_108_864n);
  assert.equal(size("1Gi", "2Gi"), 1_073_741_824n);
  assert.equal(size(undefined, undefined), 7_516_192_768n);
  assert.equal(size("1Gi", "64Mi", ""), undefined);
});
