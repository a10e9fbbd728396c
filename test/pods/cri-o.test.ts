// CRI-O gives a container that is to be removed the deadline of the call, and holds a second RunPodSandbox of a pod until its deadline.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { type ContainerSpec, type Cri, connect, type Pod } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { busybox } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { programs } from "../support/scripted-programs.js";
import { tempFolder } from "../support/temp.js";
import { until, within } from "../support/waiting.js";

/** Far longer than a removal takes on a busy machine, and far shorter than the deadline of an RPC. */
const boundMs = 30_000;

const stubborn: ContainerSpec = { name: "stubborn", image: busybox, command: ["ignore-term"] };

async function crio(t: TestContext, more: { readonly podStartMs?: number } = {}) {
  checkLeaks(t);
  const runtime = await EmbeddedRuntime.start({ programs, like: "cri-o", preload: [busybox], ...more });
  cleanup(t, () => within(boundMs, runtime.close(), "close()"));
  const client = () => {
    const cri = connect.through(runtime);
    cleanup(t, () => cri.close());
    return cri;
  };
  return { runtime, client, cri: client() };
}

/** Runs a pod with a container that ignores SIGTERM, and one that is only created. */
async function stubbornPod(cri: Cri, name = "stubborn"): Promise<Pod> {
  const pod = await cri.pods.run({ name });
  await pod.runContainer(stubborn);
  await pod.createContainer({ ...stubborn, name: "created" });
  return pod;
}

/** Makes a call that must take its whole deadline. The runtime responds at the same moment, so the call may still succeed. */
async function lastsFor(ms: number, call: (timeoutMs: number) => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await call(ms).catch(({ reason }) => assert.equal(reason, "deadline"));
  assert.ok(performance.now() - startedAt > ms * 0.9);
}

test("the profile: removals take the whole deadline, and meanwhile lists of stats hang", async (t) => {
  const { cri } = await crio(t);
  const pod = await stubbornPod(cri);
  const other = await (await cri.pods.run({ name: "other" })).runContainer({ ...stubborn, command: ["run"] });
  const [first] = await pod.containers({ state: "running" });
  const [second] = await pod.containers({ state: "created" });
  for (const { id: containerId = "" } of [first ?? other, second ?? other]) {
    const removal = lastsFor(3_000, (timeoutMs) =>
      cri.runtime.removeContainer({ containerId }, { timeoutMs }),
    );
    const listsHang = async () => {
      const list = cri.runtime.listContainerStats({}, { timeoutMs: 200 });
      return await list.then(
        () => false,
        ({ reason }) => reason === "deadline",
      );
    };
    await until(listsHang, "lists of stats hang", 2_500);
    const { stats } = await cri.runtime.containerStats({ containerId: other.id });
    assert.equal(stats?.attributes?.id, other.id);
    await removal;
  }
  // The deadline has killed both.
  await within(boundMs, cri.runtime.stopPodSandbox({ podSandboxId: pod.id }));
  assert.equal((await cri.runtime.listContainerStats()).stats.length, 1);
  const held = await stubbornPod(cri, "held");
  await lastsFor(500, (timeoutMs) => cri.runtime.stopPodSandbox({ podSandboxId: held.id }, { timeoutMs }));
});

test("the profile: a second RunPodSandbox is held until its deadline", async (t) => {
  const { cri } = await crio(t, { podStartMs: 300 });
  const config = { metadata: { name: "twice", namespace: "test", uid: "uid", attempt: 0 } };
  const first = cri.runtime.runPodSandbox({ config });
  const second = failure(cri.runtime.runPodSandbox({ config }, { timeoutMs: 1_500 }), "deadline");
  assert.deepEqual((await cri.runtime.listPodSandbox()).items, []);
  const { podSandboxId } = await first;
  await second;
  assert.equal((await cri.runtime.runPodSandbox({ config })).podSandboxId, podSandboxId);
});

