// The cgroups of pods: their limits, those of the QoS classes, and what is reported where they cannot be created.
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { cpuWeight } from "../../../src/kubelet/cgroups/cgroup-files.js";
import { podLimits, qosShares } from "../../../src/kubelet/cgroups/limits.js";
import { type KubeletEvent, NodeCgroups, type NodeCgroupsParts } from "../../../src/kubelet/index.js";
import {
  type Container,
  type DefaultedPod,
  defaultPod,
  type NodeFacts,
  type PodSpec,
  removePod,
} from "../../../src/kubernetes/index.js";
import { cleanup } from "../../support/cleanup.js";
import { scripted } from "../../support/embedded.js";
import { vectorNode } from "../../support/pod-fixtures.js";
import { noFiles } from "../../support/pod-workers.js";
import { tempFolder } from "../../support/temp.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { until } from "../../support/waiting.js";

function podOf(
  containers: readonly Partial<Container>[],
  spec: Partial<PodSpec> = {},
  uid = "u1",
): DefaultedPod {
  return defaultPod({
    metadata: { name: `pod-${uid}`, namespace: "prod", uid },
    spec: {
      ...spec,
      containers: containers.map((container, index) => ({ name: `c${index}`, image: "i", ...container })),
    },
  });
}

const facts = { ...vectorNode, hasHugetlbController: false };
const guaranteed = { resources: { limits: { cpu: "250m", memory: "64Mi" } } };
const burstable = { resources: { requests: { cpu: "100m", memory: "1Gi" }, limits: { memory: "2Gi" } } };

/** Rows: a pod, and the limits of its cgroup. */
const rows: Readonly<Record<string, readonly [DefaultedPod, ReturnType<typeof podLimits>]>> = {
  Guaranteed: [
    podOf([guaranteed]),
    { cpuShares: 256n, cpuQuota: 25_000n, cpuPeriod: 100_000n, memoryBytes: 67_108_864n },
  ],
  "a limit of memory only": [
    podOf([burstable]),
    { cpuShares: 102n, cpuQuota: "unlimited", cpuPeriod: 100_000n, memoryBytes: 2_147_483_648n },
  ],
  "a container without limits": [
    podOf([burstable, { resources: { requests: { cpu: "1" } } }]),
    { cpuShares: 1126n, cpuQuota: "unlimited", cpuPeriod: 100_000n, memoryBytes: "unlimited" },
  ],
  "an init container without a limit": [
    podOf([burstable], { initContainers: [{ name: "init", image: "i" }] }),
    { cpuShares: 102n, cpuQuota: "unlimited", cpuPeriod: 100_000n, memoryBytes: "unlimited" },
  ],
  BestEffort: [
    podOf([{}]),
    { cpuShares: 2n, cpuQuota: "unlimited", cpuPeriod: 100_000n, memoryBytes: "unlimited" },
  ],
  overhead: [
    podOf([guaranteed], { overhead: { cpu: "250m", memory: "64Mi" } }),
    { cpuShares: 512n, cpuQuota: 50_000n, cpuPeriod: 100_000n, memoryBytes: 134_217_728n },
  ],
  "pod-level limits": [
    podOf([burstable, {}], {
      resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2", memory: "3Gi" } },
    }),
    { cpuShares: 1024n, cpuQuota: 200_000n, cpuPeriod: 100_000n, memoryBytes: 3_221_225_472n },
  ],
};
for (const [name, [pod, expected]] of Object.entries(rows))
  test(`limits: ${name}`, () => {
    assert.deepEqual(podLimits(pod, facts, undefined), expected);
  });

test("huge pages are limited to the requests, processes to the option", () => {
  const pod = podOf([{ resources: { limits: { cpu: "1", memory: "1Gi", "hugepages-2Mi": "4Mi" } } }]);
  const { hugePages, pids } = podLimits(pod, vectorNode, 100);
  assert.deepEqual([hugePages, pids], [{ "2MB": 4_194_304n, "1GB": 0n }, 100n]);
  assert.equal(
    podLimits(podOf([guaranteed]), { ...facts, cpuCfsQuota: false }, undefined).cpuQuota,
    "unlimited",
  );
});

