import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ContainerSchema, ContainerState, PodSandboxSchema } from "../../../gen/runtime/v1/api_pb.js";
import { type NodeEvent, nodeContainer } from "../../../src/events/index.js";
import { NodeObjects } from "../../../src/kubelet/relist/node-objects.js";

const sandbox = create(PodSandboxSchema, { id: "s", metadata: { name: "p", uid: "u", namespace: "n" } });
const container = (state: ContainerState) =>
  create(ContainerSchema, { id: "c", podSandboxId: "s", metadata: { name: "c" }, state });
const { CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;

function eventOf(type: "started" | "deleted", state: ContainerState): Extract<NodeEvent, { kind: unknown }> {
  const object = nodeContainer(container(state), undefined);
  const at = new Date(0);
  return {
    kind: "container",
    type,
    id: "c",
    podId: "s",
    container: object,
    pod: undefined,
    at,
    source: "event",
  };
}

test("reports which pods have changed", () => {
  const objects = new NodeObjects();
  const lists = { sandboxes: [sandbox], containers: [container(CONTAINER_RUNNING)] };
  assert.deepEqual([...objects.replace(objects.startList(), lists)], ["u"]);
  assert.deepEqual([...objects.replace(objects.startList(), lists)], []);
  const exited = { ...lists, containers: [container(CONTAINER_EXITED)] };
  assert.deepEqual([...objects.replace(objects.startList(), exited)], ["u"]);
  assert.deepEqual([...objects.replace(objects.startList(), { ...lists, containers: [] })], ["u"]);
  assert.deepEqual([...objects.replace(objects.startList(), { sandboxes: [], containers: [] })], ["u"]);
});

test("an event since the start of a list is newer than the list; the next list is decisive again", () => {
  const objects = new NodeObjects();
  const running = { sandboxes: [sandbox], containers: [container(CONTAINER_RUNNING)] };
  objects.replace(objects.startList(), running);
  const start = objects.startList();
  assert.equal(objects.apply(eventOf("deleted", CONTAINER_EXITED)), "u");
  assert.deepEqual([...objects.replace(start, running)], []);
  assert.equal(objects.containers.size, 0);
  objects.replace(objects.startList(), running);
  assert.equal(objects.containers.get("c")?.state, "running");
});

test("a list that began before one that was taken already is ignored", () => {
  const objects = new NodeObjects();
  const [first, second] = [objects.startList(), objects.startList()];
  objects.replace(second, { sandboxes: [sandbox], containers: [] });
  assert.equal(objects.replace(first, { sandboxes: [], containers: [] }).size, 0);
  assert.equal(objects.pods.size, 1);
});
