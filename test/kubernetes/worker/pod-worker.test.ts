// The pod worker on an embedded runtime with functions for programs, on a virtual clock: its steps, their order, and their times.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodStatus } from "../../../src/kubernetes/index.js";
import { container, runWorker, startWorker } from "../../support/pod-workers.js";
import { within } from "../../support/waiting.js";

const stateOf = (status: PodStatus | undefined, name: string) =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
    (one) => one.name === name,
  );
const isRunning = (status: PodStatus | undefined, ...names: string[]) =>
  names.every((name) => stateOf(status, name)?.state?.running !== undefined);
const createdNames = (runtime: Awaited<ReturnType<typeof startWorker>>["runtime"]) =>
  runtime.calls.of("createContainer").map(({ request }) => request.config?.metadata?.name);

test("init containers run one after the other, a sidecar beside them, then the containers", async (t) => {
  const { runtime, worker, clock, events } = await startWorker(t, {
    spec: {
      initContainers: [
        container("first", "sleep", "5"),
        { ...container("sidecar", "run"), restartPolicy: "Always" },
        container("second", "sleep", "5"),
      ],
      containers: [container("a", "run"), container("b", "run")],
    },
  });
  await clock.until(() => isRunning(worker.status, "first"));
  assert.equal(worker.status?.phase, "Pending");
  assert.deepEqual(createdNames(runtime), ["first"]);
  await clock.until(() => isRunning(worker.status, "second"));
  assert.ok(isRunning(worker.status, "sidecar"));
  await clock.until(() => isRunning(worker.status, "sidecar", "a", "b"));
  assert.equal(worker.status?.phase, "Running");
  assert.deepEqual(createdNames(runtime), ["first", "sidecar", "second", "a", "b"]);
  assert.equal(runtime.calls.of("runPodSandbox").length, 1);
  assert.deepEqual(
    events.filter(({ container: name }) => name === "a").map(({ reason }) => reason),
    ["Created", "Started"],
  );
});

test("a pod stops its containers first, then its sidecars in the reverse order, then the sandbox", async (t) => {
  const { runtime, worker, clock } = await startWorker(t, {
    spec: {
      terminationGracePeriodSeconds: 30,
      initContainers: [
        { ...container("s1", "run"), restartPolicy: "Always" },
        { ...container("s2", "run"), restartPolicy: "Always" },
      ],
      containers: [container("a", "run"), container("b", "run")],
    },
  });
  await clock.until(() => isRunning(worker.status, "s1", "s2", "a", "b"));
  worker.terminate();
  assert.ok(worker.isTerminating);
  let isDone = false;
  void worker.done.then(() => {
    isDone = true;
  });
  await clock.until(() => isDone);
  const names = new Map(worker.observed.containers.map(({ id, name }) => [id, name]));
  const stopped = runtime.calls.of("stopContainer").map(({ request }) => names.get(request.containerId));
  assert.deepEqual([...stopped.slice(0, 2)].sort(), ["a", "b"]);
  assert.deepEqual(stopped.slice(2), ["s2", "s1"]);
  assert.equal(runtime.calls.of("stopPodSandbox").length, 1);
  assert.ok(worker.status?.containerStatuses?.every(({ state }) => state?.terminated !== undefined));
});

test("row 36: a container that exits at once restarts after 0, 10, 20, 40, 80, 160, 300 and 300 seconds", async (t) => {
  const { runtime, worker, clock, events } = await startWorker(t, {
    spec: { containers: [container("c", "exit", "1")] },
  });
  const starts = () => runtime.calls.of("startContainer");
  await clock.until(() => starts().length === 9, { stepMs: 5_000 });
  const times = starts().map(({ startedAt }) => Number(startedAt / 1_000_000_000n));
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
  const c = stateOf(worker.status, "c");
  await clock.until(() => stateOf(worker.status, "c")?.state?.waiting?.reason === "CrashLoopBackOff");
  assert.match(
    stateOf(worker.status, "c")?.state?.waiting?.message ?? "",
    /^back-off 5m0s restarting failed/,
  );
  assert.equal(stateOf(worker.status, "c")?.lastState?.terminated?.exitCode, 1);
  assert.ok((c?.restartCount ?? 0) >= 7);
  assert.ok(events.some(({ reason }) => reason === "BackOff"));
  // Of the ended instances, the newest is kept.
  await clock.until(() => worker.observed.containers.length === 1);
});

