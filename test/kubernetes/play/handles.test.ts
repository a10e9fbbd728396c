// Handles of playPod that end in unusual ways, and inputs that are odd but legal, on the embedded runtime.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { connect } from "../../../src/index.js";
import { type Pod, type PodWorkerEvent, playPod } from "../../../src/kubernetes/index.js";
import { play, playground, script } from "../../support/played-pods.js";
import { within } from "../../support/waiting.js";

const metadata = { name: "web", namespace: "test" };

function manifest(seconds = 1000, spec: Partial<Pod["spec"]> = {}): Pod {
  const containers = [script("c", `echo started; exec sleep ${seconds}`)];
  return { metadata, spec: { terminationGracePeriodSeconds: 1, containers, ...spec } };
}

const ready = { until: "ready", timeoutMs: 20_000 } as const;

async function textsOf(entries: AsyncIterable<{ readonly text: string }>): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const { text } of entries) texts.push(text);
  return texts;
}

test("detach ends the reading of logs and waits, and each call waits until the pod can be adopted", async (t) => {
  const node = await playground(t);
  const pod = await play(t, node, manifest());
  await pod.wait(ready);
  const logs = pod.logs({ follow: true });
  assert.equal((await logs.next()).value?.text, "started");
  const wait = assert.rejects(pod.wait({ until: "ended" }), {
    reason: "wrong_state",
    rawMessage: "pod test/web was detached in the phase Running before it is ended",
  });
  void pod.detach();
  await pod.detach();
  const second = await play(t, node, manifest());
  assert.deepEqual(await within(10_000, textsOf(logs), "the end of the log"), []);
  await wait;
  await second.wait(ready);
  // The first handle has nothing to do with the pod any more.
  await pod.detach();
  await assert.rejects(playPod(node.cri, manifest(), { rootDir: node.rootDir }), { reason: "name_reserved" });
});

test("when the client is closed, waits and logs reject, and another client can adopt the pod", async (t) => {
  const node = await playground(t);
  const cri = connect.through({ transport: node.runtime.transport });
  const pod = await playPod(cri, manifest(), { rootDir: node.rootDir });
  await pod.wait(ready);
  const logs = textsOf(pod.logs({ follow: true }));
  await cri.close();
  await assert.rejects(pod.wait({ until: "ended" }), { reason: "client_closed" });
  await within(10_000, assert.rejects(logs, { reason: "client_closed" }), "the end of the log");
  await assert.rejects(pod.stop(), { reason: "client_closed" });
  const second = await play(t, node, manifest());
  await second.wait(ready);
  assert.equal(node.runtime.calls.of("createContainer").length, 1);
});

test("an old pod that could not be stopped is stopped by the next call", async (t) => {
  const node = await playground(t);
  const old = await play(t, node, manifest(1000));
  await old.wait(ready);
  await old.detach();
  node.runtime.faults.failNext("stopContainer", { code: "internal", message: "no" });
  const edited = manifest(2000);
  await assert.rejects(playPod(node.cri, edited, { rootDir: node.rootDir }), { rawMessage: "no" });
  assert.deepEqual(readdirSync(`${node.rootDir}/played`), [`${old.uid}.json`]);
  const pod = await play(t, node, edited);
  await pod.wait(ready);
  assert.equal((await node.cri.lists.podSandboxes().collect()).length, 1);
});

test("the signal of playPod ends the wait for the stop of an old pod", async (t) => {
  const node = await playground(t);
  const stubborn = manifest(1, {
    terminationGracePeriodSeconds: 20,
    containers: [script("c", "trap '' TERM; while :; do sleep 0.1; done")],
  });
  const old = await play(t, node, stubborn);
  await old.wait(ready);
  await old.detach();
  const signal = AbortSignal.timeout(300);
  const start = playPod(node.cri, manifest(), { rootDir: node.rootDir, signal });
  await within(5_000, assert.rejects(start, { reason: "deadline" }), "the end of playPod");
  const again = await play(t, node, stubborn);
  await again.stop({ gracePeriodSeconds: 1 });
});

/** Plays a Pod until it is ready. */
async function becomesReady(t: TestContext, given: Pod) {
  const node = await playground(t);
  const pod = await play(t, node, given);
  return await pod.wait(ready);
}

