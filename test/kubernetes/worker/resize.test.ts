// Resources of running containers that change: what is decided, in which order it is done, and what the status says.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  LinuxPodSandboxConfigSchema,
  NamespaceMode,
  PodSandboxConfigSchema,
} from "../../../gen/runtime/v1/api_pb.js";
import {
  type Container,
  defaultPod,
  type Pod,
  type PodCgroups,
  type PodResizing,
  podActions,
  podPlanner,
  podStatus,
  type ResourceRequirements,
} from "../../../src/kubernetes/index.js";
import { instanceOf, observedOf, podOf, sidecar } from "../../support/observed-pods.js";
import { vectorNode } from "../../support/pod-fixtures.js";
import { container, runWorker, simplePlanner, startWorker } from "../../support/pod-workers.js";

const amounts = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});
const small = amounts("500m", "64Mi");
const large = amounts("1", "128Mi");
const restartFor = (resourceName: string) => ({
  resizePolicy: [{ resourceName, restartPolicy: "RestartContainer" }],
});

/** Returns the actions for a pod whose containers all run, in short. */
function decide(pod: Pod, actuated: Readonly<Record<string, ResourceRequirements>> | undefined) {
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const observed = observedOf(all.map(({ name }) => ({ id: `${name}-0`, name })));
  const actions = podActions(pod, observed, {
    isTerminating: false,
    isRestartingAll: false,
    probes: () => undefined,
    actuated,
  });
  return {
    resize: actions.resize.map(({ name, resource }) => `${name} ${resource}`),
    kill: actions.kill.map(({ name, reason, message }) => [name, reason, message]),
    start: [...actions.startInit, ...actions.startRegular],
    resources: actions.resize.map(({ resources }) => resources),
  };
}

const app = (resources: ResourceRequirements, fields: Partial<Container> = {}): Container => ({
  name: "app",
  resources,
  ...fields,
});
const nothing = { resize: [], kill: [], start: [], resources: [] };

test("nothing is resized without known resources of containers, or where the amounts are equal", () => {
  assert.deepEqual(decide(podOf({ containers: [app(large)] }), undefined), nothing);
  const other: ResourceRequirements = {
    requests: { cpu: "0.5", memory: 67_108_864 },
    limits: { cpu: 0.5, memory: "65536Ki" },
  };
  assert.deepEqual(decide(podOf({ containers: [app(small)] }), { app: other }), nothing);
});

test("memory is changed before CPU, and each step keeps the other resource", () => {
  const { resize, resources } = decide(podOf({ containers: [app(large)] }), { app: small });
  assert.deepEqual(resize, ["app memory", "app cpu"]);
  assert.deepEqual(resources[0], {
    requests: { cpu: "500m", memory: "128Mi" },
    limits: { cpu: "500m", memory: "128Mi" },
  });
  assert.deepEqual(resources[1], {
    requests: { memory: "128Mi", cpu: "1" },
    limits: { memory: "128Mi", cpu: "1" },
  });
});

test("containers that give something back come first", () => {
  const pod = podOf({
    containers: [
      { name: "grows", resources: large },
      { name: "shrinks", resources: small },
    ],
  });
  assert.deepEqual(decide(pod, { grows: small, shrinks: large }).resize, [
    "shrinks memory",
    "grows memory",
    "shrinks cpu",
    "grows cpu",
  ]);
});

test("a container restarts for the resources whose policy says so, and for no others", () => {
  const memoryOnly = amounts("500m", "128Mi");
  const pod = podOf({ containers: [app(memoryOnly, restartFor("memory")), "other"] });
  assert.deepEqual(decide(pod, { app: small, other: {} }), {
    ...nothing,
    kill: [["app", "resized", "Container app resize requires restart"]],
    start: ["app"],
  });
  const byCpu = podOf({ containers: [app(memoryOnly, restartFor("cpu"))] });
  assert.deepEqual(decide(byCpu, { app: small }).resize, ["app memory"]);
});

