// Events of what was gone before the lists: containerd 2.1 tells a new reader of the last five minutes.
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

function of(id: string, containerEventType: ContainerEventType, ageMs: number, podId = "p1") {
  const createdAt = dateToNanos(new Date(Date.now() - ageMs));
  return event({
    containerId: id,
    containerEventType,
    createdAt,
    podSandboxStatus: pod(podId),
    containersStatuses: [{ id, metadata: { name: id }, state: ContainerState.CONTAINER_EXITED, exitCode: 1 }],
  });
}

test("what came and went before the lists is no news; what comes and goes after them is", async (t) => {
  let lookUps = 0;
  const { onUp, onEvent, told, seen } = tracked(t, { pods: () => [pod("p1")], lookUp: () => void lookUps++ });
  onUp();
  await seen("resync");
  for (const type of [CONTAINER_CREATED_EVENT, CONTAINER_STOPPED_EVENT]) {
    onEvent(of("old", type, 120_000));
    onEvent(of("old-too", type, 120_000, "old-pod"));
  }
  onEvent(of("old", CONTAINER_DELETED_EVENT, 119_000));
  onEvent(of("new", CONTAINER_STOPPED_EVENT, 0));
  await seen("new exited");
  assert.deepEqual(told.slice(0, 3), ["connected", "resync", "new exited"]);
  assert.equal(lookUps, 3, "each is looked up once");
});

test("whatever the clock of the runtime says, what is there is found", async (t) => {
  const containers: ReturnType<typeof container>[] = [];
  const { onUp, onEvent, told, seen } = tracked(t, { pods: () => [pod("p1")], containers: () => containers });
  onUp();
  await seen("resync");
  // A clock that is an hour late: what is looked up is told, and what that missed comes with the next lists.
  onEvent(of("missed", CONTAINER_CREATED_EVENT, 3_600_000));
  containers.push(container("c1"));
  onEvent(of("c1", CONTAINER_CREATED_EVENT, 3_600_000));
  await seen("c1 running");
  containers.push(container("missed"));
  await seen("missed running");
  assert.deepEqual(told.slice(2), ["c1 running", "missed running"]);
});
