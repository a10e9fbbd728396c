import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isCriError, type NodeEvent } from "../../src/index.js";
import { start } from "../support/embedded.js";
import { assertNoListeners } from "../support/leaks.js";
import { until } from "../support/waiting.js";
import { assertMonotone, exitCodeOf, record, soon, withEvents } from "./support.js";

test("events begin with the current state, and then report each step once and in order", async (t) => {
  const { cri, events } = await withEvents(t);
  const early = await start(cri, ["run"], "early");
  const recorded = record(t, events);
  await recorded.seen("resync");
  const [connected, resync] = recorded.all;
  assert.deepEqual(connected, { type: "connected", by: "events" });
  assert.ok(resync?.type === "resync" && resync.reason === "start");
  assert.deepEqual(
    resync.containers.map(({ id, state }) => [id, state]),
    [[early.containerId, "running"]],
  );
  assert.deepEqual(
    resync.pods.map(({ id, state, name }) => [id, state, name]),
    [[early.podSandboxId, "ready", "early"]],
  );

  const { podSandboxId, containerId } = await start(cri, ["exit", "3"], "late");
  await until(() => recorded.of(containerId).includes("stopped"), "the stopped event");
  await cri.runtime.removePodSandbox({ podSandboxId });
  await until(() => recorded.of(podSandboxId).includes("deleted"), "the deleted event");
  assert.deepEqual(recorded.of(containerId), ["created", "started", "stopped", "deleted"]);
  assert.deepEqual(recorded.of(podSandboxId), ["created", "started", "stopped", "deleted"]);
  const stopped = recorded.all.find((one) => one.type === "stopped" && one.kind === "container");
  assert.ok(stopped?.type === "stopped" && stopped.kind === "container");
  assert.equal(stopped.exit?.exitCode, 3);
  assert.equal(stopped.container.state, "exited");
  assert.equal(stopped.podId, podSandboxId);
  assert.equal(stopped.source, "event");
  assert.ok(stopped.at instanceof Date);
  assertMonotone(recorded.all);
});

test("readers share one stream, which ends with the last reader, as do all calls", async (t) => {
  const { runtime, cri, events } = await withEvents(t);
  const first = events.read();
  const second = events.read();
  for (const stream of [first, second]) {
    assert.equal((await soon(stream.next())).value?.type, "connected");
    assert.equal((await soon(stream.next())).value?.type, "resync");
  }
  assert.equal(runtime.calls.of("getContainerEvents").length, 1);
  await first.return?.();
  const waiting = second.next();
  const { containerId } = await start(cri, ["run"]);
  assert.equal((await soon(waiting)).value?.type, "created");
  await second.return?.();
  assert.ok(containerId);
  await until(
    () => runtime.calls.of("getContainerEvents")[0]?.durationNanos !== undefined,
    "the end of the stream",
  );
  const { total } = runtime.calls;
  await pause(100);
  assert.equal(runtime.calls.total, total);
});

test("read() filters by pod, by kind and by labels", async (t) => {
  const { cri, events } = await withEvents(t);
  const { podSandboxId, containerId, config } = await start(cri, ["run"], "mine");
  const ofPod = record(t, events, { podId: podSandboxId });
  const ofKind = record(t, events, { kinds: ["container"] });
  const ofLabel = record(t, events, { labels: { tier: "web" } });
  await Promise.all([ofPod, ofKind, ofLabel].map((recorded) => recorded.seen("resync")));
  const other = await start(cri, ["run"], "other");
  const { containerId: labelled } = await cri.runtime.createContainer({
    podSandboxId,
    config: {
      metadata: { name: "d" },
      image: { image: "busybox:1.37" },
      command: ["run"],
      labels: { tier: "web", more: "yes" },
    },
    sandboxConfig: config,
  });
  await until(() => ofKind.of(labelled).length === 1, "the event of the last container");
  const idsOf = ({ all }: typeof ofPod) =>
    [...new Set(all.flatMap((one) => ("id" in one ? [one.id] : [])))].sort();
  assert.deepEqual(idsOf(ofPod), [labelled]);
  assert.deepEqual(idsOf(ofKind), [other.containerId, labelled].sort());
  assert.deepEqual(idsOf(ofLabel), [labelled]);
  const resync = ofPod.all.find(({ type }) => type === "resync");
  assert.ok(resync?.type === "resync");
  assert.deepEqual([resync.pods.length, resync.containers.map(({ id }) => id)], [1, [containerId]]);
});

test("a relist makes up for lost events", async (t) => {
  const { runtime, cri, events } = await withEvents(t);
  const recorded = record(t, events);
  await recorded.seen("resync");
  runtime.faults.dropEvents(1_000);
  const { containerId } = await start(cri, ["exit", "9"]);
  await until(() => recorded.of(containerId).includes("stopped"), "the stopped event");
  const ofContainer = recorded.all.filter((one) => "id" in one && one.id === containerId);
  assert.deepEqual(
    ofContainer.map((one) => [one.type, "source" in one && one.source]),
    [
      ["created", "relist"],
      ["started", "relist"],
      ["stopped", "relist"],
    ],
  );
  assert.equal(exitCodeOf(recorded.all), 9);
});