test("a container whose resources are not known is updated, and never restarted", () => {
  const { resize, kill } = decide(podOf({ containers: [app(small, restartFor("memory"))] }), {});
  assert.deepEqual([resize, kill], [["app memory", "app cpu"], []]);
});

test("sidecars are resized, init containers are not", () => {
  const pod = podOf({
    initContainers: [{ name: "init", resources: large }, sidecar("side", { resources: large })],
  });
  assert.deepEqual(decide(pod, { init: small, side: small, app: {} }).resize, ["side memory", "side cpu"]);
  const restarting = podOf({
    initContainers: [sidecar("side", { resources: large, ...restartFor("cpu") })],
  });
  const { start, kill } = decide(restarting, { side: small, app: {} });
  assert.deepEqual([start, kill.map(([name]) => name)], [["side"], ["side"]]);
});

test("limits of the pod count for containers that have none", () => {
  const pod = podOf({ containers: [app({ requests: { cpu: "1" } })], resources: { limits: { cpu: "3" } } });
  const actuated = { app: { requests: { cpu: "1" }, limits: { cpu: "2" } } };
  assert.deepEqual(decide(pod, actuated).resize, ["app cpu"]);
  assert.deepEqual(decide(pod, { app: { requests: { cpu: "1" }, limits: { cpu: "3" } } }).resize, []);
});

test("a container that does not run is not resized", () => {
  const pod = podOf({ containers: [app(large)], restartPolicy: "Never" });
  const observed = observedOf([{ id: "app-0", name: "app", state: "exited" }]);
  const actions = podActions(pod, observed, {
    isTerminating: false,
    isRestartingAll: false,
    probes: () => undefined,
    actuated: { app: small },
  });
  assert.deepEqual([actions.resize, actions.kill], [[], []]);
  assert.equal(instanceOf({ name: "app" }).resources, undefined);
});

/** Keeps resources in memory. */
function memoryStore(fields: Partial<PodResizing> = {}) {
  const store = new Map<string, Record<string, ResourceRequirements>>();
  let generation = 1;
  const resizing: PodResizing = {
    actuated: (uid) => store.get(uid) ?? {},
    setActuated: async (uid, name, resources) => {
      store.set(uid, { ...store.get(uid), [name]: resources });
    },
    generation: () => generation,
    pending: () => undefined,
    memoryUsageBytes: async () => undefined,
    ...fields,
  };
  return { resizing, setGeneration: (value: number) => (generation = value) };
}

const planner = { ...simplePlanner, resources: podPlanner(vectorNode).resources } as typeof simplePlanner;

async function runningPod(
  t: TestContext,
  containers: readonly Container[],
  { cgroups, ...fields }: Partial<PodResizing> & { readonly cgroups?: PodCgroups } = {},
) {
  const { resizing, setGeneration } = memoryStore(fields);
  const node = await startWorker(
    t,
    { metadata: { uid: "uid-1", generation: 1 }, spec: { containers } },
    { parts: { resizing, planner, cgroups } },
  );
  const { worker, clock } = node;
  await clock.until(() => containers.every(({ name }) => isRunning(worker.status, name)));
  const resize = (changed: readonly Container[], generation = 2) => {
    setGeneration(generation);
    const { metadata } = worker.pod;
    worker.update(defaultPod({ metadata: { ...metadata, generation }, spec: { containers: changed } }));
  };
  return { ...node, resizing, resize };
}

function isRunning(status: Awaited<ReturnType<typeof startWorker>>["worker"]["status"], name: string) {
  return status?.containerStatuses?.find((one) => one.name === name)?.state?.running !== undefined;
}

const conditionOf = (status: { conditions?: readonly { type: string }[] } | undefined, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);
const web = (resources: ResourceRequirements, fields: Partial<Container> = {}): Container => ({
  ...container("web", "run"),
  resources,
  ...fields,
});
const resizeEvents = (events: readonly { readonly reason: string; readonly message: string }[]) =>
  events.filter(({ reason }) => reason.startsWith("Resize")).map(({ reason, message }) => [reason, message]);