test("row 36: after more than ten minutes of running, the back-off begins anew", async (t) => {
  let runs = 0;
  const { runtime, clock } = await startWorker(
    t,
    { spec: { containers: [container("c", "sometimes")] } },
    {
      programs: {
        async sometimes({ clock }) {
          if (runs++ === 3) await clock.sleep(601_000);
          return 1;
        },
      },
    },
  );
  const starts = () => runtime.calls.of("startContainer");
  await clock.until(() => starts().length === 6);
  const times = starts().map(({ startedAt }) => Number(startedAt / 1_000_000_000n));
  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  assert.deepEqual(waits, [0, 10, 20, 601, 10]);
});

for (const [what, preStopSeconds, gracePeriodSeconds, expected] of [
  ["12.7 s", 12.7, undefined, 18n],
  ["longer than the grace period", 100, undefined, 2n],
  ["100 s, and no grace period", 100, 0, 2n],
] as const)
  test(`row 37: a preStop hook of ${what} leaves StopContainer a timeout of ${expected} s`, async (t) => {
    const { runtime, worker, clock } = await startWorker(t, {
      spec: {
        terminationGracePeriodSeconds: 30,
        containers: [
          {
            ...container("c", "run"),
            lifecycle: { preStop: { exec: { command: ["sleep", String(preStopSeconds)] } } },
          },
        ],
      },
    });
    await clock.until(() => isRunning(worker.status, "c"));
    const startMs = clock.now();
    worker.terminate(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds });
    await clock.until(() => runtime.calls.of("stopContainer").length === 1, { stepMs: 100 });
    const [stop] = runtime.calls.of("stopContainer");
    assert.equal(stop?.request.timeout, expected);
    assert.equal(runtime.calls.of("execSync").length, 1);
    const tookMs = Number((stop?.startedAt ?? 0n) / 1_000_000n) - startMs;
    const limitMs = Math.min(preStopSeconds, gracePeriodSeconds === undefined ? 30 : 1) * 1_000;
    assert.ok(Math.abs(tookMs - limitMs) <= 200, `the hook had ${tookMs} ms`);
  });

test("a shorter grace period takes effect while the pod stops, and the hook runs once", async (t) => {
  const { runtime, worker, clock } = await startWorker(t, {
    spec: {
      terminationGracePeriodSeconds: 3_600,
      containers: [
        {
          ...container("c", "ignore-term"),
          lifecycle: { preStop: { exec: { command: ["sleep", "1"] } } },
        },
      ],
    },
  });
  await clock.until(() => isRunning(worker.status, "c"));
  worker.terminate();
  await clock.until(() => runtime.calls.of("stopContainer").length === 1, { stepMs: 500 });
  const startMs = clock.now();
  worker.terminate({ gracePeriodSeconds: 5 });
  worker.terminate({ gracePeriodSeconds: 100 });
  let isDone = false;
  void worker.done.then(() => {
    isDone = true;
  });
  await clock.until(() => isDone, { stepMs: 500 });
  assert.ok(clock.now() - startMs <= 7_000, `it took ${clock.now() - startMs} ms`);
  assert.equal(runtime.calls.of("execSync").length, 1);
  assert.equal(stateOf(worker.status, "c")?.state?.terminated?.exitCode, 137);
});

