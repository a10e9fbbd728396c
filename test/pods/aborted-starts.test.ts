// Rolling back a creation and a start that the caller gave up, on a runtime that behaves as containerd does: for a while after a canceled start, it
// refuses to remove the container.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Cri, connect, type RpcInterceptor } from "../../src/index.js";
import { EmbeddedRuntime } from "../../src/testing/index.js";
import { withInterceptors } from "../../src/transport/index.js";
import { cleanup } from "../support/cleanup.js";
import { busybox } from "../support/embedded.js";
import { failure } from "../support/failure.js";
import { checkLeaks } from "../support/leaks.js";
import { programs } from "../support/scripted-programs.js";
import { until, within } from "../support/waiting.js";

/** How long containerd 1.6 to 2.1 refuse the removal after a canceled start. */
const refusalMs = 5_000;
const spec = { name: "main", image: busybox, command: ["run"] };

interface Containerd {
  readonly runtime: EmbeddedRuntime;
  readonly cri: Cri;
  /** Fires when the runtime begins with the slow call. */
  readonly starting: AbortSignal;
  /** The number of slow calls that were canceled. */
  canceled(): number;
}

/** Starts a runtime whose next call of `slow` takes `startMs`, each further one no time. */
async function containerd(
  t: TestContext,
  startMs: number,
  slow: "CreateContainer" | "StartContainer" = "StartContainer",
): Promise<Containerd> {
  const runtime = await EmbeddedRuntime.start({ programs, preload: [busybox], like: "containerd-2.1" });
  cleanup(t, () => runtime.close());
  let delayMs = startMs;
  let canceled = 0;
  const begun = new AbortController();
  let refusesUntil = 0;
  const slowStart: RpcInterceptor = (next) => async (request) => {
    const { name } = request.method;
    if (/^Remove(Container|PodSandbox)$/.test(name) && performance.now() < refusesUntil)
      throw new ConnectError("container is in starting state, can't be removed", Code.Unknown);
    if (name === slow && delayMs > 0) {
      const ms = delayMs;
      delayMs = 0;
      setImmediate(() => begun.abort());
      try {
        refusesUntil = Number.POSITIVE_INFINITY;
        await pause(ms, undefined, { signal: request.signal });
        refusesUntil = 0;
      } catch (error) {
        canceled++;
        refusesUntil = performance.now() + refusalMs;
        throw error;
      }
    }
    return next(request);
  };
  const cri = connect.through({ transport: withInterceptors(runtime.transport, [slowStart]) });
  cleanup(t, () => cri.close());
  return { runtime, cri, starting: begun.signal, canceled: () => canceled };
}

test("a start whose caller gave up is awaited and not canceled, so that its container can be removed at once", async (t) => {
  checkLeaks(t);
  for (const reason of ["deadline", "aborted_by_caller"]) {
    const { cri, starting, canceled } = await containerd(t, 1_800);
    const pod = await cri.pods.run({ name: "patient" });
    const bounds = reason === "deadline" ? { timeoutMs: 1_000 } : { signal: starting };
    const error = await failure(pod.runContainer(spec, bounds));
    assert.deepEqual([error.reason, error.method, error.leftovers], [reason, "StartContainer", []]);
    assert.deepEqual(await pod.containers(), []);
    assert.equal(canceled(), 0);
    await pod.runContainer(spec);
  }
});

test("a pod whose container's start takes long is rolled back with the container, as one clean-up", async (t) => {
  checkLeaks(t);
  const { cri, runtime, starting, canceled } = await containerd(t, 1_000);
  const error = await failure(cri.pods.runContainer({ name: "both" }, spec, { signal: starting }));
  assert.deepEqual([error.reason, error.leftovers], ["aborted_by_caller", []]);
  assert.equal(canceled(), 0);
  assert.equal(runtime.calls.of("runPodSandbox").length, 1);
  assert.deepEqual([await cri.pods.list(), await cri.containers.list()], [[], []]);
});

