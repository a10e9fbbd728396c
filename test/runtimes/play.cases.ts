// Pods from manifests on a real runtime: playPod, with isolation, mounts and cgroups.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type PlayPodOptions, playPod } from "../../src/kubernetes/index.js";
import { crashOnce } from "../support/pod-cases/play-crash.js";
import { within } from "../support/waiting.js";
import type { Subject } from "./support.js";

/** A folder of its own for the files of played pods, and the cgroup of this run. */
async function playground({ running }: Subject) {
  const rootDir = `${running.dir}/played-pods`;
  await mkdir(rootDir, { recursive: true });
  const options: PlayPodOptions = { rootDir, node: { cgroupRoot: running.cgroupParent } };
  return {
    options,
    async [Symbol.asyncDispose]() {
      const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
      assert.deepEqual(
        mounts.filter((line) => line.includes(rootDir)),
        [],
        "mounts were left",
      );
      await rm(rootDir, { recursive: true });
    },
  };
}

export function playCases(subject: () => Subject): void {
  test("playPod: init container, sidecar, volumes, probes, hooks, and nothing is left", async () => {
    const { cri, running } = subject();
    await using ground = await playground(subject());
    const image = running.images.busybox;
    await using pod = await playPod(
      cri,
      `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: play }
data: { mode: fast }
---
apiVersion: v1
kind: Secret
metadata: { name: token, namespace: play }
stringData: { token: abc }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: play, labels: { app: web } }
spec:
  terminationGracePeriodSeconds: 5
  hostAliases: [{ ip: 192.0.2.7, hostnames: [db] }]
  volumes:
  - { name: work, emptyDir: {} }
  - { name: memory, emptyDir: { medium: Memory, sizeLimit: 1Mi } }
  - { name: settings, configMap: { name: settings } }
  - { name: token, secret: { secretName: token, defaultMode: 0400 } }
  initContainers:
  - name: init
    image: ${image}
    command: [sh, -c, 'echo ready > /work/state']
    volumeMounts: [{ name: work, mountPath: /work }]
  - name: sidecar
    image: ${image}
    restartPolicy: Always
    command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']
  containers:
  - name: web
    image: ${image}
    command: [sh, -c, 'echo "$(cat /work/state) $(cat /settings/mode) $(cat /token/token) $(POD_IP)"; trap "exit 0" TERM; while :; do sleep 0.1; done']
    env: [{ name: POD_IP, valueFrom: { fieldRef: { fieldPath: status.podIP } } }]
    readinessProbe: { exec: { command: [test, -f, /work/state] }, periodSeconds: 1 }
    lifecycle:
      postStart: { exec: { command: [sh, -c, 'echo started > /memory/state'] } }
      preStop: { exec: { command: [sh, -c, 'echo stopping >> /dev/termination-log'] } }
    volumeMounts:
    - { name: work, mountPath: /work }
    - { name: memory, mountPath: /memory }
    - { name: settings, mountPath: /settings }
    - { name: token, mountPath: /token }
  - name: other
    image: ${image}
    command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']
`,
      ground.options,
    );
    const status = await pod.wait({ until: "ready", timeoutMs: 30_000 });
    assert.equal(status.phase, "Running");
    const first = async () => {
      for await (const { text } of pod.logs({ follow: true })) return text;
    };
    assert.equal(await within(10_000, first(), "the log"), `ready fast abc ${status.podIP}`);
    const { stdout } = await pod.runCommand(["sh", "-c", "cat /memory/state; cat /etc/hosts; hostname"]);
    assert.match(stdout, /^started\n/);
    assert.match(stdout, /^192\.0\.2\.7\tdb$/m);
    assert.match(stdout, /\nweb\n$/);
    const last = await pod.stop();
    const web = last.containerStatuses?.find(({ name }) => name === "web");
    assert.equal(web?.state?.terminated?.message, "stopping\n");
    assert.equal(web?.state?.terminated?.exitCode, 0);
    const left = await cri.lists.podSandboxes({ labelSelector: { app: "web" } }).collect();
    assert.deepEqual(left, []);
  });

  test("playPod: a job runs to its end, and a crash loop waits", async () => {
    const { cri, running } = subject();
    await using ground = await playground(subject());
    const image = running.images.busybox;
    const metadata = { name: "job", namespace: "play" };
    await using job = await playPod(
      cri,
      {
        metadata,
        spec: {
          restartPolicy: "OnFailure",
          volumes: [{ name: "work", emptyDir: {} }],
          containers: [
            {
              name: "c",
              image,
              command: ["sh", "-c", "test -f /work/again && exit 0; touch /work/again; exit 7"],
              volumeMounts: [{ name: "work", mountPath: "/work" }],
            },
          ],
        },
      },
      ground.options,
    );
    await using loop = await playPod(
      cri,
      {
        metadata: { ...metadata, name: "loop" },
        spec: { containers: [{ name: "c", image, command: ["/nonexistent"] }] },
      },
      ground.options,
    );
    const ended = await job.wait({ until: "ended", timeoutMs: 30_000 });
    assert.equal(ended.phase, "Succeeded");
    assert.equal(ended.containerStatuses?.[0]?.restartCount, 1);
    const reason = (status: typeof ended) => status.containerStatuses?.[0]?.state?.waiting?.reason;
    const waiting = await loop.wait({
      until: (status) => reason(status) === "CrashLoopBackOff",
      timeoutMs: 30_000,
    });
    assert.equal(waiting.containerStatuses?.[0]?.lastState?.terminated?.reason, "StartError");
    assert.equal(waiting.phase, "Running");
  });

  test("playPod: the pod survives a restart of the runtime, and what ended meanwhile starts again", async () => {
    const { abilities, cri, running, runtime } = subject();
    await using ground = await playground(subject());
    const image = running.images.busybox;
    const sleeper = { image, command: ["sleep", "1000"] };
    await using pod = await playPod(
      cri,
      {
        metadata: { name: "restart", namespace: "play" },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            { name: "stays", ...sleeper },
            { name: "ends", image, command: ["sleep", "4"] },
          ],
        },
      },
      ground.options,
    );
    const before = await pod.wait({ until: "ready", timeoutMs: 30_000 });
    await runtime.kill();
    await pause(5_000);
    await runtime.start();
    const named = (status: typeof before, name: string) =>
      status.containerStatuses?.find((one) => one.name === name);
    const after = await pod.wait({
      until: (status) => named(status, "ends")?.restartCount === 1 && named(status, "ends")?.ready === true,
      timeoutMs: 30_000,
    });
    assert.equal(named(after, "stays")?.containerID, named(before, "stays")?.containerID);
    assert.equal(named(after, "stays")?.restartCount, 0);
    // The runtime was down when it ended: containerd 1.6 learns its exit code afterwards, later releases do not.
    const exitCode = abilities.exitCodesOfDowntime ? 0 : 255;
    assert.equal(named(after, "ends")?.lastState?.terminated?.exitCode, exitCode);
  });

  test("playPod: its process is killed during calls; the next run continues", async () => {
    const { cri, running, runtime } = subject();
    await using ground = await playground(subject());
    const { rootDir = "", node } = ground.options;
    const crashed = { cri, endpoint: runtime.endpoint, image: running.images.busybox, rootDir, node };
    for (const call of [1, 4, 7, 13]) await crashOnce(crashed, call, call % 2 ? "during" : "after");
  });
}
