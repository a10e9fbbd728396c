// What keeps the node of a kubelet usable, on a real runtime: rotation of logs, garbage collection, limits of volumes, a full disk.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ImageGarbageCollection } from "../../src/kubelet/garbage/index.js";
import { createKubelet, type Kubelet, type KubeletOptions } from "../../src/kubelet/index.js";
import { defaultPod, type Pod, type PodSpec, systemClock } from "../../src/kubernetes/index.js";
import { readLogs, rotatedLogs } from "../../src/logs/index.js";
import { kubeletPodOf } from "../support/kubelet-pods.js";
import { ListSource } from "../support/kubelets.js";
import { mountSmallDisk } from "../support/small-disk.js";
import { until, within } from "../support/waiting.js";
import type { Subject } from "./support.js";

const namespace = "kubelet-house";

/** A kubelet with a root folder of its own, which is removed at the end of its scope. */
async function houseOf(
  { cri, running }: Subject,
  options: Partial<KubeletOptions>,
  rootDir = join(running.dir, `kubelet-house-${randomUUID().slice(0, 8)}`),
) {
  await mkdir(rootDir, { recursive: true });
  const source = new ListSource("list", []);
  const podLogsDir = join(rootDir, "logs");
  const kubelet = await createKubelet({
    cri,
    rootDir,
    podLogsDir,
    nodeName: "house",
    node: { cgroupRoot: running.cgroupParent },
    sources: [source],
    imageGarbageCollection: false,
    eviction: false,
    ...options,
  });
  return {
    kubelet,
    source,
    rootDir,
    podLogsDir,
    add: (pod: Pod) => source.set(...kubelet.pods().map((known) => known.pod), pod),
    async [Symbol.asyncDispose]() {
      await kubelet.stop({ gracePeriodSeconds: 1, timeoutMs: 60_000 });
      const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
      const left = mounts.filter((line) => line.includes(`${rootDir}/`));
      assert.deepEqual(left, [], "mounts were left");
      await rm(rootDir, { recursive: true, force: true });
    },
  };
}

function podOf({ running }: Subject, name: string, command: string, spec: Partial<PodSpec> = {}): Pod {
  return defaultPod({
    metadata: { name, namespace, uid: randomUUID() },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...spec,
      containers: [
        {
          name: "main",
          image: running.images.busybox,
          command: ["sh", "-c", command],
          volumeMounts: (spec.volumes ?? []).map((volume) => ({
            name: volume.name,
            mountPath: `/${volume.name}`,
          })),
        },
      ],
    },
  });
}

/** Waits until a container of the pod runs, and returns it. */
async function containerOf(kubelet: Kubelet, name: string) {
  const running = () =>
    kubelet.pod(namespace, name)?.observed.containers.find(({ state }) => state === "running");
  await kubelet.waitFor(() => running() !== undefined, { timeoutMs: 60_000 });
  return running();
}

const sleepForever = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

