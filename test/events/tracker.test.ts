// What is under way when a stream begins and ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerEventType, ContainerState, PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { applyEvent } from "../../src/events/apply-event.js";
import { NodeReads } from "../../src/events/node-reads.js";
import { NodeState } from "../../src/events/node-state.js";
import { CriError } from "../../src/index.js";
import { cleanup } from "../support/cleanup.js";
import { until } from "../support/waiting.js";
import { event, partsOf, record, silence, soon, stub } from "./support.js";
import { ended, held, noEvents, tracked } from "./tracked.js";

const pod = { id: "p1", metadata: { name: "p" }, state: PodSandboxState.SANDBOX_READY, createdAt: 1n };
const container = (id: string, state: ContainerState = ContainerState.CONTAINER_RUNNING) => ({
  id,
  podSandboxId: "p1",
  metadata: { name: id },
  state,
  createdAt: 2n,
});
const timedOut = (text: string) => new CriError({ code: "deadline_exceeded", reason: "deadline", text });

test("polling goes on after a list that failed while events were asked for once more", async (t) => {
  const pods = [pod];
  const list = held();
  let hangs = false;
  const { onDown, told, seen } = tracked(t, {
    pods: () => pods,
    listing: () => (hangs ? list.run() : undefined),
  });
  onDown(noEvents);
  await seen("resync");
  hangs = true;
  await list.begun();
  onDown(noEvents);
  hangs = false;
  pods.push({ ...pod, id: "p2" });
  list.end(timedOut("no answer within 30000 ms"));
  await seen("p2 ready");
  assert.deepEqual(told, ["connected", "resync", "disconnected", "connected", "p2 ready", "resync"]);
});

test("each new stream is followed by lists, whatever was asked for before it", async (t) => {
  const lookUp = held();
  let containers = [container("c1")];
  const { tracker, onEvent, onUp, onDown, told, seen } = tracked(t, {
    pods: () => [pod],
    containers: () => containers,
    lookUp: lookUp.run,
  });
  onUp();
  await seen("resync");
  onEvent(event({ containerId: "c2", containerEventType: ContainerEventType.CONTAINER_CREATED_EVENT }));
  await lookUp.begun();
  // All of this waits for the look-up: the end of the stream, lists that come too early, and another stream.
  onDown(ended);
  tracker.listed(() => undefined);
  onUp();
  containers = [container("c2")];
  lookUp.end();
  await seen("c1 gone");
  const reconnected = ["disconnected", "connected", "c1 gone", "resync"];
  assert.deepEqual(told, ["connected", "resync", "c2 running", ...reconnected]);
});

test("what a list did not have and the next one has is heard of again", async (t) => {
  let containers = [container("c1")];
  const { onEvent, onUp, told, seen } = tracked(t, { pods: () => [pod], containers: () => containers });
  onUp();
  await seen("resync");
  containers = [];
  onUp();
  await seen("c1 gone");
  containers = [container("c1")];
  onUp();
  await seen("c1 running");
  const exited = { id: "c1", state: ContainerState.CONTAINER_EXITED, exitCode: 3, finishedAt: 9n };
  const containerEventType = ContainerEventType.CONTAINER_STOPPED_EVENT;
  onEvent(event({ containerId: "c1", containerEventType, containersStatuses: [exited] }));
  await seen("c1 exited");
  assert.deepEqual(told.slice(-3), ["c1 running", "resync", "c1 exited"]);
});

test("the end of the client ends readers and watches at once, also while a question hangs", async (t) => {
  let hangs = false;
  const never = new Promise<void>(() => undefined);
  const { events } = stub(
    async function* (_, signal) {
      yield* [];
      await silence(signal);
    },
    { listing: () => (hangs ? never : undefined) },
  );
  cleanup(t, () => events.close());
  const node = await soon(events.watch());
  const told = record(t, events);
  await told.seen("resync");
  hangs = true;
  const another = events.watch();
  const waiting = node.waitFor(() => false);
  events.close();
  for (const one of [told.reading, another, waiting] as Promise<unknown>[])
    await assert.rejects(soon(one), { reason: "client_closed" });
});

test("one status that never comes keeps nothing else back, and is left alone for a while", async (t) => {
  const ids = Array.from({ length: 20 }, (_, n) => `c${n}`);
  let lists = 0;
  const asked: string[] = [];
  const { onDown, tracker, seen } = tracked(t, {
    pods: () => [pod],
    containers: () => ids.map((id) => container(id, ContainerState.CONTAINER_EXITED)),
    listing: () => void lists++,
    status: (id) => {
      asked.push(id);
      if (id === "c3") throw timedOut("no answer within 5000 ms");
      return { status: { id, state: ContainerState.CONTAINER_EXITED, exitCode: 7 } };
    },
  });
  onDown(noEvents);
  await seen("resync");
  const codes = ids.map((id) => tracker.state.containers.get(id)?.exit?.exitCode);
  assert.deepEqual(
    codes,
    ids.map((id) => (id === "c3" ? undefined : 7)),
  );
  await until(() => lists >= 4, "a few polls");
  assert.deepEqual(asked.sort(), [...ids].sort());
});

test("containers that a removed pod leaves behind are a reason to list", async () => {
  const parts = partsOf({});
  const reads = new NodeReads(parts.runtime, parts.lists, new AbortController().signal);
  const removal = event({
    containerId: "p1",
    containerEventType: ContainerEventType.CONTAINER_DELETED_EVENT,
  });
  for (const containers of [[], [container("c1")]]) {
    const state = new NodeState();
    // What the state takes are whole messages; these are those of a stub.
    state.replace({ begunAt: new Date(), ...(await listed([pod], containers)), exits: new Map() });
    const changed: (string | undefined)[] = [];
    const doubtful = await applyEvent(removal, state, reads, ({ before }) => changed.push(before?.id));
    assert.deepEqual([changed, doubtful], [["p1"], containers.length > 0]);
  }
});

async function listed(pods: (typeof pod)[], containers: ReturnType<typeof container>[]) {
  const { lists } = partsOf({ pods: () => pods, containers: () => containers });
  return { pods: await lists.podSandboxes().collect(), containers: await lists.containers().collect() };
}
