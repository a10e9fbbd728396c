import assert from "node:assert/strict";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Pod } from "../../../src/kubernetes/index.js";
import { sandboxConfig } from "../../support/embedded.js";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { until } from "../../support/waiting.js";

test("a Pod that was edited while no kubelet ran replaces the old one, even before all sources are known", async (t) => {
  const node = await kubeletNode(t);
  const first = await node.start([new ListSource("list", [onePod("a"), onePod("b")])]);
  await untilPhase(first, "Running", "a", "b");
  await first.close();
  const edited = onePod("a", ["sleep", "1000"]);
  const list = new ListSource("list", [edited]);
  const second = await node.start([list, new ListSource("silent", undefined)]);
  await untilPhase(second, "Running", "a");
  const names = (await node.cri.runtime.listPodSandbox({})).items.map(({ metadata }) => metadata);
  assert.deepEqual(
    names.map((metadata) => metadata?.uid).filter((uid) => uid !== onePod("b").metadata?.uid),
    [edited.metadata?.uid],
  );
  assert.equal(names.length, 2, "b is not removed before all sources are known");
  assert.deepEqual(
    list.events
      .filter(({ reason }) => reason === "Killing" || reason === "Started")
      .map(({ reason }) => reason),
    ["Killing", "Started"],
  );
  await second.stop();
});

test("a Pod that comes back while it is being removed as an orphan starts after that", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a", ["ignore-term"], { terminationGracePeriodSeconds: 2 });
  const first = await node.start([new ListSource("list", [pod])]);
  await untilPhase(first, "Running", "a");
  const [old] = (await node.cri.runtime.listContainers({})).containers;
  await first.close();
  const list = new ListSource("list", []);
  const second = await node.start([list]);
  await until(() => list.events.some(({ reason }) => reason === "Killing"), "the orphan is being killed");
  list.set(pod);
  await untilPhase(second, "Running", "a");
  const { containers } = await node.cri.runtime.listContainers({});
  assert.equal(containers.length, 1);
  assert.notEqual(containers[0]?.id, old?.id);
  await second.stop({ gracePeriodSeconds: 1 });
});

test("files that a crash left without anything in the runtime are removed", async (t) => {
  const node = await kubeletNode(t);
  const first = await node.start([new ListSource("list", [onePod("a")])]);
  await untilPhase(first, "Running", "a");
  await first.close();
  for (const { id } of (await node.cri.runtime.listPodSandbox({})).items) {
    await node.cri.runtime.stopPodSandbox({ podSandboxId: id });
    await node.cri.runtime.removePodSandbox({ podSandboxId: id });
  }
  const second = await node.start([new ListSource("list", [])]);
  await until(async () => (await readdir(join(node.rootDir, "pods"))).length === 0, "no files");
  await second.stop();
});

test("pods of others stay, unless foreign pods are to be removed", async (t) => {
  const node = await kubeletNode(t);
  const foreign = {
    ...sandboxConfig("foreign"),
    labels: {
      "io.kubernetes.pod.name": "foreign",
      "io.kubernetes.pod.namespace": "test",
      "io.kubernetes.pod.uid": "uid-of-foreign",
    },
  };
  const { podSandboxId } = await node.cri.runtime.runPodSandbox({ config: foreign });
  const unlabelled = await node.cri.runtime.runPodSandbox({ config: sandboxConfig("unlabelled") });
  const list = new ListSource("list", [onePod("a")]);
  const keeping = await node.start([list]);
  await untilPhase(keeping, "Running", "a");
  list.set();
  await until(() => list.removed.length === 1, "a is removed");
  const ids = async () => (await node.cri.runtime.listPodSandbox({})).items.map(({ id }) => id).sort();
  assert.deepEqual(await ids(), [podSandboxId, unlabelled.podSandboxId].sort());
  await keeping.close();
  const removing = await node.start([new ListSource("list", [])], { foreignPods: "remove" });
  await until(async () => !(await ids()).includes(podSandboxId), "the foreign pod is removed");
  assert.deepEqual(await ids(), [unlabelled.podSandboxId]);
  await removing.stop();
});

test("the volumes of a Pod are removed when it has ended, and its containers stay for their logs", async (t) => {
  const node = await kubeletNode(t);
  const pod: Pod = onePod("job", ["exit", "0"], {
    restartPolicy: "Never",
    volumes: [{ name: "work", emptyDir: {} }],
  });
  const kubelet = await node.start([new ListSource("list", [pod])]);
  await untilPhase(kubelet, "Succeeded", "job");
  await kubelet.waitFor(() => kubelet.pod("test", "job")?.state === "ended", { timeoutMs: 30_000 });
  const folder = join(node.rootDir, "pods", pod.metadata?.uid ?? "");
  await assert.rejects(access(join(folder, "volumes")), { code: "ENOENT" });
  assert.equal((await node.cri.runtime.listContainers({})).containers.length, 1);
  await kubelet.stop();
  await assert.rejects(access(folder), { code: "ENOENT" });
});
