// Streams that end and begin in ways that a runtime seldom shows.
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

test("a stream that ends without an error is opened again, and says so", async (t) => {
  const { events, opened } = stub(async function* (round, signal) {
    yield* [];
    if (round === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    else await silence(signal);
  });
  cleanup(t, () => events.close());
  const told = record(t, events);
  await told.seen("resync", 2);
  assert.deepEqual(told.connection(), ["connected", "resync", "disconnected", "connected", "resync"]);
  const gone = told.all.find(({ type }) => type === "disconnected");
  assert.equal(gone?.type === "disconnected" && gone.error, undefined);
  assert.equal(opened.length, 2);
});

test("streams that end at once, as CRI-O's without events, lead to polling", async (t) => {
  const pods = [pod];
  const { events, opened } = stub(
    async function* () {
      yield* [];
    },
    { pods: () => pods },
  );
  cleanup(t, () => events.close());
  const told = record(t, events);
  await told.seen("resync");
  const connected = told.all.find(({ type }) => type === "connected");
  assert.deepEqual(connected, { type: "connected", by: "polling" });
  pods.push({ ...pod, id: "p2" });
  await until(() => told.of("p2").includes("started"), "the new pod is told");
  assert.equal(opened.length, 3);
});

test("a stream that fails is tried again and again, and told of once", async (t) => {
  const { events, opened } = stub((_, signal) => ({
    async *[Symbol.asyncIterator]() {
      yield* [];
      if (signal.aborted) return;
      throw new CriError({ code: "unavailable", reason: "connection_refused", text: "nobody" });
    },
  }));
  cleanup(t, () => events.close());
  const told = record(t, events);
  await until(() => opened.length >= 8, "eight attempts");
  assert.deepEqual(told.types(), ["disconnected"]);
});

test("late events bring nothing back, and nothing is told twice", async (t) => {
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
  const of = (containerEventType: ContainerEventType, status: object) =>
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
      // What the lists said already, the end, and then all of it once more, as from a queue of before.
      yield of(CONTAINER_CREATED_EVENT, running);
      yield of(CONTAINER_STARTED_EVENT, running);
      yield of(CONTAINER_STOPPED_EVENT, exited);
      yield of(CONTAINER_STARTED_EVENT, running);
      containers.length = 0;
      yield of(CONTAINER_DELETED_EVENT, {});
      for (const type of [CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT])
        yield of(type, running);
      yield event({ containerId: "p1", containerEventType: CONTAINER_STOPPED_EVENT, podSandboxStatus: pod });
      await silence(signal);
    },
    { pods: () => [pod], containers: () => containers },
  );
  cleanup(t, () => events.close());
  const told = record(t, events);
  await told.seen("resync");
  send();
  await until(() => told.of("p1").includes("stopped"), "the last event is told");
  assert.deepEqual(told.of("c1"), ["stopped", "deleted"]);
  assert.equal(exitCodeOf(told.all), 4);
});

test("an event without statuses, as CRI-O's, is completed by asking", async (t) => {
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
  const told = record(t, events);
  await told.seen("stopped");
  assert.equal(exitCodeOf(told.all), 6);
  assertMonotone(told.all.filter((one) => one.type !== "stopped"));
});

test("a container that came and went before it could be looked up is told from its events", async (t) => {
  const status = { id: "c9", metadata: { name: "short" }, createdAt: 7n, startedAt: 8n };
  const exited = { ...status, state: ContainerState.CONTAINER_EXITED, exitCode: 2, finishedAt: 9n };
  const of = (type: ContainerEventType, statuses: object[]) =>
    event({
      containerId: "c9",
      containerEventType: type,
      podSandboxStatus: pod,
      containersStatuses: statuses,
    });
  const { events } = stub(
    async function* (_, signal) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      yield of(CONTAINER_CREATED_EVENT, [{ ...status, state: ContainerState.CONTAINER_CREATED }]);
      yield of(CONTAINER_STARTED_EVENT, [{ ...status, state: ContainerState.CONTAINER_RUNNING }]);
      yield of(CONTAINER_STOPPED_EVENT, [exited]);
      yield of(CONTAINER_DELETED_EVENT, []);
      // Another one, whose removal nobody tells of: the lists do.
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
  const told = record(t, events);
  await until(() => told.of("c8").includes("deleted"), "the lists tell that it is gone");
  assert.deepEqual(told.of("c9"), ["created", "started", "stopped", "deleted"]);
  assert.deepEqual(told.of("c8"), ["created", "deleted"]);
  assertMonotone(told.all);
});
