import assert from "node:assert/strict";
import { test } from "node:test";
import { fixtures, type RuntimeLike } from "../../src/testing/index.js";
import { cleanup } from "../support/cleanup.js";
import { within } from "../support/waiting.js";
import { failure } from "../testing/embedded/support.js";
import { noCgroup, node } from "./support.js";

for (const like of [undefined, "containerd-1.7", "containerd-2.1", "cri-o"] as (RuntimeLike | undefined)[])
  test(`containers and pods of ${like ?? "a runtime as CRI asks for it"}`, async (t) => {
    const { cri, use, clock, startPod } = await node(t, {}, { like });
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

    // Two readings, a thousandth of a second apart here, and a second apart for the runtime, in which it used two.
    const rated = cri.stats.containers({ podId: web.podSandboxId }, { rateOverMs: 20 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    use({ cpuNanos: 6_000_000_000n });
    await clock.advance(1_000);
    assert.ok(Math.abs(((await rated).items[0]?.cpu?.cores ?? 0) - 2) < 0.001);

    await cri.runtime.stopContainer({ containerId: web.containerId, timeout: 0n });
    assert.equal((await failure(cri.stats.container(web.containerId))).reason, "wrong_state");
  });

test("one broken pod never hides the others", async (t) => {
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
  // One that is stopped has no figures, and is not broken.
  await cri.runtime.stopPodSandbox({ podSandboxId: pods[3]?.podSandboxId ?? "" });
  for (const n of [7, 20]) broken.add(pods[n]?.podSandboxId ?? "");
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on("warning", warned);
  cleanup(t, () => process.off("warning", warned));
  const { items, failed } = await cri.stats.pods({}, { signal: new AbortController().signal });
  await new Promise(setImmediate);
  assert.deepEqual(warnings, [], "so many calls on one signal");
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
  assert.match(failed[0]?.error.hint ?? "", /cgroup_parent/);
  const error = await failure(cri.stats.pod(pods[7]?.podSandboxId ?? ""));
  assert.equal(error.reason, "cgroup_parent_missing");
  // Its containers are not hidden either.
  assert.equal((await cri.stats.containers()).items.length, 49);
});

test("a pod that does not answer fails by itself when the time is up", async (t) => {
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

test("one broken container never hides the others", async (t) => {
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

test("a runtime that is away is an error, also between the list and the rest", async (t) => {
  const { cri, runtime, startPod } = await node(t, {}, { like: "containerd-2.1" });
  await startPod("a");
  const away = { code: "unavailable", text: "server is not initialized yet" } as const;
  runtime.faults.failNext("listPodSandboxStats", away, { times: Number.POSITIVE_INFINITY });
  assert.equal((await failure(cri.stats.pods({}, { timeoutMs: 200 }))).reason, "runtime_starting");
  runtime.faults.clear();
  runtime.faults.failNext("listPodSandboxStats", { code: "unknown", text: "oops" });
  runtime.faults.failNext("podSandboxStats", away, { times: Number.POSITIVE_INFINITY });
  assert.equal((await failure(cri.stats.pods({}, { timeoutMs: 200 }))).reason, "runtime_starting");
});

test("an answer without figures is wrong_state", async (t) => {
  const { cri } = await node(t, { containerStats: () => ({}), podSandboxStats: () => ({}) });
  const error = await failure(cri.stats.container("abc"));
  assert.deepEqual([error.reason, error.method], ["wrong_state", "ContainerStats"]);
  assert.equal((await failure(cri.stats.pod("abc"))).reason, "wrong_state");
});

test("one container by its id: one deadline for its figures and for the lists", async (t) => {
  const deadlines: number[] = [];
  const { cri } = await node(
    t,
    {
      async containerStats(_, { deadline }) {
        deadlines.push(deadline?.getTime() ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 500));
        return { stats: fixtures.containerStats() };
      },
      listContainers(_, { deadline }) {
        deadlines.push(deadline?.getTime() ?? Number.POSITIVE_INFINITY);
        return {};
      },
    },
    { like: "containerd-2.1" },
  );
  await cri.stats.container("abc", { timeoutMs: 5_000 });
  const [first = 0, second = 0] = deadlines;
  assert.ok(first > 0 && second - first < 400, `${second - first} ms later`);
});

test("options that cannot be are refused", async (t) => {
  const { cri } = await node(t, { containerStats: () => ({ stats: fixtures.containerStats() }) });
  for (const rateOverMs of [0, -1, Number.NaN, 2 ** 40])
    assert.equal((await failure(cri.stats.containers({}, { rateOverMs }))).reason, "invalid_option");
  assert.throws(() => cri.stats.watch({ intervalMs: 0 }), { reason: "invalid_option" });
  assert.equal((await failure(cri.stats.pods({}, { timeoutMs: -1 }))).reason, "invalid_option");
  const bad = { format: "xml" as "text" };
  assert.equal((await failure(cri.stats.toPrometheus(bad))).reason, "invalid_option");
});