test("a pod that is active longer than activeDeadlineSeconds fails", async (t) => {
  const { worker, clock } = await startWorker(t, {
    spec: { activeDeadlineSeconds: 90, containers: [container("c", "run")] },
  });
  await clock.until(() => isRunning(worker.status, "c"));
  let isDone = false;
  void worker.done.then(() => {
    isDone = true;
  });
  await clock.until(() => worker.isTerminating, { limitMs: 120_000 });
  const tookMs = clock.now() - (worker.status?.startTime?.getTime() ?? 0);
  assert.ok(tookMs >= 88_000 && tookMs <= 92_000, `it took ${tookMs} ms`);
  await clock.until(() => isDone);
  assert.equal(worker.status?.phase, "Failed");
  assert.equal(worker.status?.reason, "DeadlineExceeded");
});

test("a pod whose containers ended for good stops its sidecars and its sandbox", async (t) => {
  const { runtime, worker, clock } = await startWorker(t, {
    spec: {
      restartPolicy: "OnFailure",
      initContainers: [{ ...container("sidecar", "run"), restartPolicy: "Always" }],
      containers: [container("c", "sleep", "20")],
    },
  });
  let isDone = false;
  void worker.done.then(() => {
    isDone = true;
  });
  await clock.until(() => isDone);
  assert.equal(worker.status?.phase, "Succeeded");
  assert.equal(runtime.calls.of("runPodSandbox").length, 1);
  assert.ok(worker.observed.sandboxes.every(({ isReady }) => !isReady));
});

test("a container whose liveness probe failed is stopped and started again", async (t) => {
  const { runtime, worker, clock, probes, events } = await startWorker(t, {
    spec: {
      containers: [
        { ...container("c", "run"), livenessProbe: { exec: { command: ["true"] } } },
        container("other", "run"),
      ],
    },
  });
  await clock.until(() => isRunning(worker.status, "c", "other"));
  const id = worker.observed.containers.find(({ name }) => name === "c")?.id ?? "";
  probes.set(id, { liveness: "failure" });
  await clock.until(() => stateOf(worker.status, "c")?.restartCount === 1 && isRunning(worker.status, "c"));
  assert.deepEqual(createdNames(runtime), ["c", "other", "c"]);
  assert.ok(
    events.some(({ message }) => message === "Container c failed liveness probe, will be restarted"),
    events.map(({ message }) => message).join("\n"),
  );
});

test("a sandbox that ends is replaced, with its containers", async (t) => {
  const { cri, runtime, worker, clock, events } = await startWorker(t, {
    spec: { containers: [container("c", "run")] },
  });
  await clock.until(() => isRunning(worker.status, "c"));
  const [first] = worker.observed.sandboxes;
  await cri.runtime.stopPodSandbox({ podSandboxId: first?.id ?? "" });
  await clock.until(() => stateOf(worker.status, "c")?.restartCount === 1 && isRunning(worker.status, "c"));
  const attempts = runtime.calls.of("runPodSandbox").map(({ request }) => request.config?.metadata?.attempt);
  assert.deepEqual(attempts, [0, 1]);
  assert.ok(events.some(({ reason }) => reason === "SandboxChanged"));
});

test("a worker that continues after another one creates nothing again", async (t) => {
  const node = await startWorker(t, {
    spec: {
      initContainers: [
        container("init", "exit", "0"),
        { ...container("sidecar", "run"), restartPolicy: "Always" },
      ],
      containers: [container("a", "run"), container("b", "run")],
    },
  });
  const { worker, runtime, clock, pod } = node;
  await clock.until(() => isRunning(worker.status, "sidecar", "a", "b"));
  await worker.close();
  assert.equal(await worker.done, undefined);
  const before = runtime.calls.of("createContainer").length;
  const next = runWorker(t, node, clock, pod);
  await clock.until(() => isRunning(next.worker.status, "sidecar", "a", "b"));
  await clock.advance(200_000);
  assert.equal(runtime.calls.of("createContainer").length, before);
  assert.equal(runtime.calls.of("runPodSandbox").length, 1);
  assert.equal(next.worker.status?.phase, "Running");
});