test("a running container gets new resources, and keeps running", async (t) => {
  const { worker, clock, runtime, events, statuses, resize } = await runningPod(t, [web(small)]);
  const before = worker.status?.containerStatuses?.[0];
  assert.deepEqual(before?.allocatedResources, { cpu: "500m", memory: "64Mi" });
  resize([web(large)]);
  await clock.until(() => worker.status?.containerStatuses?.[0]?.resources?.limits?.cpu === "1");
  const [memory, cpu, ...more] = runtime.calls
    .of("updateContainerResources")
    .map(({ request }) => request.linux);
  assert.deepEqual(more, []);
  assert.deepEqual(
    [memory, cpu].map((it) => [it?.memoryLimitInBytes, it?.cpuShares, it?.cpuQuota]),
    [
      [134_217_728n, 512n, 50_000n],
      [134_217_728n, 1024n, 100_000n],
    ],
  );
  const after = worker.status?.containerStatuses?.[0];
  assert.equal(after?.containerID, before?.containerID);
  assert.equal(after?.restartCount, 0);
  assert.deepEqual(after?.resources, { limits: large.limits, requests: large.requests });
  assert.deepEqual(after?.allocatedResources, large.requests);
  assert.equal(worker.status?.observedGeneration, 2);
  const during = statuses.find((status) => conditionOf(status, "PodResizeInProgress"));
  assert.equal(during?.containerStatuses?.[0]?.resources?.limits?.cpu, "500m");
  assert.deepEqual(during?.containerStatuses?.[0]?.allocatedResources, large.requests);
  assert.equal(during?.conditions?.[0]?.type, "PodResizeInProgress");
  assert.equal(during?.conditions?.[0]?.observedGeneration, 2);
  assert.equal(conditionOf(worker.status, "PodResizeInProgress"), undefined);
  const details =
    '{"containers":[{"name":"web","resources":{"limits":{"cpu":"1","memory":"128Mi"},"requests":{"cpu":"1","memory":"128Mi"}}}],"generation":2}';
  assert.deepEqual(resizeEvents(events), [["ResizeCompleted", `Pod resize completed: ${details}`]]);
  assert.equal(runtime.calls.of("stopContainer").length, 0);
});

test("a container restarts in its place where its policy says so", async (t) => {
  const containers = [web(small, restartFor("memory")), container("other", "run")];
  const { worker, clock, runtime, events, resize } = await runningPod(t, containers);
  const other = worker.status?.containerStatuses?.find(({ name }) => name === "other")?.containerID;
  resize([web(large, restartFor("memory")), container("other", "run")]);
  await clock.until(() => {
    const status = worker.status?.containerStatuses?.find(({ name }) => name === "web");
    return status?.restartCount === 1 && status.state?.running !== undefined;
  });
  assert.equal(runtime.calls.of("updateContainerResources").length, 0);
  assert.equal(worker.status?.containerStatuses?.find(({ name }) => name === "other")?.containerID, other);
  assert.ok(events.some(({ message }) => message === "Container web resize requires restart"));
  assert.deepEqual(
    worker.status?.containerStatuses?.find(({ name }) => name === "web")?.resources?.limits,
    large.limits,
  );
});

test("another worker of the same pod resizes nothing", async (t) => {
  const { runtime, cri, clock, worker, resizing, pod } = await runningPod(t, [web(small)]);
  await worker.close();
  const second = runWorker(t, { cri }, clock, pod, { resizing, planner });
  await clock.until(() => second.worker.status?.phase === "Running");
  await clock.advance(200_000);
  assert.equal(runtime.calls.of("updateContainerResources").length, 0);
  assert.equal(runtime.calls.of("createContainer").length, 1);
});

