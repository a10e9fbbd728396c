import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { StatusResponseSchema } from "../../../gen/runtime/v1/api_pb.js";
import type { EventStream, NodeEvent } from "../../../src/events/index.js";
import { NodeRelist, type NodeRelistParts, type RelistOptions } from "../../../src/kubelet/relist/index.js";
import { cleanup } from "../../support/cleanup.js";
import { sandboxConfig, scripted, start } from "../../support/embedded.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { until } from "../../support/waiting.js";

/** Events that a test sends, instead of those of the connection. */
function eventsOf(first: readonly NodeEvent[]) {
  const queue = [...first];
  let reads = 0;
  async function* generate(signal: AbortSignal | undefined): AsyncGenerator<NodeEvent> {
    while (!signal?.aborted) {
      const event = queue.shift();
      if (event) yield event;
      else await turn();
    }
  }
  return {
    push: (event: NodeEvent) => queue.push(event),
    reads: () => reads,
    events: {
      read: ({ signal }: { readonly signal?: AbortSignal | undefined } = {}) => {
        reads++;
        return generate(signal) as unknown as EventStream;
      },
      [Symbol.asyncIterator]: () => generate(undefined) as unknown as EventStream,
    },
  };
}

const connected: NodeEvent = { type: "connected", by: "events" };

async function nodeOf(
  t: TestContext,
  options: RelistOptions & { readonly events?: NodeRelistParts["cri"]["events"] } = {},
) {
  const clock = new VirtualClock();
  const { runtime, cri } = await scripted(t, { clock: clock.runtime });
  clock.activity = () => runtime.calls.total;
  const { events = eventsOf([connected]).events, ...relistOptions } = options;
  const reported: string[][] = [];
  const parts: NodeRelistParts = {
    cri: { runtime: cri.runtime, lists: cri.lists, events },
    clock,
    onHealthChange: () => reported.push([...relist.health().runtimeErrors]),
  };
  const relist = new NodeRelist(parts, relistOptions);
  const controller = new AbortController();
  const run = relist.run(controller.signal);
  cleanup(t, async () => {
    controller.abort(new Error("the test is over"));
    await run;
  });
  return { runtime, cri, clock, relist, reported, controller, run };
}

test("knows the pods and containers after the first relist, with the uids of their pods", async (t) => {
  const { cri, relist, clock, controller } = await nodeOf(t);
  await relist.ready(controller.signal);
  assert.deepEqual([...relist.podUids()], []);
  const { podSandboxId, containerId } = await start(cri, ["run"]);
  await relist.relist();
  assert.deepEqual([...relist.podUids()], ["uid-of-a"]);
  assert.equal(relist.pods.get(podSandboxId)?.state, "ready");
  assert.equal(relist.containers.get(containerId)?.state, "running");
  assert.equal(relist.isRunning("uid-of-a"), true);
  assert.equal(relist.relistedAtMs !== undefined && relist.relistedAtMs <= clock.now(), true);
  await cri.runtime.stopPodSandbox({ podSandboxId });
  await relist.relist();
  assert.equal(relist.isRunning("uid-of-a"), false);
  assert.deepEqual([...relist.podUids()], ["uid-of-a"]);
});

test("notifies by the events of the runtime, without a relist", async (t) => {
  const clock = new VirtualClock();
  const { cri } = await scripted(t, { clock: clock.runtime });
  const relist = new NodeRelist({ cri, clock });
  const controller = new AbortController();
  const run = relist.run(controller.signal);
  await until(() => relist.hasEvents, "the runtime sends events");
  const notified: string[] = [];
  const unsubscribe = relist.subscribe("uid-of-a", () => notified.push("a"));
  relist.subscribe("uid-of-b", () => notified.push("b"));
  // The clock stands still: no relist is due.
  const { podSandboxId, containerId } = await start(cri, ["run"]);
  await until(() => relist.containers.get(containerId)?.state === "running", "the container is known");
  assert.equal(relist.pods.get(podSandboxId)?.uid, "uid-of-a");
  assert.ok(notified.includes("a") && !notified.includes("b"), `${notified}`);
  unsubscribe();
  const before = notified.length;
  await cri.runtime.stopContainer({ containerId, timeout: 0n });
  await until(() => relist.containers.get(containerId)?.state === "exited", "its end is known");
  assert.equal(notified.length, before);
  controller.abort();
  await run;
});

test("a relist finds changes without an event: after 10 s with events, after 1 s without", async (t) => {
  for (const [first, expectedMs] of [
    [connected, 10_000],
    [{ type: "connected", by: "polling" }, 1_000],
  ] as const) {
    const { cri, relist, clock } = await nodeOf(t, { events: eventsOf([first]).events });
    await clock.until(() => relist.relistedAtMs !== undefined);
    await until(() => relist.hasEvents === (expectedMs === 10_000), "the kind of changes is known");
    let notified = 0;
    relist.subscribe("uid-of-a", () => notified++);
    await cri.runtime.runPodSandbox({ config: sandboxConfig("a") });
    const passedMs = await clock.until(() => notified > 0, { stepMs: 500 });
    assert.ok(passedMs > expectedMs / 2 && passedMs <= expectedMs + 500, `${passedMs} ms`);
    assert.equal(notified, 1);
  }
});

