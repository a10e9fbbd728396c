import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ContainerState } from "../../../gen/runtime/v1/api_pb.js";
import { connect } from "../../../src/index.js";
import type { Pod } from "../../../src/kubernetes/index.js";
import { type RpcInterceptor, withInterceptors } from "../../../src/transport/index.js";
import { sandboxConfig } from "../../support/embedded.js";
import { kubeletNode, ListSource, onePod, untilPhase } from "../../support/kubelets.js";
import { until } from "../../support/waiting.js";

type Node = Awaited<ReturnType<typeof kubeletNode>>;

const uidOf = ({ metadata }: Pod): string => metadata?.uid ?? "";
const deletedOne = (pod: Pod): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 1 },
});
const loseFiles = ({ rootDir }: Node, pod: Pod) => rm(join(rootDir, "pods", uidOf(pod)), { recursive: true });

/** Returns the names of the pods that have a sandbox, and the states of all containers. */
async function inRuntime({ cri }: Node): Promise<(string | number)[]> {
  const { items } = await cri.runtime.listPodSandbox({});
  const { containers } = await cri.runtime.listContainers({});
  return [...items.map(({ metadata }) => metadata?.name ?? ""), ...containers.map(({ state }) => state)];
}

/** Returns a client whose answers a test changes. */
function changed(t: TestContext, { runtime }: Node, change: (method: string, message: object) => void) {
  const interceptor: RpcInterceptor = (next) => async (request) => {
    const response = await next(request);
    if (!response.stream) change(request.method.name, response.message);
    return response;
  };
  const cri = connect.through({ transport: withInterceptors(runtime.transport, [interceptor]) });
  t.after(() => cri.close());
  return cri;
}

test("a pod whose files are lost is stopped before its removal is reported", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a", ["ignore-term"]);
  const first = await node.start([new ListSource("list", [pod])]);
  await untilPhase(first, "Running", "a");
  await first.close();
  await loseFiles(node, pod);
  const list = new ListSource("list", [deletedOne(pod)]);
  let left: Promise<unknown> | undefined;
  list.onRemoved = () => {
    left = inRuntime(node);
  };
  const second = await node.start([list]);
  await until(() => left !== undefined, "onRemoved");
  assert.deepEqual(await left, []);
  const [status] = second.pod("test", "a")?.status.containerStatuses ?? [];
  assert.equal(status?.state?.terminated?.exitCode, 137);
  await second.stop();
});

test("a sandbox without files and owner is removed before the removal of its Pod is reported", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a");
  const labels = {
    "io.kubernetes.pod.name": "a",
    "io.kubernetes.pod.namespace": "test",
    "io.kubernetes.pod.uid": uidOf(pod),
  };
  await node.cri.runtime.runPodSandbox({ config: { ...sandboxConfig("a"), labels } });
  const list = new ListSource("list", [deletedOne(pod)]);
  let left: Promise<unknown> | undefined;
  list.onRemoved = () => {
    left = inRuntime(node);
  };
  const kubelet = await node.start([list]);
  await until(() => left !== undefined, "onRemoved");
  assert.deepEqual(await left, []);
  await kubelet.stop();
});

test("a pod without files that no source has is removed by the kubelet that has started it, and by no other", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a");
  const first = await node.start([new ListSource("list", [pod])]);
  await untilPhase(first, "Running", "a");
  await first.close();
  await loseFiles(node, pod);
  const others = [{ nodeName: "other" }, { rootDir: `${node.rootDir}-other` }];
  for (const options of others) {
    const list = new ListSource("list", [onePod("b")]);
    const other = await node.start([list], options);
    await untilPhase(other, "Running", "b");
    // By the time that it has removed its own pod, it has seen the other one.
    list.set();
    await until(async () => !(await inRuntime(node)).includes("b"), "b is removed");
    assert.deepEqual(await inRuntime(node), ["a", 1]);
    await other.stop();
    assert.deepEqual(await inRuntime(node), ["a", 1]);
  }
  const again = await node.start([new ListSource("list", [])]);
  await until(async () => (await inRuntime(node)).length === 0, "a is removed");
  await again.stop();
});

