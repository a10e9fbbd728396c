import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { GarbageCollection, type GarbageParts } from "../../../src/kubelet/garbage/index.js";
import type { KubeletEvent, KubeletPod } from "../../../src/kubelet/index.js";
import { NodeRelist } from "../../../src/kubelet/relist/index.js";
import { observePod } from "../../../src/kubernetes/index.js";
import { busybox, scripted } from "../../support/embedded.js";
import { kubeletPodOf } from "../../support/kubelet-pods.js";
import { nodeOf } from "../../support/node-files.js";
import { VirtualClock } from "../../support/virtual-clock.js";

async function kubeletOf(t: TestContext, options: Pick<GarbageParts, "foreignPods"> = {}) {
  const clock = new VirtualClock();
  const { runtime, cri } = await scripted(t, { clock: clock.runtime });
  clock.activity = () => runtime.calls.total;
  const { folder, rootDir, podLogsDir, files } = await nodeOf(t);
  const containerLogsDir = join(folder, "links");
  await mkdir(containerLogsDir);
  const pods: KubeletPod[] = [];
  const events: Omit<KubeletEvent, "timeMs">[] = [];
  const sources = { all: true };
  const relist = new NodeRelist({ cri, clock });
  const view = {
    ...{ cri, clock, files, nodeName: "node" },
    pods: () => pods,
    hasAllSources: () => sources.all,
    record: (event: Omit<KubeletEvent, "timeMs">) => events.push(event),
  };
  const garbage = new GarbageCollection({ view, relist, podLogsDir, containerLogsDir, ...options });
  /** Runs a pod with containers that exit at once, one instance after the other. */
  const runPod = async (uid: string, instances: readonly string[]) => {
    const labels = { "io.kubernetes.pod.uid": uid };
    const logDirectory = join(podLogsDir, `test_${uid}_${uid}`);
    const config = { metadata: { name: uid, namespace: "test", uid, attempt: 0 }, labels, logDirectory };
    await mkdir(join(logDirectory, "c"), { recursive: true });
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    const ids: string[] = [];
    for (const [attempt, command] of instances.entries()) {
      await clock.advance(1_000);
      const { containerId } = await cri.runtime.createContainer({
        podSandboxId,
        config: {
          ...{ metadata: { name: "c", attempt }, image: { image: busybox }, labels },
          ...{ command: command.split(" "), logPath: `c/${attempt}.log` },
        },
        sandboxConfig: config,
      });
      await cri.runtime.startContainer({ containerId });
      ids.push(containerId);
      const link = join(containerLogsDir, `${uid}_test_c-${containerId}.log`);
      await symlink(join(logDirectory, "c", `${attempt}.log`), link);
    }
    await mkdir(join(rootDir, "pods", uid), { recursive: true });
    return { podSandboxId, ids };
  };
  const containers = async () => (await cri.runtime.listContainers({})).containers.map(({ id }) => id);
  const addPod = async (uid: string, state: KubeletPod["state"]) => {
    const observed = await observePod(cri.runtime, uid);
    pods.push(kubeletPodOf({ uid, name: uid, state, observed }));
  };
  const { signal } = new AbortController();
  return {
    ...{ runtime, cri, clock, garbage, runPod, addPod, containers, pods, events, sources, relist, view },
    ...{ rootDir, podLogsDir, containerLogsDir, files, signal },
  };
}

test("of a pod that has ended, older instances go with their logs and links; everything goes when the node needs space", async (t) => {
  const { garbage, runPod, addPod, containers, podLogsDir, containerLogsDir, signal } = await kubeletOf(t);
  const { ids } = await runPod("ended", ["exit 1", "exit 1", "exit 0"]);
  const active = await runPod("active", ["exit 1", "exit 1"]);
  await addPod("ended", "ended");
  await addPod("active", "active");
  await garbage.collect(signal);
  assert.deepEqual((await containers()).sort(), [ids[2], ...active.ids].sort());
  assert.deepEqual(await readdir(join(podLogsDir, "test_ended_ended", "c")), ["2.log"]);
  const links = (await readdir(containerLogsDir)).filter((name) => name.startsWith("ended"));
  assert.deepEqual(links, [`ended_test_c-${ids[2]}.log`]);
  await garbage.collect(signal, { everything: true });
  assert.deepEqual((await containers()).sort(), [...active.ids].sort());
  assert.deepEqual(await readdir(join(podLogsDir, "test_ended_ended", "c")), []);
});

