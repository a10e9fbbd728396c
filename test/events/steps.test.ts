// Which steps a reader is told of, for states as runtimes list them after their restarts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  ContainerSchema,
  ContainerState,
  PodSandboxSchema,
  PodSandboxState,
} from "../../gen/runtime/v1/api_pb.js";
import { type Change, eventsOf } from "../../src/events/changes.js";
import { type NodeContainer, type NodePod, nodeContainer, nodePod } from "../../src/events/objects.js";
import { Reached } from "../../src/events/reached.js";

const common = { at: new Date(), source: "relist" } as const;
const { SANDBOX_READY: ready, SANDBOX_NOTREADY: notReady } = PodSandboxState;
const {
  CONTAINER_CREATED: created,
  CONTAINER_RUNNING: running,
  CONTAINER_EXITED: exited,
  CONTAINER_UNKNOWN: unknown,
} = ContainerState;

/** What one reader is told; `known` is what its resync said. */
function steps(changes: readonly Change[]): string {
  const reached = new Reached();
  return changes
    .flatMap((change) => eventsOf(change, reached.before(change)).map(({ type }) => type))
    .join(" ");
}

function podSteps(states: readonly (PodSandboxState | "gone")[], known?: PodSandboxState): string {
  const pod = (state: PodSandboxState) => nodePod(create(PodSandboxSchema, { id: "p", state }));
  let before: NodePod | undefined = known === undefined ? undefined : pod(known);
  return steps(
    states.map((state) => {
      const after = state === "gone" ? undefined : pod(state);
      const change: Change = { kind: "pod", before, after, ...common };
      before = after;
      return change;
    }),
  );
}

function containerSteps(states: readonly (ContainerState | "gone")[], known?: ContainerState): string {
  const container = (state: ContainerState) =>
    nodeContainer(create(ContainerSchema, { id: "c", state }), undefined);
  let before: NodeContainer | undefined = known === undefined ? undefined : container(known);
  return steps(
    states.map((state) => {
      const after = state === "gone" ? undefined : container(state);
      const change: Change = { kind: "container", before, after, ...common };
      before = after;
      return change;
    }),
  );
}

test("each step of a pod comes once, also of one that is ready again", () => {
  assert.equal(podSteps([ready, notReady, "gone"]), "created started stopped deleted");
  assert.equal(podSteps([notReady]), "created stopped");
  assert.equal(podSteps([ready, "gone"]), "created started stopped deleted");
  assert.equal(
    podSteps([ready, notReady, ready, notReady, ready, "gone"]),
    "created started stopped deleted",
  );
  assert.equal(podSteps([notReady, ready, notReady, "gone"], ready), "stopped deleted");
  // Who reads since it is ready again has not heard of an end.
  assert.equal(podSteps([notReady], ready), "stopped");
  assert.equal(podSteps([ready, "gone", ready]), "created started stopped deleted created started");
});

test("each step of a container comes once, also of one whose state was unknown for a while", () => {
  assert.equal(containerSteps([created, running, exited, "gone"]), "created started stopped deleted");
  assert.equal(containerSteps([unknown, running, exited], created), "started stopped");
  assert.equal(containerSteps([created, unknown, running, exited]), "created started stopped");
  assert.equal(containerSteps([running, unknown, running, exited]), "created started stopped");
  assert.equal(containerSteps([running, unknown, "gone"]), "created started stopped deleted");
  assert.equal(containerSteps([running, exited, running, exited]), "created started stopped");
  assert.equal(containerSteps([created, "gone"]), "created deleted");
});
