import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isCriError, type NodeEvent } from "../../src/index.js";
import { assertNoListeners } from "../support/leaks.js";
import { until } from "../support/waiting.js";
import { start } from "../testing/embedded/support.js";
import { assertMonotone, exitCodeOf, record, soon, withEvents } from "./support.js";

test("events begin with what there is, and then tell a life once and in order", async (t) => {
  const { cri, events } = await withEvents(t);
  const early = await start(cri, ["run"], "early");
  const told = record(t, events);
  await told.seen("resync");
  const [connected, resync] = told.all;
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
  await until(() => told.of(containerId).includes("stopped"), "the end is told");
  await cri.runtime.removePodSandbox({ podSandboxId });
  await until(() => told.of(podSandboxId).includes("deleted"), "the removal is told");
  assert.deepEqual(told.of(containerId), ["created", "started", "stopped", "deleted"]);
  assert.deepEqual(told.of(podSandboxId), ["created", "started", "stopped", "deleted"]);
  const stopped = told.all.find((one) => one.type === "stopped" && one.kind === "container");
  assert.ok(stopped?.type === "stopped" && stopped.kind === "container");
  assert.equal(stopped.exit?.exitCode, 3);
  assert.equal(stopped.container.state, "exited");
  assert.equal(stopped.podId, podSandboxId);
  assert.equal(stopped.source, "event");
  assert.ok(stopped.at instanceof Date);
  assertMonotone(told.all);
});

test("readers share one stream; it ends with the last, and so does the asking", async (t) => {
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
    () => runtime.calls.of("getContainerEvents")[0]?.tookNanos !== undefined,
    "the stream has ended",
  );
  const { total } = runtime.calls;
  await pause(100);
  assert.equal(runtime.calls.total, total);
});

test("a reader may ask for a pod, for kinds, for labels", async (t) => {
  const { cri, events } = await withEvents(t);
  const { podSandboxId, containerId, config } = await start(cri, ["run"], "mine");
  const ofPod = record(t, events, { podId: podSandboxId });
  const ofKind = record(t, events, { kinds: ["container"] });
  const ofLabel = record(t, events, { labels: { tier: "web" } });
  await Promise.all([ofPod, ofKind, ofLabel].map((told) => told.seen("resync")));
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
  await until(() => ofKind.of(labelled).length === 1, "the last one is told");
  const idsOf = ({ all }: typeof ofPod) =>
    [...new Set(all.flatMap((one) => ("id" in one ? [one.id] : [])))].sort();
  assert.deepEqual(idsOf(ofPod), [labelled]);
  assert.deepEqual(idsOf(ofKind), [other.containerId, labelled].sort());
  assert.deepEqual(idsOf(ofLabel), [labelled]);
  const resync = ofPod.all.find(({ type }) => type === "resync");
  assert.ok(resync?.type === "resync");
  assert.deepEqual([resync.pods.length, resync.containers.map(({ id }) => id)], [1, [containerId]]);
});

test("events that are lost on the way come out of the lists", async (t) => {
  const { runtime, cri, events } = await withEvents(t);
  const told = record(t, events);
  await told.seen("resync");
  runtime.faults.dropEvents(1_000);
  const { containerId } = await start(cri, ["exit", "9"]);
  await until(() => told.of(containerId).includes("stopped"), "the end is told");
  const ofIt = told.all.filter((one) => "id" in one && one.id === containerId);
  assert.deepEqual(
    ofIt.map((one) => [one.type, "source" in one && one.source]),
    [
      ["created", "relist"],
      ["started", "relist"],
      ["stopped", "relist"],
    ],
  );
  assert.equal(exitCodeOf(told.all), 9);
});

