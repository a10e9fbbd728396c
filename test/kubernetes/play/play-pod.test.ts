// playPod on the embedded runtime with real processes.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";
import type { PodWorkerEvent } from "../../../src/kubernetes/index.js";
import { playPod } from "../../../src/kubernetes/index.js";
import { play, playground, script } from "../../support/played-pods.js";
import { within } from "../../support/waiting.js";

const metadata = { name: "web", namespace: "test" };

test("a pod with an init container, a sidecar and two containers becomes ready, and is removed", async (t) => {
  const node = await playground(t);
  const pod = await play(t, node, {
    metadata,
    spec: {
      terminationGracePeriodSeconds: 2,
      initContainers: [
        script("init", "echo first"),
        { ...script("sidecar", "trap 'exit 0' TERM; while :; do sleep 0.1; done"), restartPolicy: "Always" },
      ],
      containers: [
        script("a", "trap 'exit 0' TERM; echo a; while :; do sleep 0.1; done"),
        script("b", "trap 'exit 0' TERM; while :; do sleep 0.1; done"),
      ],
    },
  });
  const status = await pod.wait({ until: "ready", timeoutMs: 20_000 });
  assert.equal(status.phase, "Running");
  assert.deepEqual(
    status.initContainerStatuses?.map(({ name, started }) => [name, started]),
    [
      ["init", false],
      ["sidecar", true],
    ],
  );
  const done = await pod.runCommand(["sh", "-c", "echo from $0", "x"], { container: "b" });
  assert.equal(done.stdout, "from x\n");
  const lines: string[] = [];
  for await (const { text } of pod.logs()) lines.push(text);
  assert.deepEqual(lines, ["a"]);
  const last = await pod.stop();
  assert.equal(last.phase, "Succeeded");
  assert.deepEqual(await node.cri.lists.podSandboxes().collect(), []);
  assert.deepEqual(await node.cri.lists.containers().collect(), []);
  assert.deepEqual(
    readdirSync(node.rootDir, { recursive: true }).filter((path) => /[0-9a-f-]{36}/.test(String(path))),
    [],
  );
});

test("events can be read by several readers, from the beginning, and end with the pod", async (t) => {
  const node = await playground(t);
  const seen: PodWorkerEvent[] = [];
  const pod = await play(
    t,
    node,
    { metadata, spec: { restartPolicy: "Never", containers: [script("c", "exit 3")] } },
    { onEvent: (event) => seen.push(event) },
  );
  const status = await pod.wait({ until: "ended", timeoutMs: 20_000 });
  assert.equal(status.phase, "Failed");
  assert.equal(status.containerStatuses?.[0]?.state?.terminated?.exitCode, 3);
  for (const stream of [pod, pod.events()]) {
    const reasons: string[] = [];
    for await (const { reason } of stream) reasons.push(reason);
    assert.deepEqual(reasons, ["Pulling", "Pulled", "Created", "Started"]);
  }
  assert.deepEqual(
    seen.map(({ reason }) => reason),
    ["Pulling", "Pulled", "Created", "Started"],
  );
  await assert.rejects(pod.wait({ until: "ready", timeoutMs: 5_000 }), { reason: "wrong_state" });
});

test("logs are followed over restarts", async (t) => {
  const node = await playground(t);
  const pod = await play(t, node, {
    metadata,
    spec: { containers: [script("c", "echo run; sleep 0.2; exit 1")] },
  });
  const lines: string[] = [];
  const read = async () => {
    for await (const { text } of pod.logs({ follow: true })) if (lines.push(text) === 2) return;
  };
  await within(20_000, read(), "two runs");
  assert.deepEqual(lines, ["run", "run"]);
});

test("a Pod that is played cannot be played again; after detach, it is adopted", async (t) => {
  const node = await playground(t);
  const manifest = { metadata, spec: { containers: [script("c", "exec sleep 1000")] } };
  const first = await play(t, node, manifest);
  await first.wait({ until: "ready", timeoutMs: 20_000 });
  await assert.rejects(playPod(node.cri, manifest, { rootDir: node.rootDir }), { reason: "name_reserved" });
  await first.detach();
  await assert.rejects(first.stop(), { reason: "wrong_state" });
  const second = await play(t, node, manifest);
  const status = await second.wait({ until: "ready", timeoutMs: 20_000 });
  assert.equal(
    status.containerStatuses?.[0]?.containerID,
    first.status().containerStatuses?.[0]?.containerID,
  );
  assert.equal(node.runtime.calls.of("createContainer").length, 1);
  assert.equal(node.runtime.calls.of("runPodSandbox").length, 1);
  await second.stop({ gracePeriodSeconds: 1 });
});

test("an edited manifest stops the old pod first", async (t) => {
  const node = await playground(t);
  const manifest = (seconds: number) => ({
    metadata,
    spec: { terminationGracePeriodSeconds: 1, containers: [script("c", `exec sleep ${seconds}`)] },
  });
  const first = await play(t, node, manifest(1000));
  await first.wait({ until: "ready", timeoutMs: 20_000 });
  await first.detach();
  const second = await play(t, node, manifest(1001));
  await second.wait({ until: "ready", timeoutMs: 20_000 });
  assert.notEqual(first.uid, second.uid);
  const sandboxes = await node.cri.lists.podSandboxes().collect();
  assert.deepEqual(
    sandboxes.map((sandbox) => sandbox.metadata?.uid),
    [second.uid],
  );
  assert.equal(existsSync(`${node.rootDir}/played/${first.uid}.json`), false);
  await second.stop({ gracePeriodSeconds: 1 });
});

test("volumes and variables come from the objects of the manifest, and are updated", async (t) => {
  const node = await playground(t);
  const pod = await play(
    t,
    node,
    `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: test }
data: { mode: fast }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: test }
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: docker.io/library/busybox:1.37
    command: [sh, -c, 'echo "mode is $MODE of $(NAME)"; exec sleep 1000']
    env:
    - { name: NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
    - { name: MODE, valueFrom: { configMapKeyRef: { name: settings, key: mode } } }
`,
  );
  await pod.wait({ until: "running", timeoutMs: 20_000 });
  const read = async () => {
    for await (const { text } of pod.logs({ follow: true })) return text;
  };
  assert.equal(await within(10_000, read(), "the line"), "mode is fast of web");
  await pod.stop({ gracePeriodSeconds: 1 });
});

test("a manifest without exactly one Pod is refused, and so are unknown options", async (t) => {
  const { cri } = await playground(t);
  await assert.rejects(playPod(cri, "", { source: "x.yaml" }), /x\.yaml: must have exactly one Pod, got 0/);
  const deployment = { kind: "Deployment", spec: { containers: [script("c", "true")] } };
  await assert.rejects(playPod(cri, deployment), /kind: must be "Pod", got "Deployment"/);
  await assert.rejects(playPod(cri, { metadata: { name: "x" } }), /spec.containers: Required value/);
  // @ts-expect-error there is no such option
  await assert.rejects(playPod(cri, "", { root: "/" }), { reason: "invalid_option" });
});