test("the shares of the QoS classes are those of their pods", () => {
  const pods = [podOf([burstable]), podOf([burstable, burstable], {}, "u2"), podOf([guaranteed], {}, "u3")];
  assert.equal(qosShares(pods, "Burstable"), 307n);
  assert.equal(qosShares([], "Burstable"), 2n);
  assert.equal(qosShares(pods, "BestEffort"), 2n);
});

test("weights are the kubelet's", () => {
  assert.deepEqual([2n, 102n, 1024n, 262_144n].map(cpuWeight), [1n, 4n, 39n, 10_000n]);
});

/** Cgroups below a folder, on a node with four CPUs and 8 GiB, of which 1 GiB is reserved. */
async function nodeOf(
  t: TestContext,
  given: Partial<NodeCgroupsParts> & { readonly nodeFacts?: Partial<NodeFacts> } = {},
) {
  const { nodeFacts = {}, ...parts } = given;
  const mount = parts.mount ?? (await tempFolder(t));
  const clock = new VirtualClock();
  const events: Omit<KubeletEvent, "timeMs">[] = [];
  const pods: DefaultedPod[] = [];
  const cgroups = new NodeCgroups({
    mount,
    facts: () => ({ ...facts, ...nodeFacts }),
    node: () => ({
      metadata: { name: "node-1", uid: "node-uid" },
      status: { capacity: { cpu: "4", memory: "8Gi" }, allocatable: { cpu: "4", memory: "6Gi" } },
    }),
    reserved: { memory: "1Gi" },
    pods: () => pods,
    clock,
    record: (event) => events.push(event),
    ...parts,
  });
  const text = async (path: string) => (await readFile(join(mount, path), "utf8")).trim();
  return { mount, clock, events, pods, cgroups, text };
}

