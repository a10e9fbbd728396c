import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  ContainerSchema,
  ContainerState,
  PodSandboxSchema,
  PodSandboxState,
} from "../../../gen/runtime/v1/api_pb.js";
import { nodeContainer, nodePod } from "../../../src/events/index.js";
import { deadObjects, type PodOwnership } from "../../../src/kubelet/garbage/dead-objects.js";

const { CONTAINER_CREATED, CONTAINER_EXITED, CONTAINER_RUNNING, CONTAINER_UNKNOWN } = ContainerState;
const millis = 1_000_000n;

const container = (
  id: string,
  uid: string,
  at: number,
  state: ContainerState = CONTAINER_EXITED,
  name = "c",
  sandbox = `s-${uid}`,
) =>
  nodeContainer(
    create(ContainerSchema, {
      ...{ id, state, podSandboxId: sandbox, createdAt: BigInt(at) * millis },
      metadata: { name },
      labels: { "io.kubernetes.pod.uid": uid },
    }),
    undefined,
  );

const sandbox = (id: string, uid: string, at: number, isReady = false) =>
  nodePod(
    create(PodSandboxSchema, {
      ...{ id, createdAt: BigInt(at) * millis, metadata: { name: "p", uid, namespace: "n" } },
      state: isReady ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY,
    }),
  );

function decide({
  containers = [],
  pods = [],
  maxDeadContainers = Number.POSITIVE_INFINITY,
  everything = false,
}: {
  readonly containers?: ReturnType<typeof container>[];
  readonly pods?: ReturnType<typeof sandbox>[];
  readonly maxDeadContainers?: number;
  readonly everything?: boolean;
}) {
  const owners: Record<string, PodOwnership> = { a: "active", e: "ended", g: "gone", f: "foreign" };
  const result = deadObjects({
    ...{ containers, pods, maxDeadContainers, everything },
    podUidOf: ({ labels }) => labels["io.kubernetes.pod.uid"] ?? "",
    ownershipOf: (uid) => owners[uid] ?? "foreign",
  });
  return {
    containers: result.containers.map(({ id }) => id).sort(),
    sandboxes: result.sandboxes.map(({ id }) => id).sort(),
  };
}

test("all containers of removed pods are removed, except for running ones", () => {
  const containers = [
    container("exited", "g", 1),
    container("created", "g", 2, CONTAINER_CREATED),
    container("unknown", "g", 3, CONTAINER_UNKNOWN),
    container("running", "g", 4, CONTAINER_RUNNING),
  ];
  assert.deepEqual(decide({ containers }).containers, ["created", "exited", "unknown"]);
});

test("of pods that have ended, the newest instance of each container stays, unless the node needs space", () => {
  const containers = [
    container("1", "e", 1),
    container("3", "e", 3),
    container("2", "e", 2),
    container("other", "e", 1, CONTAINER_EXITED, "d"),
  ];
  assert.deepEqual(decide({ containers }).containers, ["1", "2"]);
  assert.deepEqual(decide({ containers, everything: true }).containers, ["1", "2", "3", "other"]);
});

test("containers of active pods and of other owners stay", () => {
  const containers = ["a", "f"].flatMap((uid) => [
    container(`${uid}1`, uid, 1),
    container(`${uid}2`, uid, 2),
  ]);
  assert.deepEqual(decide({ containers, everything: true, maxDeadContainers: 0 }).containers, []);
});

test("beyond the limit of the node, the oldest ones of pods that have ended go", () => {
  const containers = [
    container("old", "e", 1, CONTAINER_EXITED, "x"),
    container("middle", "e", 2, CONTAINER_EXITED, "y"),
    container("new", "e", 3, CONTAINER_EXITED, "z"),
    container("active", "a", 0),
  ];
  assert.deepEqual(decide({ containers, maxDeadContainers: 2 }).containers, ["middle", "old"]);
  assert.deepEqual(decide({ containers, maxDeadContainers: 4 }).containers, []);
});

test("sandboxes go when they are not ready, have no container that stays, and are not the newest of a pod that exists", () => {
  const pods = [
    sandbox("g1", "g", 1),
    sandbox("g-ready", "g", 2, true),
    sandbox("g-used", "g", 3),
    sandbox("e1", "e", 1),
    sandbox("e2", "e", 2),
    sandbox("a1", "a", 1),
    sandbox("a2", "a", 2),
    sandbox("f1", "f", 1),
  ];
  const containers = [container("c", "g", 1, CONTAINER_RUNNING, "c", "g-used")];
  assert.deepEqual(decide({ pods, containers }).sandboxes, ["e1", "g1"]);
});
