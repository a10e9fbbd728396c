import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { AdmissionCheck } from "../../../src/kubelet/index.js";
import { defaultPod, type Pod } from "../../../src/kubernetes/index.js";
import { busybox } from "../../support/embedded.js";
import { kubeletNode, ListSource, onePod, untilOnly, untilPhase } from "../../support/kubelets.js";
import { until } from "../../support/waiting.js";

/** Admits two Pods at a time, and looks at the others after a while. */
const twoPods: AdmissionCheck = async ({ others }) => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return others.length < 2
    ? undefined
    : { reason: "OutOfpods", message: "Node didn't have enough resource: pods" };
};

test("Pods are admitted one after the other, the oldest first, and the others are rejected with a status", async (t) => {
  const node = await kubeletNode(t);
  const at = (name: string, creationTimestamp: string): Pod => {
    const pod = onePod(name);
    return { ...pod, metadata: { ...pod.metadata, creationTimestamp } };
  };
  const list = new ListSource("list", [
    at("third", "2026-01-03T00:00:00Z"),
    at("first", "2026-01-01T00:00:00Z"),
    at("second", "2026-01-02T00:00:00Z"),
  ]);
  const kubelet = await node.start([list], { admit: twoPods });
  await untilPhase(kubelet, "Running", "first", "second");
  await untilPhase(kubelet, "Failed", "third");
  const third = kubelet.pod("test", "third");
  assert.equal(third?.state, "rejected");
  assert.equal(third.status.reason, "OutOfpods");
  assert.equal(third.status.message, "Pod was rejected: Node didn't have enough resource: pods");
  assert.equal(third.status.qosClass, "BestEffort");
  assert.deepEqual(list.phases("third"), ["Failed"]);
  assert.ok(list.events.some(({ reason, object }) => reason === "OutOfpods" && object.name === "third"));

  // A Pod that has ended has no resources any more; the rejected one stays rejected.
  list.set(at("second", "2026-01-02T00:00:00Z"), at("third", "2026-01-03T00:00:00Z"));
  await untilOnly(kubelet, "second", "third");
  list.set(at("second", "2026-01-02T00:00:00Z"), at("third", "2026-01-03T00:00:00Z"), onePod("fourth"));
  await untilPhase(kubelet, "Running", "fourth");
  assert.equal(kubelet.pod("test", "third")?.state, "rejected");
  await kubelet.stop();
});

test("the next kubelet checks Pods again, except for running ones", async (t) => {
  const node = await kubeletNode(t);
  const first = await node.start([new ListSource("list", [onePod("a")])]);
  await untilPhase(first, "Running", "a");
  const { containers } = await node.cri.runtime.listContainers({});
  await first.close();
  const second = await node.start([new ListSource("list", [onePod("a"), onePod("b")])], {
    admit: () => ({ reason: "Full", message: "no" }),
  });
  await untilPhase(second, "Failed", "b");
  await untilPhase(second, "Running", "a");
  const after = await node.cri.runtime.listContainers({});
  assert.deepEqual(
    after.containers.map(({ id }) => id),
    containers.map(({ id }) => id),
  );
  await second.stop();
});

test("a Pod that is rejected after a restart, since it does not run any more, leaves nothing", async (t) => {
  const node = await kubeletNode(t);
  const first = await node.start([new ListSource("list", [onePod("a")])]);
  await untilPhase(first, "Running", "a");
  await first.close();
  for (const { id } of (await node.cri.runtime.listPodSandbox({})).items)
    await node.cri.runtime.stopPodSandbox({ podSandboxId: id });
  const list = new ListSource("list", [onePod("a")]);
  const second = await node.start([list], { admit: () => ({ reason: "Full", message: "no" }) });
  await untilPhase(second, "Failed", "a");
  await until(async () => (await node.cri.runtime.listPodSandbox({})).items.length === 0, "no sandbox");
  await until(async () => (await readdir(join(node.rootDir, "pods"))).length === 0, "no files");
  await second.stop();
});

test("an invalid Pod is an event and a failed status, and the others run", async (t) => {
  const node = await kubeletNode(t);
  const uid = "00000000-0000-0000-0000-00000000000";
  const metadata = (name: string) => ({ name, namespace: "test", uid: `${uid}${name.length}` });
  const pods = [
    {
      metadata: metadata("twice"),
      spec: {
        containers: [
          { name: "c", image: busybox },
          { name: "c", image: busybox },
        ],
      },
    },
    { metadata: metadata("wrong-type"), spec: { containers: "c" } },
    {
      metadata: metadata("configmap"),
      spec: { containers: [{ name: "c", image: busybox, envFrom: [{ configMapRef: { name: "x" } }] }] },
    },
    { metadata: { namespace: "test" }, spec: { containers: [] } },
    { metadata: { ...metadata("x"), uid: "../../etc" }, spec: { containers: [] } },
    null,
    onePod("good"),
  ] as readonly Pod[];
  const list = new ListSource("list", pods);
  const kubelet = await node.start([list]);
  await untilPhase(kubelet, "Running", "good");
  for (const [name, problem] of [
    ["twice", /spec\.containers\[1\]\.name: Duplicate value/],
    ["wrong-type", /spec\.containers/],
    ["configmap", /configMapRef/],
  ] as const) {
    await kubelet.waitFor(() => kubelet.pod("test", name)?.state === "rejected", { timeoutMs: 20_000 });
    const pod = kubelet.pod("test", name);
    assert.equal(pod?.status.phase, "Pending");
    assert.equal(pod.status.reason, "FailedValidation");
    assert.match(pod.status.message ?? "", problem);
    assert.deepEqual(list.phases(name), ["Pending"]);
  }
  const unlisted = list.events.filter(({ message }) => message.includes("has no valid metadata.name"));
  assert.equal(unlisted.length, 3);
  list.set(...pods);
  assert.equal(
    list.events.filter(({ message }) => message.includes("has no valid")).length,
    3,
    "reported once",
  );
  await kubelet.stop();
});

