// What a node gives to pods whose resources change: decisions, their order, events, and what is on disk for the next process.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { checkNodeResources } from "../../../src/kubelet/admission/index.js";
import { type AllocationsOptions, type KubeletEvent, PodAllocations } from "../../../src/kubelet/index.js";
import {
  type Container,
  type DefaultedPod,
  defaultPod,
  type ObjectMeta,
  type PodSpec,
  type ResourceRequirements,
} from "../../../src/kubernetes/index.js";
import { tempFolder } from "../../support/temp.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { until } from "../../support/waiting.js";

const amounts = (cpu: string, memory = "64Mi"): ResourceRequirements => ({ requests: { cpu, memory } });

/** A pod with one container that requests this. */
function podOf(
  name: string,
  resources: ResourceRequirements,
  {
    generation = 1,
    metadata = {},
    container = {},
    spec = {},
  }: {
    readonly generation?: number;
    readonly metadata?: ObjectMeta;
    readonly container?: Partial<Container>;
    readonly spec?: Partial<PodSpec>;
  } = {},
): DefaultedPod {
  return defaultPod({
    metadata: { name, namespace: "prod", uid: `uid-of-${name}`, generation, ...metadata },
    spec: { containers: [{ name: "app", image: "i", resources, ...container }], ...spec },
  });
}

/** A node with four CPUs and 4 GiB. */
async function nodeOf(t: TestContext, options: Partial<AllocationsOptions> = {}) {
  const rootDir = options.rootDir ?? (await tempFolder(t));
  const clock = new VirtualClock();
  const pods = new Map<string, DefaultedPod>();
  const events: Omit<KubeletEvent, "timeMs">[] = [];
  const changed: string[] = [];
  const allocatable = { cpu: "4", memory: "4Gi", pods: "110" };
  const open = () =>
    PodAllocations.open({
      rootDir,
      clock,
      node: () => ({ status: { allocatable } }),
      pods: () => [...pods.values()],
      hasAllSources: () => true,
      fits: checkNodeResources,
      record: (event) => events.push(event),
      onChange: (uid) => changed.push(uid),
      ...options,
    });
  const allocations = await open();
  /** Takes a version of a pod, as a kubelet does. */
  const take = async (pod: DefaultedPod, by = allocations) => {
    pods.set(pod.metadata.uid, pod);
    return cpuOf(await by.update(pod));
  };
  const leave = async ({ metadata }: DefaultedPod) => {
    pods.delete(metadata.uid);
    await allocations.remove(metadata.uid);
    await allocations.retry();
  };
  const reasons = () => events.map(({ reason }) => reason);
  return { rootDir, clock, pods, events, changed, allocatable, allocations, open, take, leave, reasons };
}

const cpuOf = (pod: DefaultedPod) => pod.spec.containers[0]?.resources?.requests?.cpu;

test("a pod gets the resources that it was admitted with, and new ones that fit", async (t) => {
  const { allocations, take, events, changed } = await nodeOf(t);
  assert.equal(await take(podOf("a", amounts("1"))), "1");
  assert.equal(allocations.isAllocated("uid-of-a"), true);
  assert.equal(allocations.generation("uid-of-a"), 1);
  assert.deepEqual([events, changed], [[], []]);
  assert.equal(await take(podOf("a", amounts("2"), { generation: 2 })), "2");
  assert.equal(allocations.generation("uid-of-a"), 2);
  assert.deepEqual(changed, ["uid-of-a"]);
  assert.deepEqual(events, [
    {
      type: "Normal",
      reason: "ResizeStarted",
      message:
        'Pod resize started: {"containers":[{"name":"app","resources":{"requests":{"cpu":"2","memory":"64Mi"}}}],"generation":2}',
      object: { kind: "Pod", namespace: "prod", name: "a", uid: "uid-of-a" },
    },
  ]);
});