test("a pod that the runtime did not list when it was removed is removed when the runtime lists it", async (t) => {
  const node = await kubeletNode(t);
  const pod = onePod("a");
  const first = await node.start([new ListSource("list", [pod])]);
  await untilPhase(first, "Running", "a");
  await first.close();
  let isHidden = true;
  const cri = changed(t, node, (method, message) => {
    if (isHidden && method === "ListPodSandbox") Object.assign(message, { items: [] });
    if (isHidden && method === "ListContainers") Object.assign(message, { containers: [] });
  });
  const list = new ListSource("list", [deletedOne(pod)]);
  const second = await node.start([list], { cri });
  await until(() => list.removed.length === 1, "onRemoved");
  list.set();
  assert.deepEqual(await inRuntime(node), ["a", 1]);
  isHidden = false;
  await until(async () => (await inRuntime(node)).length === 0, "a is removed");
  await second.stop();
});

test("a pod whose statuses the runtime does not find is not removed as long as it is listed", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a")]);
  const kubelet = await node.start([list]);
  await untilPhase(kubelet, "Running", "a");
  const { faults } = node.runtime;
  for (const method of ["containerStatus", "podSandboxStatus"] as const)
    faults.failNext(method, { code: "not_found" }, { times: Number.POSITIVE_INFINITY });
  list.set(deletedOne(onePod("a")));
  const hasFailed = () => list.events.some(({ message }) => message.includes("the runtime still lists"));
  await until(hasFailed, "the removal is tried again later");
  assert.deepEqual(list.removed, []);
  assert.deepEqual(await readdir(join(node.rootDir, "pods")), [uidOf(onePod("a"))]);
  faults.clear();
  await until(() => list.removed.length === 1, "onRemoved");
  assert.deepEqual(await inRuntime(node), []);
  await kubelet.stop();
});

test("the newest instance of a container is removed last: its end is the status, also after a crash", async (t) => {
  const node = await kubeletNode(t);
  const list = new ListSource("list", [onePod("a", ["exit", "3"])]);
  const kubelet = await node.start([list], { backOff: { firstMs: 1, maxMs: 1 } });
  const instances = async () => {
    const { containers } = await node.cri.runtime.listContainers({});
    const ended = containers.filter(({ state }) => state === ContainerState.CONTAINER_EXITED);
    return ended.sort((one, other) => Number(one.createdAt - other.createdAt)).map(({ id }) => id);
  };
  await until(async () => (await instances()).length === 2, "two instances");
  node.runtime.faults.failNext("createContainer", { code: "internal" }, { times: Number.POSITIVE_INFINITY });
  await until(() => list.events.some(({ reason }) => reason === "Failed"), "no more instances");
  const ids = await instances();
  const before = node.runtime.calls.of("removeContainer").length;
  list.set();
  await until(async () => (await inRuntime(node)).length === 0, "a is removed");
  const removed = node.runtime.calls.of("removeContainer").slice(before);
  assert.deepEqual(
    removed.map(({ request }) => request.containerId),
    ids,
  );
  node.runtime.faults.clear();
  await kubelet.stop();
});

// containerd 2.1 lists a sandbox that it created when it was killed as not ready, with Go's zero time.
test("a sandbox without a time of creation keeps its Pod neither from running nor from being removed", async (t) => {
  const node = await kubeletNode(t);
  const pods = [onePod("a"), onePod("b")];
  const first = await node.start([new ListSource("list", pods)]);
  await untilPhase(first, "Running", "a", "b");
  await first.close();
  const halves = new Set<string>();
  for (const { id } of (await node.cri.runtime.listPodSandbox({})).items) {
    await node.cri.runtime.stopPodSandbox({ podSandboxId: id });
    halves.add(id);
  }
  const cri = changed(t, node, (method, message) => {
    const { status } = message as { status?: { id: string } };
    if (method === "PodSandboxStatus" && status && halves.has(status.id))
      Object.assign(status, { createdAt: -6795364578871345152n });
  });
  const list = new ListSource("list", [onePod("a")]);
  const second = await node.start([list], { cri });
  await untilPhase(second, "Running", "a");
  const startTime = second.pod("test", "a")?.status.startTime;
  assert.ok(startTime && startTime.getTime() > Date.UTC(2020), `the pod started at ${startTime}`);
  await until(async () => !(await inRuntime(node)).includes("b"), "b is removed");
  list.set(deletedOne(onePod("a")));
  await until(() => list.removed.length === 1, "onRemoved");
  assert.deepEqual(await inRuntime(node), []);
  await second.stop();
});
