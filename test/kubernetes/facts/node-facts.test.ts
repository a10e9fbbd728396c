import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { nodeAddresses } from "../../../src/kubernetes/facts/addresses.js";
import { HostFiles } from "../../../src/kubernetes/facts/host-files.js";
import { nodeFacts, readNodeFacts } from "../../../src/kubernetes/facts/node-facts.js";
import { defaultPod, podConfigs } from "../../../src/kubernetes/index.js";
import { scripted } from "../../support/embedded.js";
import { podOf, vectorNode } from "../../support/pod-fixtures.js";
import { tempFolder } from "../../support/temp.js";

/** Returns a vector of the kernel with these pairs, as /proc/self/auxv has it. */
function auxiliaryVector(...pairs: readonly (readonly [bigint, bigint])[]): Buffer {
  const vector = Buffer.alloc(16 * (pairs.length + 1));
  for (const [index, [key, value]] of pairs.entries()) {
    vector.writeBigUInt64LE(key, 16 * index);
    vector.writeBigUInt64LE(value, 16 * index + 8);
  }
  return vector;
}

async function hostOf(t: TestContext, files: Readonly<Record<string, string | Buffer>>): Promise<HostFiles> {
  const root = await tempFolder(t);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return new HostFiles(root);
}

const noOptions = {};

/** A runtime that is never asked. */
const noRuntime: Parameters<typeof nodeFacts>[0] = {
  features: () => assert.fail("Status was called"),
  get runtime(): never {
    return assert.fail("a client was used");
  },
};
const ofRuntime = {
  cgroupDriver: "systemd",
  runtimeFeatures: vectorNode.runtimeFeatures,
  runtimeHandlers: vectorNode.runtimeHandlers,
  runtimeName: "containerd",
} as const;

const version2 = {
  "/proc/meminfo": "MemTotal:       8388608 kB\nMemFree: 1 kB\nSwapTotal:      4194304 kB\n",
  "/proc/self/cgroup": "0::/user.slice/x\n",
  "/proc/self/auxv": auxiliaryVector([33n, 1n], [6n, 16_384n]),
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
  "/sys/fs/cgroup/user.slice/x/memory.swap.max": "max\n",
  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "16\n",
  "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": "0\n",
  "/sys/devices/system/cpu/cpu10/thermal_throttle/x": "",
  "/sys/devices/system/cpu/cpu2/thermal_throttle/x": "",
  "/sys/devices/system/cpu/cpu3/x": "",
  "/sys/devices/system/cpu/cpufreq/thermal_throttle/x": "",
  "/sys/fs/selinux/enforce": "1",
  "/etc/resolv.conf": "nameserver 127.0.0.53\noptions edns0\n",
  "/run/systemd/resolve/resolv.conf": "nameserver 10.0.0.1\n",
  "/etc/hosts": "127.0.0.1 localhost\n",
};

test("a node with cgroup v2", async (t) => {
  const facts = await readNodeFacts(noRuntime, ofRuntime, noOptions, await hostOf(t, version2));
  assert.equal(facts.memoryBytes, 8_589_934_592n);
  assert.equal(facts.swapBytes, 4_294_967_296n);
  assert.equal(facts.cgroupVersion, 2);
  assert.equal(facts.singleProcessOomKill, false);
  assert.equal(facts.hasHugetlbController, true);
  assert.equal(facts.hasSwapController, true);
  assert.deepEqual(facts.hugePageSizes, ["1GB", "2MB"]);
  assert.equal(facts.pageSizeBytes, 16_384);
  assert.equal(facts.selinux, true);
  assert.deepEqual(facts.thermalThrottlePaths, [
    "/sys/devices/system/cpu/cpu2/thermal_throttle",
    "/sys/devices/system/cpu/cpu10/thermal_throttle",
  ]);
  assert.equal(facts.resolvConf, "nameserver 10.0.0.1\n");
  assert.equal(facts.hostsFile, "127.0.0.1 localhost\n");
  // 8 GiB without 100 MiB for evictions and 32 MiB of huge pages.
  assert.equal(facts.allocatable.memory, String(8_589_934_592n - 104_857_600n - 33_554_432n));
  assert.equal(facts.allocatable["hugepages-2Mi"], "33554432");
  assert.equal(facts.allocatable["hugepages-1Gi"], "0");
  assert.ok(Number(facts.allocatable.cpu) >= 1);
  assert.ok(BigInt(facts.allocatable["ephemeral-storage"] ?? 0) > 0n);
  const { cgroupDriver, runtimeName, rootDir, podLogsDir, swapBehavior, clusterDns } = facts;
  assert.deepEqual(
    { cgroupDriver, runtimeName, rootDir, podLogsDir, swapBehavior, clusterDns },
    {
      cgroupDriver: "systemd",
      runtimeName: "containerd",
      rootDir: "/var/lib/kubelet",
      podLogsDir: "/var/log/pods",
      swapBehavior: "NoSwap",
      clusterDns: [],
    },
  );
});