test("the status of a manifest, which is about another life, is not used", async (t) => {
  const status = { phase: "Running", startTime: "2020-01-01T00:00:00Z", podIP: "192.0.2.99" };
  const { startTime, podIP } = await becomesReady(t, {
    ...manifest(1000, { activeDeadlineSeconds: 100 }),
    status,
  });
  assert.ok(startTime && startTime.getTime() > Date.parse("2026-01-01"));
  assert.notEqual(podIP, status.podIP);
});

test("null fields of an object are as good as absent", async (t) => {
  const nulls: Record<string, null> = Object.fromEntries(
    ["activeDeadlineSeconds", "dnsConfig", "hostUsers", "initContainers", "resources", "securityContext"].map(
      (name) => [name, null],
    ),
  );
  const given = manifest(1000, nulls);
  const volumes = [{ name: "v", emptyDir: { sizeLimit: null }, configMap: null, image: null }];
  const odd: unknown = {
    ...given,
    metadata: { ...metadata, uid: null, creationTimestamp: null, deletionTimestamp: null, labels: null },
    spec: {
      ...given.spec,
      volumes,
      containers: given.spec?.containers.map((one) => ({
        ...one,
        ports: [{ containerPort: 80, hostPort: null }],
        volumeMounts: [{ name: "v", mountPath: "/v", subPath: null, mountPropagation: null }],
        lifecycle: { preStop: null },
        livenessProbe: null,
        env: null,
      })),
    },
  };
  // What JSON.parse returns has no type.
  const status = await becomesReady(t, odd as Pod);
  assert.equal(status.phase, "Running");
});

test("a Pod with a deletionTimestamp is not started", async (t) => {
  const node = await playground(t);
  const pod = await play(t, node, {
    ...manifest(),
    metadata: { ...metadata, deletionTimestamp: new Date() },
  });
  assert.equal((await pod.wait({ until: "ended", timeoutMs: 10_000 })).phase, "Failed");
  assert.equal(node.runtime.calls.of("runPodSandbox").length, 0);
  const session = pod.exec(["ls"]);
  await assert.rejects(session, { reason: "wrong_state" });
  assert.throws(() => pod.portForward(), { rawMessage: "pod test/web has no running sandbox" });
});

test("a ConfigMap of a volume may come later; its absence, and values of other types, are reported", async (t) => {
  const node = await playground(t);
  const events: PodWorkerEvent[] = [];
  const given = manifest(1000, {
    containers: [{ ...script("c", "exec sleep 1000"), volumeMounts: [{ name: "v", mountPath: "/v" }] }],
    volumes: [{ name: "v", configMap: { name: "settings" } }],
  });
  const pod = await play(t, node, given, { onEvent: (event) => events.push(event) });
  const reported = async (message: string) => {
    for await (const event of pod) if (event.reason === "FailedMount" && event.message === message) return;
  };
  const failed = 'MountVolume.SetUp failed for volume "v" : ';
  const missing = reported(`${failed}configmap "settings" not found`);
  await within(10_000, missing, "the event for a missing ConfigMap");
  const object = { metadata: { name: "settings", namespace: "test" } };
  const number: unknown = 1;
  pod.update({ configMaps: [{ ...object, data: { mode: number as string } }] });
  const ofType = reported(
    `${failed}spec.volumes[0].configMap: ConfigMap "settings", key "mode": must be a string, got a value of type number`,
  );
  await within(10_000, ofType, "the event for a number");
  assert.ok(!events.some(({ reason }) => reason === "FailedCreatePodSandBox"));
  pod.update({ configMaps: [{ ...object, data: { mode: "fast" } }] });
  await pod.wait(ready);
});

test("events report why a pod makes no progress, once", async (t) => {
  const node = await playground(t);
  const pod = await play(t, node, manifest());
  await pod.wait(ready);
  const failure = { code: "internal", message: "no list" } as const;
  node.runtime.faults.failNext("listContainers", failure, { times: 4 });
  pod.update({});
  const next = async (reason: string) => {
    for await (const event of pod) if (event.reason === reason) return event.message;
    return undefined;
  };
  assert.equal(await within(10_000, next("FailedSync"), "an event"), "error syncing pod: no list");
  node.runtime.faults.clear();
  node.runtime.faults.failNext("stopContainer", { code: "internal", message: "no stop" });
  const stopped = pod.stop();
  assert.equal(await within(10_000, next("FailedKillPod"), "an event"), "error killing pod: no stop");
  void pod.stop({ gracePeriodSeconds: 1 });
  await stopped;
});