test("dead containers, sandboxes and logs of removed pods are removed once every source has given its pods", async (t) => {
  const { garbage, runPod, containers, cri, files, podLogsDir, containerLogsDir, sources, signal } =
    await kubeletOf(t);
  const { podSandboxId } = await runPod("gone", ["exit 1", "exit 0"]);
  await cri.runtime.stopPodSandbox({ podSandboxId });
  sources.all = false;
  await garbage.collect(signal);
  assert.equal((await containers()).length, 2);
  sources.all = true;
  await garbage.collect(signal);
  assert.deepEqual(await containers(), []);
  assert.deepEqual((await cri.runtime.listPodSandbox({})).items, []);
  await garbage.collect(signal);
  assert.equal(
    existsSync(join(podLogsDir, "test_gone_gone")),
    true,
    "its files are there: it is not removed yet",
  );
  await files.removePod("gone");
  await garbage.collect(signal);
  assert.equal(existsSync(join(podLogsDir, "test_gone_gone")), false);
  assert.deepEqual(await readdir(containerLogsDir), []);
});

test("garbage collection does not stop running containers of removed pods", async (t) => {
  const { garbage, runPod, containers, signal } = await kubeletOf(t);
  const { ids } = await runPod("gone", ["run"]);
  await garbage.collect(signal, { everything: true });
  assert.deepEqual(await containers(), ids);
});

test("objects of other owners stay, unless foreign pods are removed", async (t) => {
  for (const foreignPods of ["keep", "remove"] as const) {
    const { garbage, runPod, containers, files, podLogsDir, signal, cri } = await kubeletOf(t, {
      foreignPods,
    });
    const { ids, podSandboxId } = await runPod("foreign", ["exit 1"]);
    await cri.runtime.stopPodSandbox({ podSandboxId });
    // Its files are elsewhere.
    await files.removePod("foreign");
    await mkdir(join(podLogsDir, "test_other_other"));
    await garbage.collect(signal);
    await garbage.collect(signal);
    const isKept = foreignPods === "keep";
    assert.deepEqual(await containers(), isKept ? ids : []);
    for (const name of ["test_foreign_foreign", "test_other_other"])
      assert.equal(existsSync(join(podLogsDir, name)), isKept, `${name}, ${foreignPods}`);
  }
});

test("links without a log are removed; links of running containers or to other folders, and other files stay", async (t) => {
  const { garbage, runPod, addPod, podLogsDir, containerLogsDir, folderOf, signal } = {
    ...(await kubeletOf(t)),
    folderOf: (uid: string) => join("test_x_y", uid),
  };
  const { ids } = await runPod("active", ["run"]);
  await addPod("active", "active");
  const link = async (name: string, target: string) => symlink(target, join(containerLogsDir, name));
  // While the log of a running container is rotated, its link leads nowhere.
  await link(`other-${ids[0]}.log`, join(podLogsDir, folderOf("c"), "9.log"));
  await link("dangling-0123456789ab.log", join(podLogsDir, folderOf("c"), "9.log"));
  await link("elsewhere-0123456789ab.log", "/nonexistent/log");
  await writeFile(join(containerLogsDir, "file.log"), "text");
  await garbage.collect(signal);
  assert.deepEqual((await readdir(containerLogsDir)).sort(), [
    `active_test_c-${ids[0]}.log`,
    "elsewhere-0123456789ab.log",
    "file.log",
    `other-${ids[0]}.log`,
  ]);
  assert.equal(await readlink(join(containerLogsDir, "elsewhere-0123456789ab.log")), "/nonexistent/log");
});

test("collects each minute, and reports a second failure in a row", async (t) => {
  const { garbage, runtime, clock, events, runPod, addPod, containers } = await kubeletOf(t);
  await runPod("ended", ["exit 1", "exit 0"]);
  await addPod("ended", "ended");
  const controller = new AbortController();
  runtime.faults.failNext("removeContainer", { code: "internal", message: "busy" }, { times: 2 });
  const run = garbage.run(controller.signal);
  await clock.until(() => events.length > 0);
  assert.deepEqual(events, [
    {
      type: "Warning",
      reason: "ContainerGCFailed",
      message: "busy",
      object: { kind: "Node", namespace: "", name: "node", uid: "node" },
    },
  ]);
  const passedMs = await clock.until(async () => (await containers()).length === 1);
  assert.ok(passedMs > 50_000 && passedMs <= 61_000, `${passedMs} ms`);
  controller.abort();
  await run;
});
