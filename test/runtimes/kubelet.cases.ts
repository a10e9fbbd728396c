// A kubelet on a real runtime: pods outlive restarts of the kubelet and of the runtime.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { test } from "node:test";
import { createKubelet, type Kubelet } from "../../src/kubelet/index.js";
import { defaultPod, type Pod } from "../../src/kubernetes/index.js";
import { ListSource } from "../support/kubelets.js";
import { checkRestingKubelet } from "../support/resting-kubelet.js";
import { until } from "../support/waiting.js";
import type { Subject } from "./support.js";

const podNames = ["one", "two", "three"] as const;

function manifest(name: string, image: string): Pod {
  return defaultPod({
    metadata: { name, namespace: "kubelet", uid: `kubelet-core-${name}` },
    spec: {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: "memory", emptyDir: { medium: "Memory" } }],
      containers: [
        {
          name: "main",
          image,
          command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
          volumeMounts: [{ name: "memory", mountPath: "/memory" }],
        },
      ],
    },
  });
}

export function kubeletCases(subject: () => Subject): void {
  test("kubelet: 110 pods at rest cost no more than with the real kubelet", async (t) => {
    const { cri, runtime, running } = subject();
    if (runtime.release !== "2.1") return t.skip("on 2.1 only: it takes minutes");
    await cri.images.ensure(running.images.busybox);
    const rootDir = `${running.dir}/kubelet-resting`;
    const line = await checkRestingKubelet({
      endpoint: runtime.endpoint,
      rootDir,
      image: running.images.busybox,
      cgroupRoot: running.cgroupParent,
      pods: 110,
      settleMs: 15_000,
      restMs: 60_000,
    });
    t.diagnostic(line);
    await rm(rootDir, { recursive: true });
  });

  test("kubelet: containers outlive a restart of the kubelet and one of the runtime, and a stop leaves nothing", async () => {
    const { cri, runtime, running } = subject();
    const rootDir = `${running.dir}/kubelet-core`;
    await mkdir(rootDir, { recursive: true });
    const pods = podNames.map((name) => manifest(name, running.images.busybox));
    const start = () =>
      createKubelet({
        cri,
        rootDir,
        nodeName: "core",
        node: { cgroupRoot: running.cgroupParent },
        sources: [new ListSource("list", pods)],
        relist: { statusMs: 500, downAfterMs: 3_000 },
        imageGarbageCollection: false,
        eviction: false,
      });
    let kubelet = await start();
    try {
      await untilRunning(kubelet);
      const before = idsOf(kubelet);
      assert.equal(before.length, pods.length);

      await kubelet.close();
      kubelet = await start();
      await untilRunning(kubelet);
      assert.deepEqual(idsOf(kubelet), before);

      await runtime.kill();
      await kubelet.waitFor(() => !kubelet.isReady(), { timeoutMs: 120_000 });
      await runtime.start();
      await kubelet.waitUntilReady({ timeoutMs: 60_000 });
      await untilRunning(kubelet);
      assert.deepEqual(idsOf(kubelet), before);
      for (const { status } of kubelet.pods())
        assert.deepEqual(
          status.containerStatuses?.map(({ restartCount }) => restartCount),
          [0],
        );

      await kubelet.stop({ timeoutMs: 60_000 });
      const { items } = await cri.runtime.listPodSandbox({});
      assert.deepEqual(
        items.filter(({ metadata }) => metadata?.namespace === "kubelet"),
        [],
      );
      assert.deepEqual(await readdir(`${rootDir}/pods`), []);
      const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
      assert.deepEqual(
        mounts.filter((line) => line.includes(rootDir)),
        [],
      );
    } finally {
      await kubelet.stop({ gracePeriodSeconds: 1, timeoutMs: 60_000 }).catch(() => kubelet.close());
      await rm(rootDir, { recursive: true, force: true });
    }
  });
}

async function untilRunning(kubelet: Kubelet): Promise<void> {
  await until(
    () =>
      podNames.every((name) => {
        const pod = kubelet.pod("kubelet", name);
        return pod?.status.phase === "Running" && pod.observed.containers[0]?.state === "running";
      }),
    "all pods running",
    60_000,
  );
}

function idsOf(kubelet: Kubelet): readonly string[] {
  return kubelet
    .pods()
    .flatMap(({ observed }) => observed.containers.map(({ id }) => id))
    .sort();
}
