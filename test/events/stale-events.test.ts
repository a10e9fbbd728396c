// Events about objects that were removed before the first relist: containerd 2.1 starts each stream with the last five minutes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerEventType, ContainerState, PodSandboxState } from "../../gen/runtime/v1/api_pb.js";
import { dateToNanos } from "../../src/core/index.js";
import { event } from "./support.js";
import { tracked } from "./tracked.js";

const { CONTAINER_CREATED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } = ContainerEventType;
const pod = (id: string) => ({ id, metadata: { name: id }, state: PodSandboxState.SANDBOX_READY });
const container = (id: string) => ({
  id,
  podSandboxId: "p1",
  metadata: { name: id },
  state: ContainerState.CONTAINER_RUNNING,
});

function eventOf(id: string, containerEventType: ContainerEventType, ageMs: number, podId = "p1") {
  const createdAt = dateToNanos(new Date(Date.now() - ageMs));
  return event({
    containerId: id,
    containerEventType,
    createdAt,
    podSandboxStatus: pod(podId),
    containersStatuses: [{ id, metadata: { name: id }, state: ContainerState.CONTAINER_EXITED, exitCode: 1 }],
  });
}

test("an object that was removed before the first relist is not reported, a later one is", async (t) => {
  let lookUps = 0;
  const { onUp, onEvent, recorded, seen } = tracked(t, {
    pods: () => [pod("p1")],
    lookUp: () => void lookUps++,
  });
  onUp();
  await seen("resync");
  for (const type of [CONTAINER_CREATED_EVENT, CONTAINER_STOPPED_EVENT]) {
    onEvent(eventOf("old", type, 120_000));
    onEvent(eventOf("old-too", type, 120_000, "old-pod"));
  }
  onEvent(eventOf("old", CONTAINER_DELETED_EVENT, 119_000));
  onEvent(eventOf("new", CONTAINER_STOPPED_EVENT, 0));
  await seen("new exited");
  assert.deepEqual(recorded.slice(0, 3), ["connected", "resync", "new exited"]);
  assert.equal(lookUps, 3, "each object is looked up once");
});

test("every existing object is reported, even if the clock of the runtime is late", async (t) => {
  const containers: ReturnType<typeof container>[] = [];
  const { onUp, onEvent, recorded, seen } = tracked(t, {
    pods: () => [pod("p1")],
    containers: () => containers,
  });
  onUp();
  await seen("resync");
  // The clock is an hour late. An object that the look-up finds is reported at once, and the next relist finds the other.
  onEvent(eventOf("missed", CONTAINER_CREATED_EVENT, 3_600_000));
  containers.push(container("c1"));
  onEvent(eventOf("c1", CONTAINER_CREATED_EVENT, 3_600_000));
  await seen("c1 running");
  containers.push(container("missed"));
  await seen("missed running");
  assert.deepEqual(recorded.slice(2), ["c1 running", "missed running"]);
});