test("a Pod of the same name with another uid waits until the older one is removed", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a", ["ignore-term"])]);
  const kubelet = await node.start([list]);
  await untilPhase(kubelet, "Running", "a");
  const before = kubelet.pod("test", "a")?.pod.metadata.uid;
  let overlap = false;
  const edited = onePod("a", ["run"]);
  list.set(edited);
  const stopWatching = setInterval(() => {
    const running = kubelet.pods().filter(({ state }) => state === "active");
    overlap ||= running.length > 1;
  }, 1);
  await kubelet.waitFor(
    () =>
      kubelet.pods().length === 1 &&
      kubelet.pod("test", "a")?.status.phase === "Running" &&
      kubelet.pod("test", "a")?.pod.metadata.uid !== before,
    { timeoutMs: 30_000 },
  );
  clearInterval(stopWatching);
  assert.equal(overlap, false);
  assert.ok(!list.events.some(({ reason }) => reason === "NameConflict"));
  assert.deepEqual(
    list.removed.map(({ pod }) => pod.metadata?.uid),
    [before],
  );
  const { items } = await node.cri.runtime.listPodSandbox({});
  assert.deepEqual(
    items.map(({ metadata }) => metadata?.uid),
    [edited.metadata?.uid],
  );
  await kubelet.stop();
});

test("a Pod that its source drops and gives again runs again, after it was removed", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a");
  const list = new ListSource("list", [pod]);
  const kubelet = await node.start([list]);
  await untilPhase(kubelet, "Running", "a");
  const id = kubelet.pod("test", "a")?.observed.containers[0]?.id;
  list.set();
  list.set(pod);
  await kubelet.waitFor(
    () => {
      const now = kubelet.pod("test", "a");
      return now?.status.phase === "Running" && now.observed.containers[0]?.id !== id;
    },
    { timeoutMs: 30_000 },
  );
  list.set();
  list.set(pod);
  list.set();
  await untilOnly(kubelet);
  assert.equal(list.removed.length, 2);
  await kubelet.stop();
});

test("a deletion timestamp stops a Pod and removes it; it is listed until its source drops it", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a");
  const deleted = {
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 1 },
  };
  const list = new ListSource("list", [pod]);
  const kubelet = await node.start([list]);
  await untilPhase(kubelet, "Running", "a");
  list.set(deleted);
  await until(() => list.removed.length === 1, "onRemoved");
  assert.equal(kubelet.pod("test", "a")?.state, "ended");
  assert.ok(["Failed", "Succeeded"].includes(kubelet.pod("test", "a")?.status.phase ?? ""));
  assert.deepEqual((await node.cri.runtime.listPodSandbox({})).items, []);
  list.set();
  await untilOnly(kubelet);
  assert.equal(list.removed.length, 1);
  // A kubelet that starts between the removal and the deletion at the API server.
  list.set(deleted);
  await until(() => list.removed.length === 2, "onRemoved again");
  await kubelet.stop();
});

test("a Pod that has ended keeps its containers until its source drops it, and is not started again", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("job", ["exit", "3"], { restartPolicy: "Never" });
  const list = new ListSource("list", [pod]);
  const first = await node.start([list]);
  await untilPhase(first, "Failed", "job");
  await first.waitFor(() => first.pod("test", "job")?.state === "ended", { timeoutMs: 30_000 });
  const { containers } = await node.cri.runtime.listContainers({});
  assert.equal(containers.length, 1);
  await first.close();
  const again = new ListSource("list", [pod]);
  const second = await node.start([again], { admit: () => ({ reason: "Full", message: "no" }) });
  await second.waitFor(() => second.pod("test", "job")?.state === "ended", { timeoutMs: 30_000 });
  const status = second.pod("test", "job")?.status;
  assert.equal(status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 3);
  assert.deepEqual(
    (await node.cri.runtime.listContainers({})).containers.map(({ id }) => id),
    containers.map(({ id }) => id),
  );
  again.set();
  await untilOnly(second);
  assert.deepEqual((await node.cri.runtime.listContainers({})).containers, []);
  await second.stop();
});