test("a node with cgroup v1", async (t) => {
  const facts = await readNodeFacts(
    noRuntime,
    ofRuntime,
    noOptions,
    await hostOf(t, {
      "/proc/self/cgroup": "4:memory:/x\n1:name=systemd:/\n0::/\n",
      "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": "",
      "/sys/fs/cgroup/hugetlb/tasks": "",
      "/sys/fs/cgroup/unified/cgroup.controllers": "",
      "/etc/resolv.conf": "nameserver 127.0.0.53\nnameserver 1.1.1.1\n",
    }),
  );
  assert.equal(facts.cgroupVersion, 1);
  assert.equal(facts.singleProcessOomKill, true);
  assert.deepEqual([facts.hasHugetlbController, facts.hasSwapController], [true, true]);
  assert.equal(facts.resolvConf, "nameserver 127.0.0.53\nnameserver 1.1.1.1\n");
});

test("what cannot be read is absent", async (t) => {
  const facts = await readNodeFacts(
    noRuntime,
    ofRuntime,
    noOptions,
    await hostOf(t, { "/proc/self/cgroup": "0::/\n" }),
  );
  assert.equal(facts.cgroupVersion, 2);
  assert.deepEqual(
    [facts.hasHugetlbController, facts.hasSwapController, facts.selinux],
    [false, false, false],
  );
  assert.deepEqual([facts.hugePageSizes, facts.thermalThrottlePaths], [[], []]);
  assert.deepEqual([facts.resolvConf, facts.hostsFile], ["", ""]);
  assert.equal(facts.pageSizeBytes, 4096);
  assert.equal(facts.memoryBytes, 0n);
});

test("every fact can be given", async () => {
  const given = { ...vectorNode, cgroupVersion: 1, singleProcessOomKill: false } as const;
  assert.deepEqual(await nodeFacts(noRuntime, given), given);
  const without = { ...given, resolvConf: undefined, cgroupDriver: undefined };
  assert.deepEqual(await nodeFacts(noRuntime, without), without);
  const dependent = await nodeFacts(noRuntime, { ...ofRuntime, cgroupVersion: 1 });
  assert.equal(dependent.singleProcessOomKill, true);
});

test("overrides are checked", async () => {
  // @ts-expect-error a misspelt fact
  await assert.rejects(async () => nodeFacts(noRuntime, { nodename: "x" }), /nodename is not an option/);
  await assert.rejects(async () => nodeFacts(noRuntime, { rootDir: "x" }), {
    rawMessage: 'nodeFacts: overrides.rootDir must be an absolute path, got "x"',
  });
});

test("this node with the embedded runtime, and the configs from it", async (t) => {
  const { cri } = await scripted(t);
  const facts = await nodeFacts(cri);
  const { runtimeName } = await cri.version();
  assert.equal(facts.runtimeName, runtimeName);
  assert.ok(facts.runtimeHandlers[""]);
  assert.ok(facts.memoryBytes > 0n);
  const { sandbox, containers } = podConfigs(defaultPod(podOf({ hostNetwork: true })), facts);
  assert.notEqual(sandbox.linux?.cgroupParent, "");
  assert.equal(containers[0]?.files.hosts?.content.includes("host network"), true);
});

const address = (one: string) => ({
  address: one,
  netmask: "",
  mac: "",
  internal: one === "127.0.0.1" || one === "::1",
  cidr: null,
  ...(one.includes(":") ? ({ family: "IPv6", scopeid: 0 } as const) : ({ family: "IPv4" } as const)),
});

test("the addresses of a node are those of the default routes", async (t) => {
  const interfaces = {
    lo: ["127.0.0.1", "::1"].map(address),
    cni0: ["10.88.0.1"].map(address),
    eth1: ["192.0.2.1", "fe80::1", "2001:db8::1"].map(address),
    eth0: ["192.0.2.2"].map(address),
  };
  const header = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
  const route = (name: string, destination: string, metric: number, mask: string) =>
    `${name}\t${destination}\t010200C0\t0003\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;
  const zeros = "0".repeat(32);
  const route6 = (name: string, prefix: string, metric: string) =>
    `${zeros} ${prefix} ${zeros} 00 ${zeros} ${metric} 00000001 00000000 00000003     ${name}\n`;
  const files = await hostOf(t, {
    "/proc/net/route":
      header +
      route("cni0", "0000580A", 0, "0000FFFF") +
      route("eth0", "00000000", 200, "00000000") +
      route("eth1", "00000000", 100, "00000000"),
    "/proc/net/ipv6_route": route6("lo", "00", "00000000") + route6("eth1", "00", "00000400"),
  });
  assert.deepEqual(await nodeAddresses(files, interfaces), ["192.0.2.1", "2001:db8::1"]);
  assert.deepEqual(await nodeAddresses(await hostOf(t, {}), interfaces), ["10.88.0.1"]);
  assert.deepEqual(await nodeAddresses(await hostOf(t, {}), { lo: interfaces.lo }), ["127.0.0.1"]);
});