test("without GetContainerEvents the lists are polled", async (t) => {
  const { runtime, cri, events } = await withEvents(t);
  const times = Number.POSITIVE_INFINITY;
  runtime.faults.failNext("getContainerEvents", { code: "unimplemented" }, { times });
  const recorded = record(t, events);
  await recorded.seen("resync");
  assert.deepEqual(recorded.all[0], { type: "connected", by: "polling" });
  const { podSandboxId, containerId } = await start(cri, ["exit", "3"]);
  await until(() => recorded.of(containerId).includes("stopped"), "the stopped event");
  await cri.runtime.removePodSandbox({ podSandboxId });
  await until(() => recorded.of(podSandboxId).includes("deleted"), "the deleted event");
  assert.deepEqual(recorded.of(containerId), ["created", "started", "stopped", "deleted"]);
  await runtime.faults.crash();
  await recorded.seen("disconnected");
  await runtime.faults.restart();
  await recorded.seen("connected", 2);
  await recorded.seen("resync", 2);
  assert.equal(runtime.calls.of("getContainerEvents").length, 1);
  assertMonotone(recorded.all);
});

test("a crash is reported, and the changes in the meantime follow the reconnect", async (t) => {
  const { runtime, cri, events } = await withEvents(t);
  const recorded = record(t, events);
  await recorded.seen("resync");
  const { containerId } = await start(cri, ["sleep", "0.3"]);
  await until(() => recorded.of(containerId).includes("started"), "the started event");
  await runtime.faults.crash();
  await recorded.seen("disconnected");
  await pause(500);
  assert.equal(recorded.connection().at(-1), "disconnected");
  await runtime.faults.restart();
  await recorded.seen("resync", 2);
  assert.deepEqual(recorded.connection(), ["connected", "resync", "disconnected", "connected", "resync"]);
  assert.deepEqual(recorded.of(containerId), ["created", "started", "stopped"]);
  const disconnected = recorded.all.find(({ type }) => type === "disconnected");
  assert.ok(disconnected?.type === "disconnected" && disconnected.error?.code === "unavailable");
  const again = await start(cri, ["run"], "again");
  await until(() => recorded.of(again.containerId).includes("started"), "events after the restart");
});

test("a reader that is too slow receives the number of lost events and a resync", async (t) => {
  const { cri, events } = await withEvents(t);
  const slow = events.read({ queueLimit: 4 });
  assert.equal((await soon(slow.next())).value?.type, "connected");
  for (let n = 0; n < 5; n++) await start(cri, ["exit", `${n}`], `p${n}`);
  const fast = record(t, events);
  await fast.seen("resync");
  await until(async () => {
    const { containers } = await cri.runtime.listContainers({});
    return containers.every(({ state }) => state === 2);
  }, "all containers have exited");
  await pause(50);
  const rest: NodeEvent[] = [];
  for (let n = 0; n < 3; n++) rest.push((await soon(slow.next())).value);
  const [overflow, connected, resync] = rest;
  assert.ok(overflow?.type === "overflow" && overflow.lost > 4);
  assert.deepEqual(connected, { type: "connected", by: "events" });
  assert.ok(resync?.type === "resync" && resync.reason === "overflow");
  assert.deepEqual(resync.containers.map(({ exit }) => exit?.exitCode).sort(), [0, 1, 2, 3, 4]);
  const waiting = slow.next();
  const more = await start(cri, ["run"], "more");
  const next = await soon(waiting);
  assert.ok(next.value?.type === "created" && next.value.id === more.podSandboxId);
  await slow.return?.();
});

test("an abort, a deadline, a closed client and invalid options have their reasons", async (t) => {
  const { cri, events } = await withEvents(t);
  const stop = new AbortController();
  const recorded = record(t, events, { signal: stop.signal });
  await recorded.seen("resync");
  stop.abort();
  await assert.rejects(soon(recorded.reading), { reason: "aborted_by_caller" });
  assertNoListeners(stop.signal);
  const timed = record(t, events, { signal: AbortSignal.timeout(100) });
  await assert.rejects(soon(timed.reading), { reason: "deadline" });

  const viaCri = cri.events.read();
  await soon(viaCri.next());
  await soon(viaCri.next());
  const waiting = viaCri.next();
  await cri.close();
  await assert.rejects(soon(waiting), { reason: "client_closed" });

  assert.throws(() => events.read({ queueLimit: 0 }), isInvalidOption);
  assert.throws(() => events.read({ podId: "" }), isInvalidOption);
  // JavaScript callers can pass any value.
  assert.throws(() => events.read({ kinds: ["image" as "pod"] }), isInvalidOption);
});

function isInvalidOption(error: unknown): boolean {
  return isCriError(error) && error.reason === "invalid_option" && error.problems.length === 1;
}