/** Creates folders with the files that the kernel would create in them. */
async function fakeCgroups(
  mount: string,
  folders: readonly string[],
  files: Readonly<Record<string, string>>,
) {
  for (const folder of folders) {
    await mkdir(join(mount, folder), { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(mount, folder, file), text);
  }
}

const tiers = ["", "kubepods", "kubepods/burstable", "kubepods/besteffort"];
const filesV1 = {
  cpu: { "cpu.shares": "1024", "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000" },
  memory: { "memory.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": "4096" },
  pids: { "pids.max": "max" },
};

async function fakeV1(mount: string, ...pods: readonly string[]) {
  for (const [controller, files] of Object.entries(filesV1))
    await fakeCgroups(
      mount,
      [...tiers, ...pods].map((folder) => `${controller}/${folder}`),
      files,
    );
}

const controllers = "cpuset cpu io memory hugetlb pids";
async function fakeV2(mount: string, ...pods: readonly string[]) {
  await fakeCgroups(mount, [...tiers, ...pods], {
    "cgroup.controllers": controllers,
    "cgroup.subtree_control": "cpu",
    "cpu.weight": "100",
    "cpu.max": "max 100000",
    "memory.max": "max",
    "memory.current": "8192",
    "pids.max": "max",
  });
}

test("version 1: the cgroups of a pod, of its class, and of all pods", async (t) => {
  const { cgroups, mount, text, pods, events } = await nodeOf(t, {
    nodeFacts: { cgroupVersion: 1 },
    podPidsLimit: 50,
  });
  await fakeV1(mount, "kubepods/burstable/podu1");
  const pod = podOf([burstable]);
  pods.push(pod);
  await cgroups.prepare(pod);
  const path = "kubepods/burstable/podu1";
  assert.equal(await text(`cpu/${path}/cpu.shares`), "102");
  assert.equal(await text(`cpu/${path}/cpu.cfs_quota_us`), "-1");
  assert.equal(await text(`memory/${path}/memory.limit_in_bytes`), "2147483648");
  assert.equal(await text(`pids/${path}/pids.max`), "50");
  assert.equal(await text("cpu/kubepods/burstable/cpu.shares"), "102");
  assert.equal(await text("cpu/kubepods/besteffort/cpu.shares"), "2");
  assert.equal(await text("memory/kubepods/memory.limit_in_bytes"), String(7 * 1024 ** 3));
  assert.equal(await text("cpu/kubepods/cpu.shares"), "4096");
  assert.deepEqual(await cgroups.memory(pod), { limitBytes: 2_147_483_648n, usageBytes: 4096n });
  assert.equal(existsSync(join(mount, "hugetlb")), false);
  assert.deepEqual(events, []);
});

test("version 2: controllers are passed on, and limits have their files", async (t) => {
  const { cgroups, mount, text, pods, events } = await nodeOf(t, { podPidsLimit: 50 });
  await fakeV2(mount, "kubepods/podu1");
  const pod = podOf([guaranteed]);
  pods.push(pod);
  await cgroups.prepare(pod);
  assert.equal(await text("kubepods/podu1/cpu.weight"), "10");
  assert.equal(await text("kubepods/podu1/cpu.max"), "25000 100000");
  assert.equal(await text("kubepods/podu1/memory.max"), "67108864");
  assert.equal(await text("kubepods/podu1/pids.max"), "50");
  assert.equal(await text("kubepods/memory.max"), String(7 * 1024 ** 3));
  for (const folder of ["", "kubepods/"])
    assert.match(await text(`${folder}cgroup.subtree_control`), /\+cpuset \+io \+memory \+pids \+hugetlb$/);
  assert.equal(await text("kubepods/podu1/cgroup.subtree_control"), "cpu");
  assert.deepEqual(await cgroups.memory(pod), { limitBytes: 67_108_864n, usageBytes: 8192n });
  assert.deepEqual(events, []);
});

test("raise lowers nothing, set does", async (t) => {
  const { cgroups, mount, text } = await nodeOf(t);
  await fakeV2(mount, "kubepods/podu1");
  const of = (cpu: string, memory: string) => podOf([{ resources: { limits: { cpu, memory } } }]);
  await cgroups.prepare(of("1", "64Mi"));
  const values = async () => [
    await text("kubepods/podu1/cpu.weight"),
    await text("kubepods/podu1/cpu.max"),
    await text("kubepods/podu1/memory.max"),
  ];
  await cgroups.raise(of("2", "32Mi"), "memory");
  assert.deepEqual(await values(), ["39", "100000 100000", "67108864"]);
  await cgroups.raise(of("2", "32Mi"), "cpu");
  assert.deepEqual(await values(), ["79", "200000 100000", "67108864"]);
  await cgroups.set(of("2", "32Mi"), "memory");
  assert.deepEqual(await values(), ["79", "200000 100000", "33554432"]);
  await cgroups.raise(of("500m", "16Mi"), "cpu");
  assert.deepEqual(await values(), ["79", "200000 100000", "33554432"]);
  await cgroups.set(of("500m", "16Mi"), "cpu");
  assert.deepEqual(await values(), ["20", "50000 100000", "33554432"]);
});

test("the class is weighed when pods come, and each minute", async (t) => {
  const { cgroups, mount, text, pods, clock } = await nodeOf(t, { nodeFacts: { cgroupVersion: 1 } });
  await fakeV1(mount, "kubepods/burstable/podu1", "kubepods/burstable/podu2");
  const weight = () => text("cpu/kubepods/burstable/cpu.shares");
  const stop = new AbortController();
  const loop = cgroups.run(stop.signal);
  for (const uid of ["u1", "u2"]) {
    pods.push(podOf([burstable], {}, uid));
    await cgroups.prepare(podOf([burstable], {}, uid));
  }
  assert.equal(await weight(), "204");
  pods.pop();
  await clock.whenSleeping(1);
  await clock.advance(60_000);
  await until(async () => (await weight()) === "102", "the new weight");
  stop.abort(new Error("the kubelet closes"));
  await loop;
});

test("a folder that cannot be written is one event of the node; with systemd, another one", async (t) => {
  const { cgroups, events } = await nodeOf(t, { mount: "/proc/self/nothing" });
  for (const uid of ["u1", "u2"]) await cgroups.prepare(podOf([guaranteed], {}, uid));
  assert.deepEqual(
    events.map(({ type, reason, object }) => [type, reason, object.kind]),
    [["Normal", "PodCgroupsUnlimited", "Node"]],
  );
  const systemd = await nodeOf(t, { nodeFacts: { cgroupDriver: "systemd" } });
  for (const uid of ["u1", "u2"]) await systemd.cgroups.prepare(podOf([guaranteed], {}, uid));
  assert.match(systemd.events[0]?.message ?? "", /left to systemd/);
  assert.equal(systemd.events.length, 1);
  const unknown = await nodeOf(t, { nodeFacts: { cgroupDriver: undefined } });
  await unknown.cgroups.prepare(podOf([guaranteed]));
  assert.deepEqual([unknown.events, await unknown.cgroups.memory(podOf([guaranteed]))], [[], undefined]);
});

test("a limit that the kernel refuses is an event of the pod, once", async (t) => {
  const { cgroups, mount, events } = await nodeOf(t);
  await fakeV2(mount, "kubepods/podu1");
  const file = join(mount, "kubepods/podu1/memory.max");
  await chmod(file, 0o600);
  await writeFile(file, "");
  await mkdir(join(mount, "kubepods/podu2/memory.max"), { recursive: true });
  for (let time = 0; time < 2; time++) await cgroups.prepare(podOf([guaranteed], {}, "u2"));
  assert.deepEqual(
    events.map(({ type, reason, object }) => [type, reason, object.name]),
    [["Warning", "FailedToCreatePodContainer", "pod-u2"]],
  );
});

const mount = "/sys/fs/cgroup";
const onVersion1 = {
  skip:
    (process.geteuid?.() !== 0 || !existsSync(`${mount}/memory/memory.limit_in_bytes`)) &&
    "needs root and cgroup v1",
};

test(
  "on this machine: cgroups with limits, which are removed with the pod and with the kubelet",
  onVersion1,
  async (t) => {
    const root = `/cri-sdk-test-${process.pid}`;
    const nodeFacts = { cgroupVersion: 1, cgroupDriver: "cgroupfs", cgroupRoot: root } as const;
    const { cgroups, text, events, pods } = await nodeOf(t, { mount, nodeFacts, podPidsLimit: 77 });
    const pod = podOf([guaranteed], {}, `u${process.pid}`);
    pods.push(pod);
    const stop = new AbortController();
    const loop = cgroups.run(stop.signal);
    cleanup(t, async () => {
      stop.abort(new Error("the test ends"));
      await loop;
    });
    await cgroups.prepare(pod);
    const folder = `${root}/kubepods/pod${pod.metadata.uid}`;
    assert.deepEqual(events, []);
    assert.equal(await text(`memory${folder}/memory.limit_in_bytes`), "67108864");
    assert.equal(await text(`cpu${folder}/cpu.cfs_quota_us`), "25000");
    assert.equal(await text(`pids${folder}/pids.max`), "77");
    assert.equal(await text(`cpu${root}/kubepods/besteffort/cpu.shares`), "2");
    assert.equal((await cgroups.memory(pod))?.limitBytes, 67_108_864n);
    const { cri } = await scripted(t);
    await removePod(pod, { runtime: cri.runtime, files: noFiles }, { node: nodeFacts });
    assert.equal(existsSync(`${mount}/memory${folder}`), false);
    assert.equal(existsSync(`${mount}/memory${root}/kubepods`), true);
    stop.abort(new Error("the kubelet ends"));
    await loop;
    for (const controller of ["cpu", "memory", "pids"]) {
      const above = `${mount}/${controller}${root}`;
      const folders = readdirSync(above, { withFileTypes: true }).filter((entry) => entry.isDirectory());
      assert.deepEqual(folders, [], controller);
      rmdirSync(above);
    }
  },
);