test("a resize that does not fit is deferred until others leave", async (t) => {
  const { allocations, take, leave, changed, events, reasons } = await nodeOf(t);
  const big = podOf("big", amounts("3"));
  await take(big);
  await take(podOf("a", amounts("1")));
  assert.equal(await take(podOf("a", amounts("2"), { generation: 2 })), "1");
  assert.deepEqual(allocations.pending("uid-of-a"), {
    reason: "Deferred",
    message: "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
    observedGeneration: 2,
  });
  assert.match(
    events[0]?.message ?? "",
    /^Pod resize Deferred: \{"containers":.*"generation":2,"error":"Node didn't have/,
  );
  await allocations.retry();
  assert.deepEqual(reasons(), ["ResizeDeferred"]);
  await leave(big);
  assert.equal(cpuOf(allocations.allocated(podOf("a", amounts("2")))), "2");
  assert.equal(allocations.pending("uid-of-a"), undefined);
  assert.deepEqual(reasons(), ["ResizeDeferred", "ResizeStarted"]);
  assert.deepEqual(changed, ["uid-of-a", "uid-of-a"]);
});

test("other pods count with their allocated resources, not with their desired ones", async (t) => {
  const { take } = await nodeOf(t);
  await take(podOf("a", amounts("1")));
  await take(podOf("b", amounts("1")));
  assert.equal(await take(podOf("a", amounts("3500m"), { generation: 2 })), "1");
  assert.equal(await take(podOf("b", amounts("3"), { generation: 2 })), "3");
});

/** Rows: a pod, what it wants, and why it never gets it. */
const infeasible: Readonly<Record<string, readonly [DefaultedPod, DefaultedPod, string]>> = {
  "more than the node has": [
    podOf("a", amounts("1")),
    podOf("a", amounts("5")),
    "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000",
  ],
  "more memory than the node has, with overhead": [
    podOf("a", amounts("1"), { spec: { overhead: { memory: "1Gi" } } }),
    podOf("a", amounts("1", "3.5Gi"), { spec: { overhead: { memory: "1Gi" } } }),
    "Node didn't have enough capacity: memory, requested: 4831838208, capacity: 4294967296",
  ],
  "a static pod": [
    podOf("a", amounts("1"), { metadata: { annotations: { "kubernetes.io/config.source": "file" } } }),
    podOf("a", amounts("2"), { metadata: { annotations: { "kubernetes.io/config.source": "file" } } }),
    "In-place resize of static-pods is not supported",
  ],
  "another QoS class": [
    podOf("a", { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } }),
    podOf("a", { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2", memory: "1Gi" } }),
    "Pod QOS Class may not change as a result of resizing",
  ],
  "a limit that is removed": [
    podOf("a", { requests: { cpu: "1" }, limits: { cpu: "2" } }),
    podOf("a", { requests: { cpu: "1" } }),
    "resource limits[cpu] cannot be removed",
  ],
  "another resource": [
    podOf("a", { requests: { cpu: "1" }, limits: { "ephemeral-storage": "1Gi" } }),
    podOf("a", { requests: { cpu: "1" }, limits: { "ephemeral-storage": "2Gi" } }),
    "only cpu and memory resources are mutable",
  ],
};

for (const [name, [before, after, message]] of Object.entries(infeasible))
  test(`infeasible: ${name}`, async (t) => {
    const { allocations, take, clock, reasons } = await nodeOf(t);
    await take(before);
    await take(after);
    assert.deepEqual(allocations.allocated(after).spec.containers, before.spec.containers);
    const { reason, ...pending } = allocations.pending("uid-of-a") ?? {};
    assert.deepEqual([reason, pending], ["Infeasible", { message, observedGeneration: 1 }]);
    await clock.advance(600_000);
    assert.deepEqual(reasons(), ["ResizeInfeasible"]);
    // What was allocated is wanted again.
    await take(before);
    assert.equal(allocations.pending("uid-of-a"), undefined);
  });

test("memory of containers that may swap changes with a restart only", async (t) => {
  const { allocations, take } = await nodeOf(t, { hasSwap: true });
  await take(podOf("a", amounts("1")));
  assert.equal(await take(podOf("a", amounts("2"))), "2");
  await take(podOf("a", amounts("2", "128Mi")));
  assert.match(allocations.pending("uid-of-a")?.message ?? "", /with swap is not supported/);
  const container = { resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }] };
  await take(podOf("a", amounts("2", "128Mi"), { container }));
  assert.equal(allocations.pending("uid-of-a"), undefined);
});