export function kubeletHouseCases(subject: () => Subject): void {
  test("kubelet: a follower of a log that is rotated receives every line once", async (t) => {
    const lines = 20_000;
    const logRotation = { maxBytes: 50_000, maxFiles: 30, intervalMs: 100 };
    await using house = await houseOf(subject(), { logRotation });
    const print = `i=0; while [ $i -lt ${lines} ]; do echo "line $i of the log"; i=$((i+1)); [ $((i % 500)) -eq 0 ] && sleep 0.05; done; ${sleepForever}`;
    house.add(podOf(subject(), "printer", print));
    const path = (await containerOf(house.kubelet, "printer"))?.logPath ?? "";
    assert.ok(path.startsWith(house.podLogsDir), path);
    let next = 0;
    const follow = async () => {
      for await (const { text } of readLogs(path, { follow: true, wait: true, includeRotated: true })) {
        assert.equal(text, `line ${next} of the log`);
        if (++next === lines) return;
      }
    };
    await within(120_000, follow(), "the last line");
    const rotated = await rotatedLogs(path);
    t.diagnostic(`${rotated.length} rotations`);
    assert.ok(rotated.length > 1, "the log was not rotated");
    await until(
      async () => (await rotatedLogs(path)).slice(0, -1).every(({ compressed }) => compressed),
      "older files are compressed",
    );
    let all = 0;
    for await (const _entry of readLogs(path, { includeRotated: true })) all++;
    assert.equal(all, lines);
  });

  test("kubelet: at most maxFiles files of a log remain", async () => {
    await using house = await houseOf(subject(), {
      logRotation: { maxBytes: 2_000, maxFiles: 3, intervalMs: 100 },
    });
    house.add(
      podOf(
        subject(),
        "talker",
        "while :; do echo 0123456789012345678901234567890123456789; sleep 0.01; done",
      ),
    );
    const path = (await containerOf(house.kubelet, "talker"))?.logPath ?? "";
    await until(async () => (await rotatedLogs(path)).some(({ compressed }) => compressed), "three files");
    const oldest = (await rotatedLogs(path))[0]?.path;
    await until(async () => (await rotatedLogs(path))[0]?.path !== oldest, "the oldest file is removed");
    assert.ok((await rotatedLogs(path)).length <= 2);
  });

  test("kubelet: dead containers of a pod that has ended are collected, but the last one, with its log", async () => {
    const { cri } = subject();
    await using house = await houseOf(subject(), {
      garbageCollection: { intervalMs: 300 },
      backOff: { firstMs: 50, maxMs: 50 },
    });
    const volumes = [{ name: "work", emptyDir: {} }];
    const failTwice = "echo x >> /work/runs; echo run; [ $(wc -l < /work/runs) -ge 3 ]";
    house.add(podOf(subject(), "job", failTwice, { restartPolicy: "OnFailure", volumes }));
    const { kubelet, podLogsDir } = house;
    await kubelet.waitFor(() => kubelet.pod(namespace, "job")?.status.phase === "Succeeded", {
      timeoutMs: 60_000,
    });
    const uid = kubelet.pod(namespace, "job")?.pod.metadata.uid ?? "";
    const containers = async () =>
      await cri.lists.containers({ labelSelector: { "io.kubernetes.pod.uid": uid } }).collect();
    await until(async () => (await containers()).length === 1, "one container remains");
    const logs = join(podLogsDir, `${namespace}_job_${uid}`, "main");
    await until(async () => (await readdir(logs)).length === 1, "one log remains");
    assert.deepEqual(await readdir(logs), ["2.log"]);
    house.source.set();
    await until(async () => (await containers()).length === 0, "nothing of a removed pod remains");
    await until(async () => (await readdir(podLogsDir)).length === 0, "no log of a removed pod remains");
  });

  test("kubelet: a runtime that hangs makes the node not ready, and its pods go on when it answers again", async () => {
    const { runtime } = subject();
    await using house = await houseOf(subject(), {
      relist: { statusMs: 300, downAfterMs: 2_000, unhealthyAfterMs: 2_500, eventedMs: 500 },
    });
    const { kubelet } = house;
    house.add(podOf(subject(), "patient", sleepForever));
    const before = await containerOf(kubelet, "patient");
    await kubelet.waitUntilReady({ timeoutMs: 60_000 });
    process.kill(runtime.pid, "SIGSTOP");
    try {
      const message = () =>
        kubelet.node().status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "";
      await kubelet.waitFor(() => /container runtime is down.*PLEG is not healthy/.test(message()), {
        timeoutMs: 60_000,
      });
    } finally {
      process.kill(runtime.pid, "SIGCONT");
    }
    await kubelet.waitUntilReady({ timeoutMs: 60_000 });
    assert.equal((await containerOf(kubelet, "patient"))?.id, before?.id);
  });

  test("kubelet: unused images go, and those that are in use or named by a Pod stay", async () => {
    const { cri, running } = subject();
    await using house = await houseOf(subject(), {});
    house.add(podOf(subject(), "user", sleepForever));
    await containerOf(house.kubelet, "user");
    await cri.images.pull(running.images.tiny);
    // Other tests need the other images.
    const others = (await cri.images.list()).filter(({ names }) => !names.includes(running.images.tiny));
    const pods = [
      kubeletPodOf({
        uid: "others",
        spec: { containers: others.map(({ id }, index) => ({ name: `c${index}`, image: id })) },
      }),
    ];
    const view = { cri, clock: systemClock, nodeName: "house", pods: () => pods, record: () => undefined };
    const collector = new ImageGarbageCollection({ view }, { minAgeMs: 0 });
    const { signal } = new AbortController();
    assert.ok((await collector.removeUnused(signal)) > 0n);
    const left = (await cri.images.list()).map(({ id }) => id);
    assert.deepEqual(left.sort(), others.map(({ id }) => id).sort());
  });

  test("kubelet: a pod that exceeds the sizeLimit of its emptyDir is evicted", async () => {
    await using house = await houseOf(subject(), { eviction: { hard: {}, intervalMs: 300 } });
    const volumes = [{ name: "scratch", emptyDir: { sizeLimit: "1Mi" } }];
    const fill = "dd if=/dev/zero of=/scratch/file bs=1024 count=3072 2>/dev/null; ";
    house.add(podOf(subject(), "filler", fill + sleepForever, { volumes }));
    house.add(podOf(subject(), "modest", sleepForever, { volumes }));
    const { kubelet, source } = house;
    await kubelet.waitFor(() => kubelet.pod(namespace, "filler")?.state === "ended", { timeoutMs: 60_000 });
    const { phase, reason, message } = kubelet.pod(namespace, "filler")?.status ?? {};
    assert.deepEqual(
      { phase, reason, message },
      {
        phase: "Failed",
        reason: "Evicted",
        message: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ',
      },
    );
    assert.ok(source.events.some((event) => event.reason === "Evicted" && event.object.name === "filler"));
    await containerOf(kubelet, "modest");
  });

  test("kubelet: on a full disk, the pod that fills it is evicted, and others are refused until there is space", async () => {
    const disk = join(subject().running.dir, "kubelet-small-disk");
    await mkdir(disk);
    const unmount = mountSmallDisk(disk, 32 * 1024 * 1024);
    try {
      const eviction = { hard: { "nodefs.available": "50%" }, pressureTransitionMs: 2_000, intervalMs: 300 };
      await using house = await houseOf(subject(), { eviction }, join(disk, "root"));
      const { kubelet } = house;
      const volumes = [{ name: "data", emptyDir: {} }];
      const fill = "dd if=/dev/zero of=/data/file bs=1048576 count=64 2>/dev/null; ";
      house.add(podOf(subject(), "modest", sleepForever, { volumes }));
      await containerOf(kubelet, "modest");
      house.add(podOf(subject(), "filler", fill + sleepForever, { volumes }));
      await kubelet.waitFor(() => kubelet.pod(namespace, "filler")?.state === "ended", { timeoutMs: 60_000 });
      const { reason, message = "" } = kubelet.pod(namespace, "filler")?.status ?? {};
      assert.equal(reason, "Evicted");
      assert.match(
        message,
        /^The node was low on resource: ephemeral-storage\. Threshold quantity: 16Mi, available: \d+(Ki|Mi)?\. /,
      );
      assert.equal(conditionOf(kubelet, "DiskPressure"), "True");
      house.add(podOf(subject(), "late", sleepForever));
      await kubelet.waitFor(() => kubelet.pod(namespace, "late")?.state === "rejected", {
        timeoutMs: 30_000,
      });
      assert.equal(
        kubelet.pod(namespace, "late")?.status.message,
        "Pod was rejected: The node had condition: [DiskPressure]. ",
      );
      assert.ok(await containerOf(kubelet, "modest"));
      // Volumes of a pod that has ended are released.
      await kubelet.waitFor(() => conditionOf(kubelet, "DiskPressure") === "False", { timeoutMs: 60_000 });
      house.add(podOf(subject(), "later", sleepForever));
      await containerOf(kubelet, "later");
    } finally {
      await unmount();
      await rm(disk, { recursive: true });
    }
  });
}

function conditionOf(kubelet: Kubelet, type: string): string | undefined {
  return kubelet.node().status?.conditions?.find((one) => one.type === type)?.status;
}