test("a resize that the runtime refuses is an error of its condition, and is tried again", async (t) => {
  const { worker, clock, runtime, events, resize } = await runningPod(t, [web(small)]);
  // More than are needed: on a busy machine, several attempts may be made between two looks at the status.
  for (let times = 0; times < 100; times++)
    runtime.faults.failNext("updateContainerResources", { code: "internal", message: "no cgroup" });
  resize([web(large)]);
  await clock.until(() => worker.status?.conditions?.[0]?.reason === "Error");
  assert.match(worker.status?.conditions?.[0]?.message ?? "", /no cgroup/);
  assert.equal(worker.status?.containerStatuses?.[0]?.resources?.limits?.memory, "64Mi");
  runtime.faults.clear();
  await clock.until(() => worker.status?.containerStatuses?.[0]?.resources?.limits?.cpu === "1");
  assert.deepEqual(
    [...new Set(resizeEvents(events).map(([reason]) => reason))],
    ["ResizeError", "ResizeCompleted"],
  );
  assert.match(
    resizeEvents(events)[0]?.[1] ?? "",
    /^Pod resize error: .*"generation":2,"error":".*no cgroup/,
  );
  assert.equal(conditionOf(worker.status, "PodResizeInProgress"), undefined);
});

test("a limit of memory is not set below what the container uses", async (t) => {
  let usage = 100n * 1024n * 1024n;
  const { worker, clock, runtime, resize } = await runningPod(t, [web(large)], {
    memoryUsageBytes: async () => usage,
  });
  resize([web(small)]);
  await clock.until(() => worker.status?.conditions?.[0]?.reason === "Error");
  assert.equal(
    worker.status?.conditions?.[0]?.message,
    'cannot decrease memory limits: attempting to set container "web" memory limit (67108864) below current usage (104857600)',
  );
  assert.equal(runtime.calls.of("updateContainerResources").length, 0);
  usage = 1n;
  await clock.until(() => worker.status?.containerStatuses?.[0]?.resources?.limits?.memory === "64Mi");
});

test("the cgroup of the pod grows before its containers, and shrinks after them", async (t) => {
  const steps: string[] = [];
  const cgroups: PodCgroups = {
    prepare: async ({ spec }) => void steps.push(`prepare ${spec.containers[0]?.resources?.limits?.cpu}`),
    raise: async (_pod, resource) => void steps.push(`raise ${resource}`),
    set: async (_pod, resource) => void steps.push(`set ${resource}`),
    memory: async () => ({ limitBytes: 1n << 40n, usageBytes: 5n }),
  };
  const { worker, clock, runtime, resize, resizing } = await runningPod(t, [web(small)], {
    cgroups,
    memoryUsageBytes: async () => undefined,
  });
  assert.deepEqual(steps, ["prepare 500m"]);
  assert.equal(runtime.calls.of("runPodSandbox").length, 1);
  assert.deepEqual(resizing.actuated("uid-1").web?.limits, small.limits);
  resize([web(large)]);
  await clock.until(() => worker.status?.containerStatuses?.[0]?.resources?.limits?.cpu === "1");
  assert.deepEqual(steps.slice(1), ["raise memory", "set memory", "raise cpu", "set cpu"]);
});

test("the memory of the whole pod is not limited below its usage", async (t) => {
  const cgroups: PodCgroups = {
    prepare: async () => undefined,
    raise: async () => undefined,
    set: async () => undefined,
    memory: async () => ({ limitBytes: 134_217_728n, usageBytes: 100_000_000n }),
  };
  const { worker, clock, resize } = await runningPod(t, [web(large)], {
    cgroups,
    memoryUsageBytes: async () => 99_000_000n,
  });
  resize([web(small)]);
  await clock.until(() => worker.status?.conditions?.[0]?.reason === "Error");
  assert.equal(
    worker.status?.conditions?.[0]?.message,
    'cannot decrease memory limits: [attempting to set pod memory limit (67108864) below current usage (100000000), attempting to set container "web" memory limit (67108864) below current usage (99000000)]',
  );
});