test("a pod with running and created containers is stopped and removed in seconds", async (t) => {
  const { cri } = await crio(t);
  const pod = await stubbornPod(cri);
  await within(boundMs, pod.stop({ gracePeriodMs: 0 }), "stop()");
  await within(boundMs, pod.remove(), "remove()");
  const removed = await stubbornPod(cri);
  await within(boundMs, removed.remove(), "remove() of a running pod");
  assert.deepEqual(await cri.pods.list(), []);
});

test("a grace period is that of the call, and the created container does not prolong it", async (t) => {
  const { cri } = await crio(t);
  const pod = await stubbornPod(cri);
  await within(boundMs, pod.stop({ gracePeriodMs: 1_000 }), "stop()");
  assert.equal((await pod.status()).state, "notReady");
});

test("a container is removed in seconds, running or only created", async (t) => {
  const { cri } = await crio(t);
  const pod = await stubbornPod(cri);
  for (const container of await pod.containers())
    await within(boundMs, container.remove(), `remove() of ${container.name}`);
  assert.deepEqual(await pod.containers(), []);
});

test("a rollback removes what runs, and a sweep and ensure() remove pods with running containers", async (t) => {
  const { cri, runtime } = await crio(t);
  runtime.faults.failNext("startContainer", { code: "unknown", message: "not today" });
  const failed = cri.pods.runContainer({ name: "rolled-back" }, stubborn);
  const error = await within(boundMs, failure(failed), "runContainer()");
  assert.deepEqual([error.rawMessage, error.leftovers], ["not today", []]);

  const { pod } = await cri.pods.ensure({ name: "ensured" });
  await pod.ensureContainer(stubborn);
  const next = await within(boundMs, cri.pods.ensure({ name: "ensured", labels: { v: "2" } }), "ensure()");
  assert.equal(next.outcome, "recreated");
  await next.pod.ensureContainer(stubborn);
  const { removed } = await within(boundMs, cri.sweep({ ensured: true }), "sweep()");
  assert.deepEqual(
    removed.map(({ id }) => id),
    [next.pod.id],
  );
});

test("stats of the node do not wait for a removal that hangs", async (t) => {
  const { cri } = await crio(t);
  const pod = await stubbornPod(cri);
  const other = await (await cri.pods.run({ name: "other" })).runContainer({ ...stubborn, command: ["run"] });
  const stop = cri.runtime.stopPodSandbox({ podSandboxId: pod.id }, { timeoutMs: 60_000 });
  const { items } = await within(boundMs, cri.stats.containers({}, { timeoutMs: 2_000 }), "stats");
  assert.ok(items.some(({ id }) => id === other.id));
  await within(boundMs, pod.remove(), "remove()");
  await within(boundMs, stop, "the stop ends with the containers");
});

test("a container without a log path has the log that its status names, and its removal removes the file", async (t) => {
  const { runtime } = await crio(t);
  const logRoot = await tempFolder(t);
  const cri = connect.through({ transport: runtime.transport, pods: { logRoot } });
  cleanup(t, () => cri.close());
  const pod = await cri.pods.run({ name: "logs" });
  const spec = { name: "main", image: busybox, command: ["print", "one\n"], logPath: false } as const;
  const container = await pod.runContainer(spec);
  await container.wait({ timeoutMs: boundMs });
  const [listed] = await cri.containers.list();
  for (const one of [container, listed ?? container]) {
    const texts = [];
    for await (const { text } of one.logs()) texts.push(text);
    assert.deepEqual(texts, ["one"]);
  }
  const directory = pod.config?.logDirectory ?? "";
  assert.deepEqual(await readdir(directory), [`${container.id}.log`]);
  await container.remove();
  assert.deepEqual(await readdir(directory), []);
});

test("ensure() from two clients creates one pod, although CRI-O holds the second call", async (t) => {
  const { client } = await crio(t, { podStartMs: 1_000 });
  const spec = { name: "shared" };
  const ensured = await within(
    boundMs,
    Promise.all([client(), client()].map((cri) => cri.pods.ensure(spec))),
    "both",
  );
  assert.equal(new Set(ensured.map(({ pod }) => pod.id)).size, 1);
  assert.deepEqual(ensured.map(({ outcome }) => outcome).sort(), ["adopted", "created"]);
});