for (const method of ["runPodSandbox", "createContainer", "startContainer"] as const)
  test(`a lost response of ${method} leads to one sandbox and one container`, async (t) => {
    const node = await startWorker(t, { spec: { containers: [container("a", "run")] } });
    node.runtime.faults.failNext(method, { code: "unavailable" }, { when: "after" });
    await node.clock.until(() => isRunning(node.worker.status, "a"));
    assert.equal(node.worker.observed.sandboxes.length, 1);
    assert.equal(node.worker.observed.containers.length, 1);
    assert.equal(stateOf(node.worker.status, "a")?.restartCount, 0);
    // A container that runs was started, whatever the call says.
    if (method === "startContainer") assert.ok(node.events.every(({ reason }) => reason !== "Failed"));
  });

test("containers survive a restart of the runtime, and what ended meanwhile is started again", async (t) => {
  const { runtime, worker, clock } = await startWorker(t, {
    spec: { containers: [container("stays", "run"), container("ends", "sleep", "20")] },
  });
  await clock.until(() => isRunning(worker.status, "stays", "ends"));
  await runtime.faults.crash();
  await clock.advance(30_000);
  await runtime.faults.restart();
  await clock.until(() => stateOf(worker.status, "ends")?.restartCount === 1);
  assert.equal(stateOf(worker.status, "stays")?.restartCount, 0);
  assert.deepEqual(createdNames(runtime), ["stays", "ends", "ends"]);
});

test("the runtime dies at each step of a pod and comes back: nothing is created twice", async (t) => {
  for (let step = 1; ; step++) {
    let events = 0;
    let crash: Promise<void> | undefined;
    const node = await startWorker(
      t,
      {
        metadata: { name: `p-${step}` },
        spec: {
          initContainers: [
            container("init", "exit", "0"),
            { ...container("sidecar", "run"), restartPolicy: "Always" },
          ],
          containers: [container("a", "run"), container("b", "run")],
        },
      },
      {
        parts: {
          record: () => {
            if (++events === step) crash = node.runtime.faults.crash();
          },
        },
      },
    );
    const { clock, worker, runtime } = node;
    const isUp = () => isRunning(worker.status, "sidecar", "a", "b");
    await clock.until(() => crash !== undefined || isUp());
    if (crash === undefined) {
      assert.ok(step > 8, `only ${step} steps`);
      break;
    }
    await crash;
    await clock.advance(5_000);
    await runtime.faults.restart();
    await clock.until(isUp);
    const names = worker.observed.containers.map(({ name, restartCount }) => `${name} ${restartCount}`);
    assert.deepEqual(names.sort(), ["a 0", "b 0", "init 0", "sidecar 0"], `step ${step}`);
    assert.equal(worker.observed.sandboxes.length, 1, `step ${step}`);
    await worker.close();
  }
});

test("a failed postStart hook kills the container", async (t) => {
  const { statuses, clock, events } = await startWorker(t, {
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        { ...container("c", "run"), lifecycle: { postStart: { exec: { command: ["exit", "3"] } } } },
      ],
    },
  });
  // The first restart follows at once, and the status of the failure is soon replaced.
  const hasFailed = (status: PodStatus) =>
    stateOf(status, "c")?.state?.waiting?.reason === "PostStartHookError";
  await clock.until(() => statuses.some(hasFailed));
  assert.ok(events.some(({ reason }) => reason === "FailedPostStartHook"));
  assert.ok(events.some(({ reason, message }) => reason === "Killing" && message === "FailedPostStartHook"));
});

test("a worker whose client is closed ends with its error", async (t) => {
  const { cri, worker, clock } = await startWorker(t, { spec: { containers: [container("c", "run")] } });
  await clock.until(() => isRunning(worker.status, "c"));
  await cri.close();
  await clock.until(() => true);
  await assert.rejects(within(5_000, worker.done), { reason: "client_closed" });
});