test("pending resizes are ordered by increase, priority, QoS class, then time", async (t) => {
  const { take, leave, reasons, events, allocations } = await nodeOf(t);
  const full = podOf("full", amounts("3600m"));
  await take(full);
  const waiting = [
    ["first", {}, {}],
    ["second", {}, {}],
    ["guaranteed", {}, { limits: { cpu: "100m", memory: "64Mi" } }],
    ["important", { priority: 1000 }, {}],
  ] as const;
  for (const [name, spec, resources] of waiting)
    await take(podOf(name, { ...amounts("100m"), ...resources }, { spec }));
  for (const [name, spec, resources] of waiting) {
    const limits = "limits" in resources ? { limits: { cpu: "300m", memory: "64Mi" } } : {};
    await take(podOf(name, { ...amounts("300m"), ...limits }, { spec, generation: 2 }));
  }
  assert.deepEqual(new Set(reasons()), new Set(["ResizeDeferred"]));
  events.length = 0;
  await leave(full);
  assert.deepEqual(
    events.map(({ object, reason }) => [object.name, reason]),
    [
      ["important", "ResizeStarted"],
      ["guaranteed", "ResizeStarted"],
      ["first", "ResizeStarted"],
      ["second", "ResizeStarted"],
    ],
  );
  assert.equal(allocations.pending("uid-of-first"), undefined);
});

test("nothing is decided before all sources have given their pods; later by itself", async (t) => {
  let hasAll = false;
  const { take, allocations, clock, events } = await nodeOf(t, { hasAllSources: () => hasAll });
  const stop = new AbortController();
  const loop = allocations.run(stop.signal);
  await take(podOf("a", amounts("1")));
  assert.equal(await take(podOf("a", amounts("2"))), "1");
  assert.equal(allocations.pending("uid-of-a"), undefined);
  await clock.whenSleeping(1);
  hasAll = true;
  await clock.advance(30_000);
  await until(() => events.length > 0, "the decision");
  assert.equal(cpuOf(allocations.allocated(podOf("a", amounts("2")))), "2");
  stop.abort(new Error("the kubelet closes"));
  await loop;
});

test("a deferred resize is retried every three minutes", async (t) => {
  const { take, allocations, clock, allocatable, reasons } = await nodeOf(t);
  const stop = new AbortController();
  const loop = allocations.run(stop.signal);
  await take(podOf("b", amounts("3")));
  await take(podOf("a", amounts("1")));
  await take(podOf("a", amounts("2")));
  allocatable.cpu = "8";
  await clock.whenSleeping(1);
  await clock.advance(180_000);
  await until(() => reasons().includes("ResizeStarted"), "the second decision");
  stop.abort(new Error("the kubelet closes"));
  await loop;
});

test("the next process knows the allocated and the actuated resources", async (t) => {
  const first = await nodeOf(t);
  const { rootDir, take, open } = first;
  await take(podOf("a", amounts("1")));
  await first.allocations.setActuated("uid-of-a", "app", amounts("1"));
  await take(podOf("b", amounts("3")));
  await take(podOf("a", amounts("2"), { generation: 2 }));
  const second = await open();
  assert.equal(second.isAllocated("uid-of-a"), true);
  assert.equal(second.generation("uid-of-a"), 1);
  assert.deepEqual(second.actuated("uid-of-a"), { app: amounts("1") });
  assert.equal(await take(podOf("a", amounts("2"), { generation: 2 }), second), "1");
  assert.equal(second.pending("uid-of-a")?.reason, "Deferred");
  assert.deepEqual(JSON.parse(readFileSync(join(rootDir, "pods", "uid-of-a", "resources.json"), "utf8")), {
    version: 1,
    allocated: { containers: { app: amounts("1") } },
    generation: 1,
    actuated: { app: amounts("1") },
  });
});

