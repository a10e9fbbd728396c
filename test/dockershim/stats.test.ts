// Stats from recorded files of cgroup v1 and v2.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CpuRate } from "../../examples/dockershim/stats/cpu-rate.js";
import { Stats } from "../../examples/dockershim/stats/stats.js";
import { Tracker } from "../../examples/dockershim/stats/tracker.js";
import { container, filesOfV1, filesOfV2, id, kernelFolders, netDev, pod } from "./stats-trees.js";

type Folders = Awaited<ReturnType<typeof kernelFolders>>["folders"];

const newStats = (folders: Folders) => new Stats(new Tracker(folders));

/** The values of a message, without wrappers and times. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, one]) => key !== "timestamp" && one !== undefined);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === "value") return first[1];
  return Object.fromEntries(entries.map(([key, one]) => [key, plain(one)]));
}

const memory = {
  workingSetBytes: 1_277_952n,
  availableBytes: 65_830_912n,
  usageBytes: 9_469_952n,
  rssBytes: 114_688n,
  pageFaults: 1240n,
  majorPageFaults: 2n,
};
const swap = { swapAvailableBytes: 67_088_384n, swapUsageBytes: 20_480n };
const psi = (some: bigint, full: bigint) => ({
  Some: { Total: some, Avg10: 1.57, Avg60: 1.39, Avg300: 0.91 },
  Full: { Total: full, Avg10: 0.5, Avg60: 0.25, Avg300: 0.1 },
});

test("a container in cgroup v1 has CPU, memory and swap", async (t) => {
  const { write, folders } = await kernelFolders(t);
  await write(filesOfV1(10, `/docker/${id("a")}`));
  const [stats] = await newStats(folders).containers([container("a", 10)]);
  assert.deepEqual(plain(stats), {
    attributes: {
      id: id("a"),
      metadata: { name: "c-a", attempt: 0 },
      labels: { app: "a" },
      annotations: { note: "a" },
    },
    cpu: { usageCoreNanoSeconds: 29_687_668n },
    memory,
    swap,
  });
  const ageMs = Date.now() - Number((stats?.cpu.timestamp ?? 0n) / 1_000_000n);
  assert.ok(ageMs >= 0 && ageMs < 10_000, `${ageMs}`);
});

test("a container in cgroup v2 has the same, and pressure in nanoseconds", async (t) => {
  const { write, folders } = await kernelFolders(t);
  await write(filesOfV2(10, `/system.slice/docker-${id("a")}.scope`));
  const [stats] = await newStats(folders).containers([container("a", 10)]);
  assert.deepEqual(plain(stats?.cpu), {
    usageCoreNanoSeconds: 4_024_000_000n,
    psi: psi(9_181_464_000n, 9_123_730_000n),
  });
  assert.deepEqual(plain(stats?.memory), { ...memory, psi: psi(2_000_000_000n, 1_000_000_000n) });
  assert.deepEqual(plain(stats?.swap), swap);
  assert.deepEqual(plain(stats?.io), { psi: psi(4_000_000_000n, 3_000_000_000n) });
});

test("without limits, nothing is available of; without a controller, its message is unset", async (t) => {
  const { root, write, folders } = await kernelFolders(t);
  const [a, b, c, d] = ["a", "b", "c", "d"].map((letter) => `/docker/${id(letter)}`) as [
    string,
    string,
    string,
    string,
  ];
  await write({
    ...filesOfV1(10, a),
    [`cgroup/memory${a}/memory.limit_in_bytes`]: "9223372036854771712\n",
    [`cgroup/memory${a}/memory.memsw.limit_in_bytes`]: "9223372036854771712\n",
    ...filesOfV2(20, b),
    [`cgroup${b}/memory.max`]: "max\n",
    [`cgroup${b}/memory.swap.max`]: "max\n",
    ...filesOfV1(30, c),
    ...filesOfV2(40, d),
  });
  await rm(join(root, `cgroup/memory${c}`), { recursive: true });
  await rm(join(root, `cgroup${d}/memory.swap.current`));
  const stats = await newStats(folders).containers([
    container("a", 10),
    container("b", 20),
    container("c", 30),
    container("d", 40),
  ]);
  assert.deepEqual(
    stats.map((one) => [one.memory?.workingSetBytes.value, one.memory?.availableBytes, plain(one.swap)]),
    [
      [1_277_952n, undefined, { swapUsageBytes: 20_480n }],
      [1_277_952n, undefined, { swapUsageBytes: 20_480n }],
      [undefined, undefined, undefined],
      [1_277_952n, { value: 65_830_912n }, undefined],
    ],
  );
});

test("the cgroup is found for both drivers, several controllers in one mount, and a process in a nested cgroup", async (t) => {
  const { write, folders } = await kernelFolders(t);
  const slice = `/kubepods.slice/kubepods-pod1.slice/docker-${id("a")}.scope`;
  await write({
    ...filesOfV1(10, slice),
    "proc/10/cgroup": `4:cpu,cpuacct:${slice}\n3:memory:${slice}\n1:name=systemd:${slice}/init.scope\n`,
    ...filesOfV2(20, `/docker/${id("b")}`),
    "proc/20/cgroup": `0::/docker/${id("b")}/init\n`,
  });
  const stats = await newStats(folders).containers([container("a", 10), container("b", 20)]);
  assert.deepEqual(
    stats.map(({ cpu, memory }) => [cpu.usageCoreNanoSeconds.value, memory?.usageBytes.value]),
    [
      [29_687_668n, 9_469_952n],
      [4_024_000_000n, 9_469_952n],
    ],
  );
});

test("containers that have ended are left out: no process, its number used again, its cgroup removed", async (t) => {
  const { root, write, folders } = await kernelFolders(t);
  await write({ ...filesOfV1(10, `/docker/${id("a")}`), ...filesOfV1(20, `/docker/${id("b")}`) });
  await write({ "proc/30/cgroup": "2:cpuacct:/user.slice\n" });
  const stats = newStats(folders);
  const list = async () => {
    const all = [container("a", 10), container("b", 20), container("c", 30), container("d", 40)];
    return (await stats.containers(all)).map(({ attributes }) => attributes.metadata.name);
  };
  assert.deepEqual(await list(), ["c-a", "c-b"]);
  await rm(join(root, `cgroup/cpuacct/docker/${id("a")}`), { recursive: true });
  assert.deepEqual(await list(), ["c-b"]);
  await rm(join(root, "proc/20"), { recursive: true });
  assert.deepEqual(await list(), []);
  assert.deepEqual(await stats.pods([pod("a", 10, []), pod("d", 40, [])]), []);
});

test("a pod is the sum of its pause container and its members, with their processes and the pod's network", async (t) => {
  const { write, folders } = await kernelFolders(t);
  const parent = "/shared";
  await write({
    ...filesOfV1(10, `${parent}/${id("a")}`),
    ...filesOfV1(20, `${parent}/${id("b")}`),
    [`cgroup/cpuacct${parent}/${id("b")}/nested/cgroup.procs`]: "77\n78\n79\n",
    "proc/10/net/dev": netDev,
  });
  const [stats] = await newStats(folders).pods([pod("a", 10, [container("b", 20), container("c", 30)])]);
  assert.equal(stats?.attributes.metadata.namespace, "shop");
  assert.deepEqual(plain(stats?.linux.cpu), { usageCoreNanoSeconds: 59_375_336n });
  assert.deepEqual(plain(stats?.linux.memory), {
    ...{ workingSetBytes: 2_555_904n, usageBytes: 18_939_904n, rssBytes: 229_376n },
    ...{ pageFaults: 2480n, majorPageFaults: 4n },
  });
  assert.equal(stats?.linux.process.processCount.value, 7n);
  assert.deepEqual(
    stats?.linux.containers.map(({ attributes }) => attributes.id),
    [id("b")],
  );
  assert.deepEqual(plain(stats?.linux.network?.defaultInterface), {
    ...{ name: "eth0", rxBytes: 14_812_345_678n, rxErrors: 2n, txBytes: 4567n, txErrors: 4n },
  });
  assert.deepEqual(
    stats?.linux.network?.interfaces.map(({ name }) => name),
    ["net1"],
  );
});

test("a pod's own cgroup is used if a kubelet has made one, with either driver", async (t) => {
  const { write, folders } = await kernelFolders(t);
  const cgroupfs = "/kubepods/burstable/pod9d2e-77";
  const systemd = "/kubepods.slice/kubepods-pod9d2e_77.slice";
  const ofPod = (files: Record<string, string>) =>
    Object.fromEntries(Object.entries(files).filter(([path]) => !path.startsWith("proc/")));
  await write({
    ...filesOfV1(10, `${cgroupfs}/${id("a")}`),
    ...ofPod(filesOfV1(0, cgroupfs)),
    [`cgroup/cpuacct${cgroupfs}/cpuacct.usage`]: "777\n",
    ...filesOfV2(20, `${systemd}/docker-${id("b")}.scope`),
    ...ofPod(filesOfV2(0, systemd)),
    [`cgroup${systemd}/cpu.stat`]: "usage_usec 888\n",
  });
  const [one, other] = await newStats(folders).pods([
    pod("a", 10, []),
    { ...pod("b", 20, []), hostNetwork: true },
  ]);
  assert.deepEqual(plain(one?.linux.cpu), { usageCoreNanoSeconds: 777n });
  assert.equal(one?.linux.memory?.availableBytes?.value, 65_830_912n);
  assert.equal(other?.linux.cpu.usageCoreNanoSeconds.value, 888_000n);
  assert.equal(other?.linux.io?.psi.Some?.Total, 4_000_000_000n);
  assert.equal(other?.linux.network, undefined);
});

test("the rate of CPU time is that between readings at least a second apart", () => {
  const rate = new CpuRate();
  assert.equal(rate.next(5_000n, 100), undefined);
  assert.equal(rate.next(900_000_000n, 600), undefined, "too early for a rate");
  assert.equal(rate.next(3_000_005_000n, 2_100), 1_500_000_000n);
  assert.equal(rate.next(9_000_000_000n, 2_500), 1_500_000_000n, "too early for another one");
  assert.equal(rate.next(3_000_005_000n, 3_100), 0n);
  assert.equal(rate.next(7n, 9_000), undefined, "a member of the pod has ended");
  assert.equal(rate.next(500_000_007n, 10_000), 500_000_000n);
});