test("the age of a relist counts from its start, since it may miss later changes", async (t) => {
  const clock = new VirtualClock();
  const { runtime, cri } = await scripted(t, { clock: clock.runtime });
  const relist = new NodeRelist({ cri, clock });
  for (const method of ["listContainers", "streamContainers"] as const) runtime.faults.delay(method, 20_000);
  const startedMs = clock.now();
  const listing = relist.relist();
  await clock.until(() => relist.relistedAtMs !== undefined, { activity: () => runtime.calls.total });
  await listing;
  assert.ok(clock.now() - startedMs >= 20_000);
  assert.equal(relist.relistedAtMs, startedMs);
});

test("asks once a minute whether a runtime without events has them now", async (t) => {
  const source = eventsOf([{ type: "connected", by: "polling" }, connected]);
  const { relist, clock } = await nodeOf(t, { events: source.events });
  await clock.until(() => relist.relistedAtMs !== undefined);
  const passedMs = await clock.until(() => relist.hasEvents);
  assert.ok(passedMs >= 59_000 && passedMs <= 61_000, `${passedMs} ms`);
  assert.equal(source.reads(), 2);
});

test("after an outage of the runtime, all subscribers are notified", async (t) => {
  const { runtime, cri, relist, clock, reported } = await nodeOf(t);
  await start(cri, ["run"]);
  await clock.until(() => relist.health().runtimeErrors.length === 0);
  let notified = 0;
  relist.subscribe("uid-of-a", () => notified++);
  await relist.relist();
  notified = 0;
  await relist.relist();
  assert.equal(notified, 0, "nothing has changed");
  await runtime.faults.crash();
  await clock.until(() => relist.health().runtimeErrors.includes("container runtime is down"));
  assert.deepEqual(reported.at(-1), ["container runtime is down"]);
  assert.equal(notified, 0);
  await runtime.faults.restart();
  // Its container runs on: nothing that a list shows has changed.
  await clock.until(() => notified > 0 && relist.health().runtimeErrors.length === 0, { limitMs: 120_000 });
  assert.deepEqual(reported.at(-1), []);
});

test("a runtime that accepts calls and never answers is down after 30 s, and PLEG is not healthy after 3 minutes", async (t) => {
  const { runtime, relist, clock, reported } = await nodeOf(t);
  assert.deepEqual(relist.health().runtimeErrors, [
    "container runtime status check may not have completed yet",
    "PLEG is not healthy: pleg has yet to be successful",
  ]);
  await clock.until(() => relist.health().runtimeErrors.length === 0);
  const hour = 3_600_000;
  for (const method of ["status", "listContainers", "streamContainers"] as const)
    runtime.faults.delay(method, hour, { times: Number.POSITIVE_INFINITY });
  const downMs = await clock.until(() => relist.health().runtimeErrors.length > 0);
  assert.deepEqual(relist.health().runtimeErrors, ["container runtime is down"]);
  assert.ok(downMs >= 24_000 && downMs <= 31_000, `${downMs} ms`);
  const unhealthyMs = downMs + (await clock.until(() => relist.health().runtimeErrors.length > 1));
  assert.ok(unhealthyMs >= 169_000 && unhealthyMs <= 182_000, `${unhealthyMs} ms`);
  assert.match(
    relist.health().runtimeErrors[1] ?? "",
    /^PLEG is not healthy: pleg was last seen active 3m[\d.]+s ago; threshold is 3m0s$/,
  );
  await clock.advance(5_000);
  assert.equal(reported.at(-1)?.length, 2);
  const changes = reported.length;
  await clock.advance(20_000);
  assert.equal(reported.length, changes, "the age alone is no change");
  runtime.faults.clear();
  await clock.until(() => relist.health().runtimeErrors.length === 0, { limitMs: 60_000 });
});

test("reports the conditions of the runtime and its network from Status", async (t) => {
  const { runtime, relist, clock } = await nodeOf(t);
  assert.equal(relist.health().networkError, "network state unknown");
  await clock.until(() => relist.health().status !== undefined);
  assert.equal(relist.health().networkError, undefined);
  const bad = (type: string, status: boolean) => ({
    type,
    status,
    reason: "NotReady",
    message: "no config",
  });
  runtime.faults.corrupt(
    "status",
    () =>
      create(StatusResponseSchema, {
        status: { conditions: [bad("RuntimeReady", false), bad("NetworkReady", false)] },
      }),
    { times: Number.POSITIVE_INFINITY },
  );
  await clock.until(() => relist.health().networkError !== undefined);
  assert.deepEqual(relist.health(), {
    runtimeErrors: ["container runtime not ready: RuntimeReady=false reason:NotReady message:no config"],
    networkError: "container runtime network not ready: NetworkReady=false reason:NotReady message:no config",
    status: relist.health().status,
  });
  await clock.until(() => relist.health().runtimeErrors.includes("container runtime is down"));
});

test("ends when its signal fires, even while calls hang", async (t) => {
  const { runtime, run, controller, relist } = await nodeOf(t);
  for (const method of ["status", "listContainers", "streamContainers"] as const)
    runtime.faults.delay(method, 3_600_000, { times: Number.POSITIVE_INFINITY });
  const ready = relist.ready(controller.signal).then(
    () => "listed",
    (error: Error) => error.message,
  );
  await until(() => runtime.calls.total > 0, "a call hangs");
  controller.abort(new Error("closed"));
  await run;
  assert.match(await ready, /^(listed|closed)$/);
});
