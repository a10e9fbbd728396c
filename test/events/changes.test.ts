// Which events a reader receives for states as runtimes list them after a restart.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  ContainerSchema,
  ContainerState,
  PodSandboxSchema,
  PodSandboxState,
} from "../../gen/runtime/v1/api_pb.js";
import { type Change, EventTranslator } from "../../src/events/changes.js";
import { type NodeContainer, type NodePod, nodeContainer, nodePod } from "../../src/events/objects.js";

const common = { at: new Date(), source: "relist" } as const;
const { SANDBOX_READY: ready, SANDBOX_NOTREADY: notReady } = PodSandboxState;
const {
  CONTAINER_CREATED: created,
  CONTAINER_RUNNING: running,
  CONTAINER_EXITED: exited,
  CONTAINER_UNKNOWN: unknown,
} = ContainerState;

/** Returns the types of the events that one reader receives. */
function steps(changes: readonly Change[]): string {
  const translator = new EventTranslator();
  return changes.flatMap((change) => translator.translate(change).map(({ type }) => type)).join(" ");
}

/** Returns the events of a pod with these states; `known` is its state in the resync. */
function podSteps(states: readonly (PodSandboxState | "removed")[], known?: PodSandboxState): string {
  const pod = (state: PodSandboxState) => nodePod(create(PodSandboxSchema, { id: "p", state }));
  let before: NodePod | undefined = known === undefined ? undefined : pod(known);
  return steps(
    states.map((state) => {
      const after = state === "removed" ? undefined : pod(state);
      const change: Change = { kind: "pod", before, after, ...common };
      before = after;
      return change;
    }),
  );
}

/** Returns the events of a container with these states; `known` is its state in the resync. */
function containerSteps(states: readonly (ContainerState | "removed")[], known?: ContainerState): string {
  const container = (state: ContainerState) =>
    nodeContainer(create(ContainerSchema, { id: "c", state }), undefined);
  let before: NodeContainer | undefined = known === undefined ? undefined : container(known);
  return steps(
    states.map((state) => {
      const after = state === "removed" ? undefined : container(state);
      const change: Change = { kind: "container", before, after, pod: undefined, ...common };
      before = after;
      return change;
    }),
  );
}

test("each step of a pod is reported once, even if the pod becomes ready again", () => {
  assert.equal(podSteps([ready, notReady, "removed"]), "created started stopped deleted");
  assert.equal(podSteps([notReady]), "created stopped");
  assert.equal(podSteps([ready, "removed"]), "created started stopped deleted");
  assert.equal(
    podSteps([ready, notReady, ready, notReady, ready, "removed"]),
    "created started stopped deleted",
  );
  assert.equal(podSteps([notReady, ready, notReady, "removed"], ready), "stopped deleted");
  // A reader that starts after the pod became ready again has not received a stopped event.
  assert.equal(podSteps([notReady], ready), "stopped");
  assert.equal(podSteps([ready, "removed", ready]), "created started stopped deleted created started");
});

test("each step of a container is reported once, even if its state was unknown for a while", () => {
  assert.equal(containerSteps([created, running, exited, "removed"]), "created started stopped deleted");
  assert.equal(containerSteps([unknown, running, exited], created), "started stopped");
  assert.equal(containerSteps([created, unknown, running, exited]), "created started stopped");
  assert.equal(containerSteps([running, unknown, running, exited]), "created started stopped");
  assert.equal(containerSteps([running, unknown, "removed"]), "created started stopped deleted");
  assert.equal(containerSteps([running, exited, running, exited]), "created started stopped");
  assert.equal(containerSteps([created, "removed"]), "created deleted");
});