test("a damaged checkpoint counts as absent", async (t) => {
  const { rootDir, open } = await nodeOf(t);
  for (const [index, text] of [
    "",
    "{",
    "[]",
    '{"version":2,"actuated":{}}',
    '{"version":1,"actuated":{"app":{"limits":{"cpu":{}}}}}',
    '{"version":1,"actuated":{},"allocated":{"containers":[1]}}',
  ].entries()) {
    await mkdir(join(rootDir, "pods", `u${index}`), { recursive: true });
    await writeFile(join(rootDir, "pods", `u${index}`, "resources.json"), text);
  }
  await writeFile(join(rootDir, "pods", "file"), "");
  const allocations = await open();
  for (let index = 0; index < 6; index++) {
    assert.equal(allocations.isAllocated(`u${index}`), false);
    assert.deepEqual(allocations.actuated(`u${index}`), {});
  }
});

test("a removed pod is not written again", async (t) => {
  const { rootDir, take, allocations } = await nodeOf(t);
  await take(podOf("a", amounts("1")));
  const late = allocations.setActuated("uid-of-a", "app", amounts("1"));
  const removed = allocations.remove("uid-of-a");
  await Promise.all([late, removed]);
  assert.equal(allocations.isAllocated("uid-of-a"), false);
  assert.equal(existsSync(join(rootDir, "pods", "uid-of-a", "resources.json.next")), false);
});

test("a disk that cannot be written is an event; the pod runs", async (t) => {
  const rootDir = await tempFolder(t);
  await writeFile(join(rootDir, "pods"), "not a folder");
  await chmod(join(rootDir, "pods"), 0o600);
  const { take, reasons, allocations } = await nodeOf(t, { rootDir });
  assert.equal(await take(podOf("a", amounts("1"))), "1");
  assert.deepEqual(reasons(), ["FailedAllocationCheckpoint"]);
  await assert.rejects(allocations.setActuated("uid-of-a", "app", amounts("1")), { code: "ENOTDIR" });
});

test("a check that throws is an event, and later decisions are made", async (t) => {
  let isBroken = true;
  const { take, reasons, allocations } = await nodeOf(t, {
    fits: () => {
      if (isBroken) throw new Error("no such node");
      return undefined;
    },
  });
  await take(podOf("a", amounts("1")));
  assert.equal(await take(podOf("a", amounts("2"))), "1");
  assert.deepEqual(reasons(), ["FailedResizeDecision"]);
  isBroken = false;
  await allocations.retry();
  assert.deepEqual(reasons(), ["FailedResizeDecision", "ResizeStarted"]);
});

test("pod-level resources and sidecars are allocated, init containers keep their own", async (t) => {
  const { take, allocations } = await nodeOf(t);
  const pod = (cpu: string) =>
    podOf("a", amounts(cpu), {
      spec: {
        resources: { requests: { cpu: "3" }, limits: { cpu } },
        initContainers: [
          { name: "init", image: "i", resources: amounts(cpu) },
          { name: "side", image: "i", restartPolicy: "Always", resources: amounts(cpu) },
        ],
      },
    });
  await take(pod("1"));
  await take(podOf("b", amounts("1")));
  const wanted = pod("3500m");
  const { spec } = await allocations.update({
    ...wanted,
    spec: { ...wanted.spec, resources: { requests: { cpu: "3500m" }, limits: { cpu: "3500m" } } },
  });
  assert.deepEqual(spec.resources?.limits, { cpu: "1" });
  assert.deepEqual(
    spec.initContainers.map(({ name, resources }) => [name, resources?.requests?.cpu]),
    [
      ["init", "3500m"],
      ["side", "1"],
    ],
  );
});
