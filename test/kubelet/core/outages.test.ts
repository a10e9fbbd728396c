import assert from "node:assert/strict";
import { test } from "node:test";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { until, within } from "../../support/waiting.js";

const relist = { statusMs: 50, downAfterMs: 300, eventedMs: 200, genericMs: 100 };

test("an outage of the runtime makes the node not ready, and no container is restarted for it", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a"), onePod("b")]);
  const kubelet = await node.start([list], { relist });
  await untilPhase(kubelet, "Running", "a", "b");
  await kubelet.waitUntilReady({ timeoutMs: 30_000 });
  const ids = () => kubelet.pods().flatMap(({ observed }) => observed.containers.map(({ id }) => id));
  const before = ids();
  await node.runtime.faults.crash();
  await kubelet.waitFor(() => !kubelet.isReady(), { timeoutMs: 30_000 });
  // Pods that come meanwhile start afterwards.
  list.set(onePod("a"), onePod("b"), onePod("c"));
  await node.runtime.faults.restart();
  await kubelet.waitUntilReady({ timeoutMs: 30_000 });
  await untilPhase(kubelet, "Running", "a", "b", "c");
  assert.deepEqual(ids().slice(0, 2), before);
  for (const { status } of kubelet.pods()) assert.equal(status.containerStatuses?.[0]?.restartCount, 0);
  await kubelet.stop();
});

test("a kubelet that starts before its runtime waits for it, and a signal ends that", async (t) => {
  const node = await kubeletNode(t);
  await node.runtime.faults.crash();
  const cancel = new AbortController();
  const canceled = node.start([new ListSource("list", [])], { signal: cancel.signal });
  setTimeout(() => cancel.abort(), 300);
  await assert.rejects(within(10_000, canceled), { reason: "aborted_by_caller" });

  const starting = node.start([new ListSource("list", [onePod("a")])], { relist });
  setTimeout(() => void node.runtime.faults.restart(), 300);
  const kubelet = await starting;
  await untilPhase(kubelet, "Running", "a");
  await kubelet.stop();
});

test("a kubelet closes while its runtime is down, and leaves its lock", async (t) => {
  const node = await kubeletNode(t);
  const first = await node.start([new ListSource("list", [onePod("a")])], { relist });
  await untilPhase(first, "Running", "a");
  const { containers } = await node.cri.runtime.listContainers({});
  await node.runtime.faults.crash();
  await within(30_000, first.close(), "close()");
  await node.runtime.faults.restart();
  const second = await node.start([new ListSource("list", [onePod("a")])], { relist });
  await untilPhase(second, "Running", "a");
  assert.deepEqual(
    second.pod("test", "a")?.observed.containers.map(({ id }) => id),
    containers.map(({ id }) => id),
  );
  await second.stop();
});

test("the option signal closes a kubelet that runs; waits end with client_closed", async (t) => {
  const node = await kubeletNode(t);
  const end = new AbortController();
  const list = new ListSource("list", [onePod("a")]);
  const kubelet = await node.start([list], { signal: end.signal });
  await untilPhase(kubelet, "Running", "a");
  const waiting = assert.rejects(
    kubelet.waitFor(() => false),
    { reason: "client_closed" },
  );
  end.abort();
  await within(10_000, waiting);
  await until(() => list.isClosed, "the source is closed");
  await kubelet.close();
  assert.equal((await node.cri.runtime.listPodSandbox({})).items.length, 1);
  await (await node.start([new ListSource("list", [])])).stop();
});

test("110 Pods run, and the next kubelet continues with all of them", async (t) => {
  const node = await kubeletNode(t, { callLimit: 100_000 });
  const pods = Array.from({ length: 110 }, (_, n) => onePod(`p${n}`));
  const names = pods.map(({ metadata }) => metadata?.name ?? "");
  const first = await node.start([new ListSource("list", [...pods, onePod("one-too-many")])]);
  await untilPhase(first, "Running", ...names);
  assert.equal(first.pod("test", "one-too-many")?.status.reason, "OutOfpods");
  const calls = node.runtime.calls.of("runPodSandbox").length;
  assert.equal(calls, 110);
  await first.close();
  const second = await node.start([new ListSource("list", pods)]);
  await untilPhase(second, "Running", ...names);
  assert.equal(node.runtime.calls.of("runPodSandbox").length, calls);
  assert.equal(node.runtime.calls.of("stopContainer").length, 0);
  await second.stop();
  assert.deepEqual((await node.cri.runtime.listPodSandbox({})).items, []);
});

test("a kubelet closes in time although the runtime answers nothing", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a")]);
  const kubelet = await node.start([list], { relist });
  await untilPhase(kubelet, "Running", "a");
  for (const method of ["listContainers", "listPodSandbox", "runPodSandbox", "status", "version"] as const)
    node.runtime.faults.delay(method, 25_000, { times: Number.POSITIVE_INFINITY });
  list.set(onePod("a"), onePod("b"));
  list.host?.refresh();
  await until(
    () => node.runtime.calls.of("listContainers").some(({ durationNanos }) => durationNanos === undefined),
    "a call that hangs",
  );
  // Each step has ten seconds.
  await within(25_000, kubelet.close(), "close()");
  node.runtime.faults.clear();
});