test("the status has what the runtime reports, where that is another amount", () => {
  const pod = podOf({ containers: [app(large)] });
  const statusWith = (fields: Partial<Parameters<typeof instanceOf>[0]>, actuated = small) =>
    podStatus(pod, observedOf([{ id: "app-0", name: "app", ...fields }]), {
      nowMs: 0,
      node: { nodeIPs: [], runtimeName: "r", runtimeHandlers: {} },
      probes: () => undefined,
      waiting: {},
      terminationMessages: {},
      resize: { actuated: { app: actuated }, pending: undefined, inProgress: undefined },
    }).containerStatuses?.[0]?.resources;
  const reported = { cpuShares: 512n, cpuQuota: 50_000n, cpuPeriod: 100_000n, memoryLimitBytes: 67_108_864n };
  assert.deepEqual(statusWith({}), small);
  assert.deepEqual(statusWith({ resources: reported }), small);
  const other = { cpuShares: 307n, cpuQuota: 75_000n, cpuPeriod: 100_000n, memoryLimitBytes: 100_000_000n };
  assert.deepEqual(statusWith({ resources: other }), {
    requests: { cpu: "300m", memory: "64Mi" },
    limits: { cpu: "750m", memory: "100M" },
  });
  // A runtime that reports nothing of a resource says 0.
  const none = { cpuShares: 0n, cpuQuota: 0n, cpuPeriod: 0n, memoryLimitBytes: 0n };
  assert.deepEqual(statusWith({ resources: none }), small);
  assert.deepEqual(statusWith({ state: "exited", resources: other }), large);
});

test("what is not allocated is the condition PodResizePending", async (t) => {
  const pending = {
    reason: "Deferred",
    message: "Node didn't have enough resource: cpu",
    observedGeneration: 3,
  } as const;
  const { worker } = await runningPod(t, [web(small)], { pending: () => pending });
  const { lastTransitionTime, ...condition } = worker.status?.conditions?.[0] ?? {};
  assert.ok(lastTransitionTime);
  assert.deepEqual(condition, { type: "PodResizePending", status: "True", ...pending });
});

test("without this port, nothing changes in place", async (t) => {
  const { worker, clock, runtime } = await startWorker(t, { spec: { containers: [web(small)] } });
  await clock.until(() => isRunning(worker.status, "web"));
  worker.update(defaultPod({ metadata: worker.pod.metadata, spec: { containers: [web(large)] } }));
  await clock.advance(100_000);
  assert.equal(runtime.calls.of("updateContainerResources").length, 0);
});

/** The planner of pods on the network of the host. */
const hostNetworkPlanner: typeof simplePlanner = {
  ...simplePlanner,
  pod(pod, inputs) {
    const plan = simplePlanner.pod(pod, inputs);
    const linux = create(LinuxPodSandboxConfigSchema, {
      securityContext: { namespaceOptions: { network: NamespaceMode.NODE } },
    });
    return { ...plan, sandbox: create(PodSandboxConfigSchema, { ...plan.sandbox, linux }) };
  },
};

test("a pod gets no sandbox while the network is not ready, unless it is on the host's", async (t) => {
  let problem: string | undefined = "cni plugin not initialized";
  const parts = { networkProblem: () => problem };
  const node = await startWorker(
    t,
    { metadata: { uid: "uid-1" }, spec: { containers: [container("a", "run")] } },
    { parts },
  );
  const { worker, clock, runtime, cri, events } = node;
  await clock.until(() => events.length > 1);
  assert.deepEqual(
    new Set(events.map(({ reason, message }) => `${reason}: ${message}`)),
    new Set(["NetworkNotReady: network is not ready: cni plugin not initialized"]),
  );
  assert.equal(runtime.calls.of("runPodSandbox").length, 0);
  assert.equal(worker.status?.phase, "Pending");
  const host = runWorker(
    t,
    { cri },
    clock,
    {
      metadata: { uid: "uid-2", name: "host" },
      spec: { hostNetwork: true, containers: [container("a", "run")] },
    },
    { ...parts, planner: hostNetworkPlanner },
  );
  await clock.until(() => isRunning(host.worker.status, "a"));
  problem = undefined;
  await clock.until(() => isRunning(worker.status, "a"));
});