test("without GetContainerEvents the lists are polled", async (t) => {
  const { runtime, cri, events } = await withEvents(t);
  const times = Number.POSITIVE_INFINITY;
  runtime.faults.failNext("getContainerEvents", { code: "unimplemented" }, { times });
  const told = record(t, events);
  await told.seen("resync");
  assert.deepEqual(told.all[0], { type: "connected", by: "polling" });
  const { podSandboxId, containerId } = await start(cri, ["exit", "3"]);
  await until(() => told.of(containerId).includes("stopped"), "the end is told");
  await cri.runtime.removePodSandbox({ podSandboxId });
  await until(() => told.of(podSandboxId).includes("deleted"), "the removal is told");
  assert.deepEqual(told.of(containerId), ["created", "started", "stopped", "deleted"]);
  await runtime.faults.crash();
  await told.seen("disconnected");
  await runtime.faults.restart();
  await told.seen("connected", 2);
  await told.seen("resync", 2);
  assert.equal(runtime.calls.of("getContainerEvents").length, 1);
  assertMonotone(told.all);
});

test("a crash shows, and what happened meanwhile is told after it", async (t) => {
  const { runtime, cri, events } = await withEvents(t);
  const told = record(t, events);
  await told.seen("resync");
  const { containerId } = await start(cri, ["sleep", "0.3"]);
  await until(() => told.of(containerId).includes("started"), "the start is told");
  await runtime.faults.crash();
  await told.seen("disconnected");
  await pause(500);
  assert.equal(told.connection().at(-1), "disconnected");
  await runtime.faults.restart();
  await told.seen("resync", 2);
  assert.deepEqual(told.connection(), ["connected", "resync", "disconnected", "connected", "resync"]);
  assert.deepEqual(told.of(containerId), ["created", "started", "stopped"]);
  const disconnected = told.all.find(({ type }) => type === "disconnected");
  assert.ok(disconnected?.type === "disconnected" && disconnected.error?.code === "unavailable");
  const again = await start(cri, ["run"], "again");
  await until(() => told.of(again.containerId).includes("started"), "events come again");
});

test("whoever does not read loses events, is told how many, and what there is", async (t) => {
  const { cri, events } = await withEvents(t);
  const lazy = events.read({ queueLimit: 4 });
  assert.equal((await soon(lazy.next())).value?.type, "connected");
  for (let n = 0; n < 5; n++) await start(cri, ["exit", `${n}`], `p${n}`);
  const eager = record(t, events);
  await eager.seen("resync");
  await until(async () => {
    const { containers } = await cri.runtime.listContainers({});
    return containers.every(({ state }) => state === 2);
  }, "all have ended");
  await pause(50);
  const rest: NodeEvent[] = [];
  for (let n = 0; n < 3; n++) rest.push((await soon(lazy.next())).value);
  const [overflow, connected, resync] = rest;
  assert.ok(overflow?.type === "overflow" && overflow.lost > 4);
  assert.deepEqual(connected, { type: "connected", by: "events" });
  assert.ok(resync?.type === "resync" && resync.reason === "overflow");
  assert.deepEqual(resync.containers.map(({ exit }) => exit?.exitCode).sort(), [0, 1, 2, 3, 4]);
  const waiting = lazy.next();
  const more = await start(cri, ["run"], "more");
  const next = await soon(waiting);
  assert.ok(next.value?.type === "created" && next.value.id === more.podSandboxId);
  await lazy.return?.();
});

test("a signal, the end of the client and wrong options are typed", async (t) => {
  const { cri, events } = await withEvents(t);
  const stop = new AbortController();
  const told = record(t, events, { signal: stop.signal });
  await told.seen("resync");
  stop.abort();
  await assert.rejects(soon(told.reading), { reason: "aborted_by_caller" });
  assertNoListeners(stop.signal);
  const late = record(t, events, { signal: AbortSignal.timeout(100) });
  await assert.rejects(soon(late.reading), { reason: "deadline" });

  const viaCri = cri.events.read();
  await soon(viaCri.next());
  await soon(viaCri.next());
  const waiting = viaCri.next();
  await cri.close();
  await assert.rejects(soon(waiting), { reason: "client_closed" });

  assert.throws(() => events.read({ queueLimit: 0 }), isInvalidOption);
  assert.throws(() => events.read({ podId: "" }), isInvalidOption);
  // What a program in JavaScript may pass.
  assert.throws(() => events.read({ kinds: ["image" as "pod"] }), isInvalidOption);
});

function isInvalidOption(error: unknown): boolean {
  return isCriError(error) && error.reason === "invalid_option" && error.problems.length === 1;
}
