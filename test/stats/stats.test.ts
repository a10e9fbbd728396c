import assert from "node:assert/strict";
import { test } from "node:test";
import { fixtures, type RuntimeLike } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { noCgroup, node } from "../support/stats-node.js";
import { until, within } from "../support/waiting.js";

for (const like of [undefined, "containerd-1.7", "containerd-2.1", "cri-o"] as (RuntimeLike | undefined)[])
  test(`usage of containers and pods (${like ?? "no profile"})`, async (t) => {
    const { runtime, cri, use, clock, startPod } = await node(t, {}, { like });
    const web = await startPod("web", { app: "web" });
    const db = await startPod("db", { app: "db" });
    use({ cpuNanos: 4_000_000_000n, memoryBytes: 5n });
    const { items, failed } = await cri.stats.containers();
    assert.deepEqual(failed, []);
    assert.deepEqual(
      items.map(({ id, podId, podName, podNamespace, podUid }) => [id, podId, podName, podNamespace, podUid]),
      [
        [db.containerId, db.podSandboxId, "db", "test", "uid-of-db"],
        [web.containerId, web.podSandboxId, "web", "test", "uid-of-web"],
      ],
    );
    assert.equal(items[0]?.memory?.workingSetBytes, 5n);
    assert.equal(items[0]?.cpu?.usageSeconds, 4);
    assert.ok(items[0]?.createdAt);
    const names = async (...filter: Parameters<typeof cri.stats.containers>) =>
      (await cri.stats.containers(...filter)).items.map(({ podName }) => podName);
    assert.deepEqual(await names({ podId: web.podSandboxId }), ["web"]);
    assert.deepEqual(await names({ id: db.containerId.slice(0, 20) }), ["db"]);
    assert.deepEqual(await names({ labels: { app: "web" } }), ["web"]);

    const pods = await cri.stats.pods();
    assert.deepEqual(
      pods.items.map(({ id, name, containers }) => [id, name, containers[0]?.id, containers[0]?.podName]),
      [
        [db.podSandboxId, "db", db.containerId, "db"],
        [web.podSandboxId, "web", web.containerId, "web"],
      ],
    );
    assert.equal((await cri.stats.pods({ labels: { app: "web" } })).items[0]?.name, "web");
    assert.equal((await cri.stats.pods({ id: db.podSandboxId })).items.length, 1);

    const one = await cri.stats.container(web.containerId.slice(0, 20));
    assert.deepEqual([one.id, one.podName], [web.containerId, "web"]);
    assert.equal((await cri.stats.pod(db.podSandboxId)).cpu?.usageNanos, 4_000_000_000n);
    assert.equal((await failure(cri.stats.container("no-such-id"))).reason, "object_missing");
    assert.equal((await failure(cri.stats.pod("no-such-id"))).reason, "object_missing");

    // Two readings, 500 ms apart here but one second apart on the runtime's clock, with two seconds of CPU time in between.
    const { total } = runtime.calls;
    const rated = cri.stats.containers({ podId: web.podSandboxId }, { rateOverMs: 500 });
    await until(() => {
      const calls = runtime.calls.all.slice(total);
      return calls.length === 3 && calls.every(({ durationNanos }) => durationNanos !== undefined);
    }, "the first reading");
    use({ cpuNanos: 6_000_000_000n });
    await clock.advance(1_000);
    const cores = (await rated).items[0]?.cpu?.cores ?? 0;
    assert.ok(Math.abs(cores - 2) < 0.001, `${cores} cores`);

    await cri.runtime.stopContainer({ containerId: web.containerId, timeout: 0n });
    assert.equal((await failure(cri.stats.container(web.containerId))).reason, "wrong_state");
  });

test("a broken pod hides no other", async (t) => {
  const broken = new Set<string>();
  const { cri, runtime, startPod } = await node(t, {
    listPodSandboxStats() {
      throw noCgroup([...broken][0] ?? "");
    },
    streamPodSandboxStats() {
      throw noCgroup([...broken][0] ?? "");
    },
    podSandboxStats(request, context) {
      if (broken.has(request.podSandboxId)) throw noCgroup(request.podSandboxId);
      return own(request, context);
    },
  });
  const own = runtime.services.runtime?.podSandboxStats ?? assert.fail();
  const pods = await Promise.all(Array.from({ length: 50 }, (_, n) => startPod(`pod-${n + 10}`)));
  // A stopped pod has no stats, and does not count as failed.
  await cri.runtime.stopPodSandbox({ podSandboxId: pods[3]?.podSandboxId ?? "" });
  for (const n of [7, 20]) broken.add(pods[n]?.podSandboxId ?? "");
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on("warning", warned);
  cleanup(t, () => process.off("warning", warned));
  const { items, failed } = await cri.stats.pods({}, { signal: new AbortController().signal });
  await new Promise(setImmediate);
  assert.deepEqual(warnings, [], "no warning about many listeners on one signal");
  assert.equal(items.length, 47);
  assert.deepEqual(
    items.map(({ name }) => name),
    items.map(({ name }) => name).sort(),
  );
  assert.deepEqual(
    failed
      .map(({ kind, name, namespace, error }) => [kind, name, namespace, error.code, error.reason])
      .sort(),
    [
      ["pod", "pod-17", "test", "failed_precondition", "cgroup_parent_missing"],
      ["pod", "pod-30", "test", "failed_precondition", "cgroup_parent_missing"],
    ],
  );
  assert.match(failed[0]?.error.hint ?? "", /linux\.cgroupParent/);
  const error = await failure(cri.stats.pod(pods[7]?.podSandboxId ?? ""));
  assert.equal(error.reason, "cgroup_parent_missing");
  // The containers of a broken pod are listed, too.
  assert.equal((await cri.stats.containers()).items.length, 49);
});

