import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { kubeletNode, ListSource, onePod, untilOnly, untilPhase } from "../../support/kubelets.js";
import { until } from "../../support/waiting.js";

test("Pods of a list are run, and their statuses, events and removals go to all sources", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a"), onePod("b")]);
  const other = new ListSource("other", []);
  const kubelet = await node.start([list, other]);
  await untilPhase(kubelet, "Running", "a", "b");
  assert.deepEqual(
    kubelet.pods().map(({ pod, source, state }) => [pod.metadata.name, source, state]),
    [
      ["a", "list", "active"],
      ["b", "list", "active"],
    ],
  );
  assert.deepEqual(other.phases("a"), ["Pending", "Running"]);
  assert.deepEqual(other.events, list.events);
  const started = list.events.find(({ reason, object }) => reason === "Started" && object.name === "a");
  assert.equal(started?.object.fieldPath, "spec.containers{main}");
  assert.ok(kubelet.events().some(({ reason }) => reason === "Started"));

  list.set(onePod("b"));
  await untilOnly(kubelet, "b");
  assert.deepEqual(
    other.removed.map(({ pod, source }) => [pod.metadata?.name, source]),
    [["a", "list"]],
  );
  const { items } = await node.cri.runtime.listPodSandbox({});
  assert.deepEqual(
    items.map(({ metadata }) => metadata?.name),
    ["b"],
  );
  assert.equal((await readdir(join(node.rootDir, "pods"))).length, 1);

  await kubelet.stop();
  assert.deepEqual((await node.cri.runtime.listPodSandbox({})).items, []);
  assert.deepEqual(await readdir(join(node.rootDir, "pods")), []);
  assert.ok(list.isClosed && other.isClosed);
});

test("a kubelet that closes leaves its pods running, and the next one continues with the same containers", async (t) => {
  const node = await kubeletNode(t);
  const pods = [onePod("a"), onePod("b"), onePod("c")];
  const ids = async () => (await node.cri.runtime.listContainers({})).containers.map(({ id }) => id).sort();
  const first = await node.start([new ListSource("list", pods)]);
  await untilPhase(first, "Running", "a", "b", "c");
  const before = await ids();
  await first.close();
  assert.deepEqual(await ids(), before);

  const second = await node.start([new ListSource("list", pods)]);
  await untilPhase(second, "Running", "a", "b", "c");
  assert.deepEqual(await ids(), before);
  for (const { status } of second.pods())
    assert.deepEqual(
      status.containerStatuses?.map(({ restartCount }) => restartCount),
      [0],
    );
  await second.stop();
});

test("pods that were removed from their source while no kubelet ran are stopped and removed", async (t) => {
  const node = await kubeletNode(t);
  const first = await node.start([new ListSource("list", [onePod("a"), onePod("b")])]);
  await untilPhase(first, "Running", "a", "b");
  await first.close();

  const late = new ListSource("late", undefined);
  const list = new ListSource("list", [onePod("b")]);
  const second = await node.start([list, late]);
  await untilPhase(second, "Running", "b");
  assert.equal(
    (await node.cri.runtime.listPodSandbox({})).items.length,
    2,
    "not before all sources are known",
  );
  late.set();
  await until(async () => (await node.cri.runtime.listPodSandbox({})).items.length === 1, "one sandbox");
  await until(async () => (await readdir(join(node.rootDir, "pods"))).length === 1, "the files of one pod");
  const killing = list.events.find(({ reason }) => reason === "Killing");
  assert.equal(killing?.object.name, "a");
  assert.equal(killing?.object.namespace, "test");
  await second.stop();
});

test("a second kubelet on the same folder is refused", async (t) => {
  const node = await kubeletNode(t);
  const kubelet = await node.start([new ListSource("list", [])]);
  await assert.rejects(node.start([new ListSource("list", [])]), {
    reason: "name_reserved",
    message: /createKubelet: another kubelet uses the folder /,
  });
  await kubelet.close();
  await (await node.start([new ListSource("list", [])])).close();
});