test("a Pod that had ended elsewhere keeps the status that its source knows", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [{ ...onePod("old"), status: { phase: "Succeeded" } }]);
  const kubelet = await node.start([list], { admit: () => ({ reason: "Full", message: "no" }) });
  await kubelet.waitFor(() => kubelet.pod("test", "old")?.state === "ended", { timeoutMs: 30_000 });
  assert.equal(kubelet.pod("test", "old")?.status.phase, "Succeeded");
  assert.deepEqual(list.statuses, []);
  list.set();
  await untilOnly(kubelet);
  await kubelet.stop();
});

test("an eviction fails a Pod with its reason, and gives its resources to others", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a"), onePod("b")]);
  const kubelet = await node.start([list], { admit: twoPods });
  await untilPhase(kubelet, "Running", "a", "b");
  const uid = kubelet.pod("test", "a")?.pod.metadata.uid ?? "";
  assert.throws(() => kubelet.evict("x", { reason: "Evicted", message: "" }), { reason: "object_missing" });
  kubelet.evict(uid, { reason: "Evicted", message: "too much", gracePeriodSeconds: 1 });
  await untilPhase(kubelet, "Failed", "a");
  assert.equal(kubelet.pod("test", "a")?.status.reason, "Evicted");
  await kubelet.waitFor(() => kubelet.pod("test", "a")?.state === "ended", { timeoutMs: 30_000 });
  list.set(onePod("a"), onePod("b"), onePod("c"));
  await untilPhase(kubelet, "Running", "c");
  await kubelet.stop();
});

test("a Pod that is preempted for a critical one has failed with the condition DisruptionTarget", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a")]);
  const kubelet = await node.start([list], { maxPods: 1 });
  await untilPhase(kubelet, "Running", "a");
  list.set(onePod("a"), onePod("critical", ["run"], { priority: 2_000_000_000 }));
  await untilPhase(kubelet, "Running", "critical");
  const { reason, message, conditions } = kubelet.pod("test", "a")?.status ?? {};
  assert.deepEqual([reason, message], ["Preempting", "Preempted in order to admit critical pod"]);
  const condition = conditions?.find(({ type }) => type === "DisruptionTarget");
  assert.equal(condition?.status, "True");
  assert.equal(condition.reason, "TerminationByKubelet");
  assert.equal(condition.message, "Pod was preempted by Kubelet to accommodate a critical pod.");
  await kubelet.stop();
});

test("a new version of a Pod reaches its worker; one that is not valid is reported and not used", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a");
  const list = new ListSource("list", [pod]);
  const kubelet = await node.start([list]);
  await untilPhase(kubelet, "Running", "a");
  const { uid } = defaultPod(pod).metadata;
  const withImage = (image: string): Pod => {
    const changed = onePod("a", ["run"], { containers: [{ name: "main", image, command: ["run"] }] });
    return { ...changed, metadata: { ...changed.metadata, uid } };
  };
  list.set(withImage(" "));
  await until(() => list.events.some(({ reason }) => reason === "FailedValidation"), "an event");
  assert.equal(kubelet.pod("test", "a")?.status.containerStatuses?.[0]?.restartCount, 0);
  list.set(withImage("busybox:1.37"));
  await kubelet.waitFor(() => kubelet.pod("test", "a")?.status.containerStatuses?.[0]?.restartCount === 1, {
    timeoutMs: 30_000,
  });
  await kubelet.stop();
});

test("an image whose name is not valid lets its container wait, as with the kubelet, and the Pod is not refused", async (t) => {
  const node = await kubeletNode(t);
  const container = { name: "main", image: "UPPER:bad:x", command: ["run"] };
  const list = new ListSource("list", [onePod("a", [], { containers: [container] })]);
  const kubelet = await node.start([list]);
  const waiting = () => kubelet.pod("test", "a")?.status.containerStatuses?.[0]?.state?.waiting;
  await until(() => waiting()?.reason === "InvalidImageName", "InvalidImageName");
  assert.match(waiting()?.message ?? "", /^Failed to apply default image tag "UPPER:bad:x": /);
  assert.equal(kubelet.pod("test", "a")?.status.phase, "Pending");
  assert.ok(list.events.some(({ reason }) => reason === "InspectFailed"));
  await until(() => list.events.some(({ message }) => message === "Error: InvalidImageName"), "its event");
});

test("a sysctl that is not allowed has the kubelet's reason", async (t) => {
  const node = await kubeletNode(t);
  const sysctls = [{ name: "net.core.somaxconn", value: "1" }];
  const list = new ListSource("list", [onePod("a", ["run"], { securityContext: { sysctls } })]);
  const kubelet = await node.start([list]);
  await untilPhase(kubelet, "Failed", "a");
  const { reason, message } = kubelet.pod("test", "a")?.status ?? {};
  assert.deepEqual(
    [reason, message],
    ["SysctlForbidden", 'Pod was rejected: forbidden sysctl: "net.core.somaxconn" not allowlisted'],
  );
});