test("a pod whose call hangs fails alone at the deadline", async (t) => {
  let stuck = "";
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const { cri, runtime, startPod } = await node(
    t,
    {
      listPodSandboxStats: (_, { signal }) => hang(signal),
      podSandboxStats: (request, context) =>
        request.podSandboxId === stuck ? hang(context.signal) : own(request, context),
    },
    { like: "containerd-2.1" },
  );
  const own = runtime.services.runtime?.podSandboxStats ?? assert.fail();
  await startPod("good");
  ({ podSandboxId: stuck } = await startPod("stuck"));
  const { items, failed } = await within(10_000, cri.stats.pods({}, { timeoutMs: 400 }));
  assert.deepEqual(
    items.map(({ name }) => name),
    ["good"],
  );
  assert.deepEqual(
    failed.map(({ name, error }) => [name, error.reason]),
    [["stuck", "deadline"]],
  );

  const stop = new AbortController();
  const stopped = failure(cri.stats.pods({}, { signal: stop.signal }));
  stop.abort();
  assert.equal((await stopped).reason, "aborted_by_caller");
});

test("a broken container hides no other", async (t) => {
  let broken = "";
  const { cri, runtime, startPod } = await node(
    t,
    {
      listContainerStats() {
        throw noCgroup(broken);
      },
      containerStats(request, context) {
        if (request.containerId === broken) throw noCgroup(broken);
        return own(request, context);
      },
    },
    { like: "containerd-2.1" },
  );
  const own = runtime.services.runtime?.containerStats ?? assert.fail();
  await startPod("good");
  const bad = await startPod("bad");
  broken = bad.containerId;
  const { items, failed } = await cri.stats.containers();
  assert.deepEqual(
    items.map(({ podName }) => podName),
    ["good"],
  );
  assert.deepEqual(
    failed.map(({ error, ...rest }) => [rest, error.reason]),
    [
      [
        {
          ...{ kind: "container", id: broken, name: "main", podId: bad.podSandboxId },
          ...{ podName: "bad", namespace: "test", podUid: "uid-of-bad" },
        },
        "runtime_error",
      ],
    ],
  );
});

test("an unavailable runtime is an error, even after the list failed", async (t) => {
  const { cri, runtime, startPod } = await node(t, {}, { like: "containerd-2.1" });
  await startPod("a");
  const unavailable = { code: "unavailable", message: "server is not initialized yet" } as const;
  runtime.faults.failNext("listPodSandboxStats", unavailable, { times: Number.POSITIVE_INFINITY });
  assert.equal((await failure(cri.stats.pods({}, { timeoutMs: 200 }))).reason, "runtime_starting");
  runtime.faults.clear();
  runtime.faults.failNext("listPodSandboxStats", { code: "unknown", message: "oops" });
  runtime.faults.failNext("podSandboxStats", unavailable, { times: Number.POSITIVE_INFINITY });
  assert.equal((await failure(cri.stats.pods({}, { timeoutMs: 200 }))).reason, "runtime_starting");
});

test("a response without stats is wrong_state", async (t) => {
  const { cri } = await node(t, { containerStats: () => ({}), podSandboxStats: () => ({}) });
  const error = await failure(cri.stats.container("abc"));
  assert.deepEqual([error.reason, error.method], ["wrong_state", "ContainerStats"]);
  assert.equal((await failure(cri.stats.pod("abc"))).reason, "wrong_state");
});

test("container() has one deadline for its stats and for the lists", async (t) => {
  const deadlines: number[] = [];
  const called: number[] = [];
  const { cri } = await node(
    t,
    {
      async containerStats(_, { deadline }) {
        called.push(Date.now());
        deadlines.push(deadline?.getTime() ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 500));
        return { stats: fixtures.containerStats() };
      },
      listContainers(_, { deadline }) {
        called.push(Date.now());
        deadlines.push(deadline?.getTime() ?? Number.POSITIVE_INFINITY);
        return {};
      },
    },
    { like: "containerd-2.1" },
  );
  await cri.stats.container("abc", { timeoutMs: 60_000 });
  const [first = 0, second = 0] = deadlines;
  const [firstCall = 0, secondCall = 0] = called;
  // With a deadline of its own, the second call's would be as much later as the call.
  assert.ok(first > 0 && second - first < (secondCall - firstCall) / 2, `${second - first} ms later`);
});

test("invalid options are refused", async (t) => {
  const { cri } = await node(t, { containerStats: () => ({ stats: fixtures.containerStats() }) });
  for (const rateOverMs of [0, -1, Number.NaN, 2 ** 40])
    assert.equal((await failure(cri.stats.containers({}, { rateOverMs }))).reason, "invalid_option");
  assert.throws(() => cri.stats.watch({ intervalMs: 0 }), { reason: "invalid_option" });
  assert.equal((await failure(cri.stats.pods({}, { timeoutMs: -1 }))).reason, "invalid_option");
  const bad = { format: "xml" as "text" };
  assert.equal((await failure(cri.stats.toPrometheus(bad))).reason, "invalid_option");
});
