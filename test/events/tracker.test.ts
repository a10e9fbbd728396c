// Tasks that are in flight when a stream begins or ends.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerEventType, ContainerState, PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { applyEvent } from "../../src/events/apply-event.js";
import { NodeQueries } from "../../src/events/node-queries.js";
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
const timedOut = (text: string) =>
  new CriError({ code: "deadline_exceeded", reason: "deadline", rawMessage: text });

test("polling continues after a relist that failed while the event stream was retried", async (t) => {
  const pods = [pod];
  const list = held();
  let hangs = false;
  const { onDown, recorded, seen } = tracked(t, {
    pods: () => pods,
    listing: () => (hangs ? list.run() : undefined),
  });
  onDown(noEvents);
  await seen("resync");
  hangs = true;
  await list.started();
  onDown(noEvents);
  hangs = false;
  pods.push({ ...pod, id: "p2" });
  list.end(timedOut("no answer within 30000 ms"));
  await seen("p2 ready");
  assert.deepEqual(recorded, ["connected", "resync", "disconnected", "connected", "p2 ready", "resync"]);
});

test("each new stream is followed by a relist, even if one was requested before", async (t) => {
  const lookUp = held();
  let containers = [container("c1")];
  const { tracker, onEvent, onUp, onDown, recorded, seen } = tracked(t, {
    pods: () => [pod],
    containers: () => containers,
    lookUp: lookUp.run,
  });
  onUp();
  await seen("resync");
  onEvent(event({ containerId: "c2", containerEventType: ContainerEventType.CONTAINER_CREATED_EVENT }));
  await lookUp.started();
  // All of this is queued behind the look-up: the end of the stream, a relist that is too early, and a new stream.
  onDown(ended);
  tracker.afterRelist(() => undefined);
  onUp();
  containers = [container("c2")];
  lookUp.end();
  await seen("c1 removed");
  const reconnected = ["disconnected", "connected", "c1 removed", "resync"];
  assert.deepEqual(recorded, ["connected", "resync", "c2 running", ...reconnected]);
});

test("an object that one list lacks and the next one has is reported again", async (t) => {
  let containers = [container("c1")];
  const { onEvent, onUp, recorded, seen } = tracked(t, { pods: () => [pod], containers: () => containers });
  onUp();
  await seen("resync");
  containers = [];
  onUp();
  await seen("c1 removed");
  containers = [container("c1")];
  onUp();
  await seen("c1 running");
  const exited = { id: "c1", state: ContainerState.CONTAINER_EXITED, exitCode: 3, finishedAt: 9n };
  const containerEventType = ContainerEventType.CONTAINER_STOPPED_EVENT;
  onEvent(event({ containerId: "c1", containerEventType, containersStatuses: [exited] }));
  await seen("c1 exited");
  assert.deepEqual(recorded.slice(-3), ["c1 running", "resync", "c1 exited"]);
});

test("closing the client ends readers and watches at once, even while a query hangs", async (t) => {
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
  const recorded = record(t, events);
  await recorded.seen("resync");
  hangs = true;
  const another = events.watch();
  const waiting = node.waitFor(() => false);
  events.close();
  for (const one of [recorded.reading, another, waiting] as Promise<unknown>[])
    await assert.rejects(soon(one), { reason: "client_closed" });
});

test("one status that times out delays no other, and is not requested again for a while", async (t) => {
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

test("a removed pod with known containers requires a relist", async () => {
  const parts = partsOf({});
  const queries = new NodeQueries(parts.runtime, parts.lists, new AbortController().signal);
  const removal = event({
    containerId: "p1",
    containerEventType: ContainerEventType.CONTAINER_DELETED_EVENT,
  });
  for (const containers of [[], [container("c1")]]) {
    const state = new NodeState();
    // The state takes complete messages, which the stub creates.
    state.replace({ startedAt: new Date(), ...(await listed([pod], containers)), exits: new Map() });
    const changed: (string | undefined)[] = [];
    const needsRelist = await applyEvent(removal, state, queries, ({ before }) => changed.push(before?.id));
    assert.deepEqual([changed, needsRelist], [["p1"], containers.length > 0]);
  }
});

async function listed(pods: (typeof pod)[], containers: ReturnType<typeof container>[]) {
  const { lists } = partsOf({ pods: () => pods, containers: () => containers });
  return { pods: await lists.podSandboxes().collect(), containers: await lists.containers().collect() };
}
