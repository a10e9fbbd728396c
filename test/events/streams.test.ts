// Streams that begin and end in ways that are rare with real runtimes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerEventType, ContainerState, PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { CriError } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { until } from "../support/waiting.js";
import { assertMonotone, event, exitCodeOf, record, silence, stub } from "./support.js";

const { CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } =
  ContainerEventType;
const pod = { id: "p1", metadata: { name: "p" }, state: PodSandboxState.SANDBOX_READY, createdAt: 1n };

test("a stream that ends without an error is reported as disconnected and reopened", async (t) => {
  const { events, opened } = stub(async function* (round, signal) {
    yield* [];
    if (round === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    else await silence(signal);
  });
  cleanup(t, () => events.close());
  const recorded = record(t, events);
  await recorded.seen("resync", 2);
  assert.deepEqual(recorded.connection(), ["connected", "resync", "disconnected", "connected", "resync"]);
  const disconnected = recorded.all.find(({ type }) => type === "disconnected");
  assert.equal(disconnected?.type === "disconnected" && disconnected.error, undefined);
  assert.equal(opened.length, 2);
});

test("streams that end at once, as those of CRI-O without events, lead to polling", async (t) => {
  const pods = [pod];
  const { events, opened } = stub(
    async function* () {
      yield* [];
    },
    { pods: () => pods },
  );
  cleanup(t, () => events.close());
  const recorded = record(t, events);
  await recorded.seen("resync");
  const connected = recorded.all.find(({ type }) => type === "connected");
  assert.deepEqual(connected, { type: "connected", by: "polling" });
  pods.push({ ...pod, id: "p2" });
  await until(() => recorded.of("p2").includes("started"), "the event of the new pod");
  assert.equal(opened.length, 3);
});

test("a stream that cannot be opened is retried, and reported once", async (t) => {
  const { events, opened } = stub((_, signal) => ({
    async *[Symbol.asyncIterator]() {
      yield* [];
      if (signal.aborted) return;
      throw new CriError({
        code: "unavailable",
        reason: "connection_refused",
        rawMessage: "connection refused",
      });
    },
  }));
  cleanup(t, () => events.close());
  const recorded = record(t, events);
  await until(() => opened.length >= 8, "eight attempts");
  assert.deepEqual(recorded.types(), ["disconnected"]);
});

test("late events restore nothing, and no step is reported twice", async (t) => {
  let send: (last?: boolean) => void = () => undefined;
  const sent = new Promise<void>((resolve) => {
    send = () => resolve();
  });
  const container = {
    id: "c1",
    podSandboxId: "p1",
    metadata: { name: "c" },
    state: ContainerState.CONTAINER_RUNNING,
    createdAt: 2n,
  };
  const containers = [container];
  const running = { id: "c1", state: ContainerState.CONTAINER_RUNNING };
  const exited = { id: "c1", state: ContainerState.CONTAINER_EXITED, exitCode: 4, finishedAt: 9n };
  const eventOf = (containerEventType: ContainerEventType, status: object) =>
    event({
      containerId: "c1",
      containerEventType,
      podSandboxStatus: pod,
      containersStatuses: [status],
      createdAt: 5n,
    });
  const { events } = stub(
    async function* (_, signal) {
      await sent;
      // Known from the lists already; then the end; then all of them again, as from an old queue.
      yield eventOf(CONTAINER_CREATED_EVENT, running);
      yield eventOf(CONTAINER_STARTED_EVENT, running);
      yield eventOf(CONTAINER_STOPPED_EVENT, exited);
      yield eventOf(CONTAINER_STARTED_EVENT, running);
      containers.length = 0;
      yield eventOf(CONTAINER_DELETED_EVENT, {});
      for (const type of [CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT])
        yield eventOf(type, running);
      yield event({ containerId: "p1", containerEventType: CONTAINER_STOPPED_EVENT, podSandboxStatus: pod });
      await silence(signal);
    },
    { pods: () => [pod], containers: () => containers },
  );
  cleanup(t, () => events.close());
  const recorded = record(t, events);
  await recorded.seen("resync");
  send();
  await until(() => recorded.of("p1").includes("stopped"), "the last event");
  assert.deepEqual(recorded.of("c1"), ["stopped", "deleted"]);
  assert.equal(exitCodeOf(recorded.all), 4);
});

test("an event without statuses, as those of CRI-O, is completed by a query", async (t) => {
  let exited = false;
  const container = { id: "c1", podSandboxId: "p1", metadata: { name: "c" }, createdAt: 2n };
  const { events } = stub(
    async function* (_, signal) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      yield event({ containerId: "c1", containerEventType: CONTAINER_STARTED_EVENT, podSandboxStatus: pod });
      exited = true;
      yield event({ containerId: "c1", containerEventType: CONTAINER_STOPPED_EVENT, podSandboxStatus: pod });
      await silence(signal);
    },
    {
      pods: () => [pod],
      containers: () => [
        { ...container, state: exited ? ContainerState.CONTAINER_EXITED : ContainerState.CONTAINER_RUNNING },
      ],
      status: () => ({
        status: { state: ContainerState.CONTAINER_EXITED, exitCode: 6, startedAt: 3n, finishedAt: 4n },
      }),
    },
  );
  cleanup(t, () => events.close());
  const recorded = record(t, events);
  await recorded.seen("stopped");
  assert.equal(exitCodeOf(recorded.all), 6);
  assertMonotone(recorded.all.filter((one) => one.type !== "stopped"));
});

test("a container that was removed before it could be looked up is reported from its events", async (t) => {
  const status = { id: "c9", metadata: { name: "short" }, createdAt: 7n, startedAt: 8n };
  const exited = { ...status, state: ContainerState.CONTAINER_EXITED, exitCode: 2, finishedAt: 9n };
  const eventOf = (type: ContainerEventType, statuses: object[]) =>
    event({
      containerId: "c9",
      containerEventType: type,
      podSandboxStatus: pod,
      containersStatuses: statuses,
    });
  const { events } = stub(
    async function* (_, signal) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      yield eventOf(CONTAINER_CREATED_EVENT, [{ ...status, state: ContainerState.CONTAINER_CREATED }]);
      yield eventOf(CONTAINER_STARTED_EVENT, [{ ...status, state: ContainerState.CONTAINER_RUNNING }]);
      yield eventOf(CONTAINER_STOPPED_EVENT, [exited]);
      yield eventOf(CONTAINER_DELETED_EVENT, []);
      // The removal of this one comes in no event; a relist finds it.
      yield event({
        containerId: "c8",
        containerEventType: CONTAINER_CREATED_EVENT,
        podSandboxStatus: pod,
        containersStatuses: [{ id: "c8", state: ContainerState.CONTAINER_CREATED }],
      });
      await silence(signal);
    },
    { pods: () => [pod] },
  );
  cleanup(t, () => events.close());
  const recorded = record(t, events);
  await until(() => recorded.of("c8").includes("deleted"), "the relist that lacks it");
  assert.deepEqual(recorded.of("c9"), ["created", "started", "stopped", "deleted"]);
  assert.deepEqual(recorded.of("c8"), ["created", "deleted"]);
  assertMonotone(recorded.all);
});