test("a start that hangs is canceled: its call reports the leftovers, and a later call waits for the clean-up", async (t) => {
  checkLeaks(t);
  const { cri, runtime, starting, canceled } = await containerd(t, 600_000);
  const pod = await cri.pods.run({ name: "hangs" });
  const error = await within(20_000, failure(pod.runContainer(spec, { signal: starting })));
  assert.equal(error.reason, "aborted_by_caller");
  assert.deepEqual(
    error.leftovers.map(({ kind, name }) => [kind, name]),
    [["container", "main"]],
  );
  const [left] = await pod.containers();
  assert.equal(left?.id, error.leftovers[0]?.id);
  const next = await within(60_000, pod.runContainer(spec));
  assert.notEqual(next.id, left?.id);
  assert.equal(canceled(), 1);
  assert.equal(runtime.calls.of("createContainer").length, 2);
});

test("a run whose start hangs waits once for its clean-up, and leaves nothing behind in the end", async (t) => {
  checkLeaks(t);
  const { cri, runtime, starting, canceled } = await containerd(t, 600_000);
  const run = cri.pods.runContainer({ name: "hangs" }, spec, { signal: starting });
  const error = await within(20_000, failure(run));
  // Version answers whether the runtime responds, once in each wait for a clean-up.
  assert.equal(runtime.calls.of("version").length, 1);
  assert.deepEqual(error.leftovers.map(({ kind }) => kind).sort(), ["container", "pod"]);
  const isEmpty = async () => (await cri.pods.list()).length + (await cri.containers.list()).length === 0;
  await until(isEmpty, "the end of the clean-up", 60_000);
  assert.equal(canceled(), 1);
});

test("ensureContainer() adopts the container whose start it gave up", async (t) => {
  checkLeaks(t);
  const { cri, starting, canceled } = await containerd(t, 1_000);
  const { pod } = await cri.pods.ensure({ name: "ensured" });
  const error = await failure(pod.ensureContainer(spec, { signal: starting }));
  assert.deepEqual([error.reason, error.leftovers], ["aborted_by_caller", []]);
  const [begun] = await pod.containers();
  await until(async () => (await pod.containers({ state: "running" })).length > 0, "the start");
  const { container, outcome } = await pod.ensureContainer(spec);
  assert.deepEqual([container.id, outcome, canceled()], [begun?.id, "adopted", 0]);
});

test("a creation whose caller gave up is awaited, and its container removed, or adopted by ensureContainer()", async (t) => {
  checkLeaks(t);
  for (const kind of ["run", "ensure"]) {
    const { cri, starting, canceled } = await containerd(t, 1_000, "CreateContainer");
    const { pod } = await cri.pods.ensure({ name: "created" });
    const bounds = { signal: starting };
    const call = kind === "run" ? pod.runContainer(spec, bounds) : pod.ensureContainer(spec, bounds);
    const error = await failure(call);
    assert.deepEqual(
      [error.reason, error.method, error.leftovers],
      ["aborted_by_caller", "CreateContainer", []],
    );
    if (kind === "ensure") await until(async () => (await pod.containers()).length > 0, "the creation");
    assert.equal((await pod.containers()).length, kind === "run" ? 0 : 1);
    assert.equal(canceled(), 0);
    assert.equal((await pod.ensureContainer(spec)).outcome, kind === "run" ? "created" : "started");
  }
});

test("close() ends a start that its caller gave up", async (t) => {
  checkLeaks(t);
  const { cri, starting, canceled } = await containerd(t, 600_000);
  const pod = await cri.pods.run({ name: "closed" });
  assert.equal((await failure(pod.runContainer(spec, { signal: starting }))).reason, "aborted_by_caller");
  assert.equal(canceled(), 0);
  await within(10_000, cri.close());
  await until(() => canceled() === 1, "the cancellation", 2_000);
});
