import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  EvictionManager,
  type EvictionOptions,
  type EvictionParts,
  type EvictionSignal,
  type Observation,
} from "../../../src/kubelet/eviction/index.js";
import type { Eviction, KubeletEvent, KubeletPod } from "../../../src/kubelet/index.js";
import type { NodeFacts, PodSpec } from "../../../src/kubernetes/index.js";
import type { ContainerUsage, UsageList } from "../../../src/stats/index.js";
import { cleanup } from "../../support/cleanup.js";
import { kubeletPodOf } from "../../support/kubelet-pods.js";
import { tempFolder } from "../../support/temp.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { within } from "../../support/waiting.js";

const Mi = 1024n * 1024n;
const { signal } = new AbortController();

/** A node whose signals and usage are numbers of the test. Pods end when the clock passes their grace period. */
async function nodeOf(
  t: TestContext,
  options: EvictionOptions = {},
  more: Pick<EvictionParts, "garbage" | "imageGarbage"> = {},
) {
  const clock = new VirtualClock();
  const folder = await tempFolder(t);
  const [rootDir, podLogsDir] = [join(folder, "root"), join(folder, "logs")];
  const pods: KubeletPod[] = [];
  const memoryOf = new Map<string, bigint>();
  const evictions: [uid: string, eviction: Eviction][] = [];
  const events: Omit<KubeletEvent, "timeMs">[] = [];
  const reclaimed: string[] = [];
  const freed = { onReclaim: () => {}, onEnd: (_uid: string) => {} };
  const signals: Partial<Record<EvictionSignal, Observation>> = {
    "memory.available": { available: 500n * Mi, capacity: 1_000n * Mi },
  };
  let measurements = 0;
  const setState = (uid: string, state: KubeletPod["state"]) => {
    const index = pods.findIndex(({ pod }) => pod.metadata.uid === uid);
    const known = pods[index];
    if (known) pods[index] = { ...known, state };
  };
  const usage = async (): Promise<UsageList<ContainerUsage>> => ({
    // Only what evictions read.
    items: [...memoryOf].map(
      ([podUid, workingSetBytes]) =>
        ({ podUid, name: "c", memory: { workingSetBytes } }) as unknown as ContainerUsage,
    ),
    failed: [],
  });
  const changes: string[] = [];
  const manager = new EvictionManager(
    {
      view: {
        ...{ clock, nodeName: "node", pods: () => pods },
        cri: {
          stats: { containers: usage, pods: async () => ({ items: [], failed: [] }) },
          images: { fsInfo: async () => ({ images: [], containers: [] }) },
        },
        facts: () => ({ rootDir, podLogsDir }) as NodeFacts,
        record: (event) => events.push(event),
        evict: (uid, eviction) => {
          evictions.push([uid, eviction]);
          setState(uid, "terminating");
          void clock.sleep((eviction.gracePeriodSeconds ?? 30) * 1_000).then(() => {
            setState(uid, "ended");
            freed.onEnd(uid);
          });
        },
      },
      relist: { isRunning: () => false },
      garbage: {
        collect: async (_signal, { everything } = {}) => {
          reclaimed.push(everything ? "all containers" : "containers");
          freed.onReclaim();
        },
      },
      imageGarbage: {
        removeUnused: async () => {
          reclaimed.push("images");
          freed.onReclaim();
          return 1n;
        },
      },
      onPressureChange: () => changes.push(JSON.stringify(manager.pressures())),
      ...more,
    },
    {
      signals: () => async () => {
        measurements++;
        return { signals: { ...signals }, hasOwnImageFs: false, hasOwnContainerFs: false };
      },
      ...options,
    },
  );
  const add = (uid: string, memory: bigint, spec: Partial<PodSpec> = {}, source?: string) => {
    const metadata = source === undefined ? {} : { annotations: { "kubernetes.io/config.source": source } };
    pods.push(kubeletPodOf({ uid, name: uid, spec, metadata }));
    memoryOf.set(uid, memory);
  };
  const memory = (availableMi: bigint) => {
    signals["memory.available"] = { available: availableMi * Mi, capacity: 1_000n * Mi };
  };
  const run = () => {
    const controller = new AbortController();
    const running = manager.run(controller.signal);
    cleanup(t, async () => {
      controller.abort(new Error("the test is over"));
      await within(10_000, running, "the end of the loop");
    });
  };
  clock.activity = () => measurements;
  return {
    ...{
      clock,
      manager,
      pods,
      evictions,
      events,
      reclaimed,
      freed,
      signals,
      add,
      memory,
      run,
      changes,
      rootDir,
    },
    ...{ podLogsDir, measurements: () => measurements, uids: () => evictions.map(([uid]) => uid) },
  };
}

test("with enough of everything, nothing happens", async (t) => {
  const { manager, add, uids, events } = await nodeOf(t);
  add("a", 100n * Mi);
  assert.deepEqual(await manager.synchronize(signal), []);
  assert.deepEqual([uids(), events], [[], []]);
  assert.deepEqual(manager.pressures(), { memory: false, disk: false, pid: false });
});

test("one pod is evicted per round, at once for a hard threshold, with the kubelet's messages and events", async (t) => {
  const { manager, add, evictions, events, memory, changes } = await nodeOf(t);
  add("small", 1n * Mi);
  add("large", 300n * Mi);
  memory(50n);
  assert.deepEqual(await manager.synchronize(signal), ["large"]);
  const message =
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. " +
    "Container c was using 300Mi, request is 0, has larger consumption of memory. ";
  assert.deepEqual(evictions, [
    ["large", { reason: "Evicted", message, gracePeriodSeconds: 1, disruption: message }],
  ]);
  assert.deepEqual(events, [
    {
      ...{ type: "Warning", reason: "EvictionThresholdMet", message: "Attempting to reclaim memory" },
      object: { kind: "Node", namespace: "", name: "node", uid: "node" },
    },
    {
      ...{ type: "Warning", reason: "Evicted", message },
      object: { kind: "Pod", namespace: "test", name: "large", uid: "large" },
    },
  ]);
  assert.deepEqual(changes, ['{"memory":true,"disk":false,"pid":false}']);
});

test("looks again as soon as the evicted pod has ended, and each 10 s otherwise", async (t) => {
  const { add, uids, memory, run, clock, freed, measurements } = await nodeOf(t);
  for (const [index, uid] of ["a", "b", "c"].entries()) add(uid, BigInt(100 - index) * Mi);
  memory(0n);
  freed.onEnd = (uid) => {
    if (uid === "b") memory(500n);
  };
  run();
  const evictedMs = await clock.until(() => uids().length === 2, { stepMs: 250 });
  assert.ok(evictedMs <= 4_000, `${evictedMs} ms`);
  const before = measurements();
  const quietMs = await clock.until(() => measurements() >= before + 3, { stepMs: 250 });
  assert.ok(quietMs >= 20_000 && quietMs <= 32_000, `${quietMs} ms`);
  assert.deepEqual(uids(), ["a", "b"]);
});

test("critical and static pods stay; those of a program's own source do not", async (t) => {
  const { manager, add, memory, uids } = await nodeOf(t);
  add("static", 900n * Mi, {}, "file");
  add("critical", 800n * Mi, { priority: 2_000_001_000 });
  memory(0n);
  assert.deepEqual(await manager.synchronize(signal), []);
  add("list", 1n * Mi, {}, "list");
  assert.deepEqual(await manager.synchronize(signal), ["list"]);
  assert.deepEqual(uids(), ["list"]);
});

test("pods that are being stopped, that have ended or that were rejected are not evicted again", async (t) => {
  const { manager, add, memory, pods } = await nodeOf(t);
  for (const state of ["terminating", "ended", "rejected", "pending"] as const) {
    add(state, 900n * Mi);
    const last = pods.pop();
    if (last) pods.push({ ...last, state });
  }
  memory(0n);
  assert.deepEqual(await manager.synchronize(signal), []);
});

test("under disk pressure, dead containers and images go first; pods stay if that is enough", async (t) => {
  const { manager, add, signals, reclaimed, freed, uids } = await nodeOf(t);
  add("a", 1n);
  const full = { available: 1n, capacity: 1_000n };
  signals["nodefs.available"] = full;
  freed.onReclaim = () => {
    signals["nodefs.available"] = { available: 900n, capacity: 1_000n };
  };
  assert.deepEqual(await manager.synchronize(signal), []);
  assert.deepEqual(reclaimed, ["all containers", "images"]);
  signals["nodefs.available"] = full;
  freed.onReclaim = () => {};
  assert.deepEqual(await manager.synchronize(signal), ["a"]);
  assert.deepEqual(uids(), ["a"]);
  assert.equal(manager.pressures().disk, true);
});

test("with garbage collection off, nothing is collected, even under pressure", async (t) => {
  const full = { available: 1n, capacity: 1_000n };
  const kept = { garbage: undefined, imageGarbage: undefined };
  const { manager, add, signals, reclaimed } = await nodeOf(t, {}, kept);
  add("a", 1n);
  signals["nodefs.available"] = full;
  assert.deepEqual(await manager.synchronize(signal), ["a"]);
  assert.deepEqual(reclaimed, []);
});

test("a failed reclaim does not prevent an eviction", async (t) => {
  const { manager, add, signals, freed } = await nodeOf(t);
  add("a", 1n);
  signals["imagefs.inodesFree"] = { available: 0n, capacity: 1_000n };
  freed.onReclaim = () => {
    throw new Error("the runtime is busy");
  };
  assert.deepEqual(await manager.synchronize(signal), ["a"]);
});

test("a soft threshold evicts after its grace period, with the grace period of the pod up to the limit", async (t) => {
  const { add, evictions, memory, run, clock, freed } = await nodeOf(t, {
    soft: { "memory.available": "200Mi" },
    softGracePeriodMs: { "memory.available": 60_000 },
    maxPodGracePeriodSeconds: 20,
  });
  add("patient", 200n * Mi, { terminationGracePeriodSeconds: 90 });
  add("quick", 100n * Mi, { terminationGracePeriodSeconds: 5 });
  freed.onEnd = (uid) => {
    if (uid === "quick") memory(500n);
  };
  memory(150n);
  run();
  const passedMs = await clock.until(() => evictions.length === 1, { stepMs: 1_000 });
  assert.ok(passedMs >= 59_000 && passedMs <= 71_000, `${passedMs} ms`);
  await clock.until(() => evictions.length === 2, { stepMs: 1_000 });
  await clock.advance(60_000);
  assert.deepEqual(
    evictions.map(([uid, { gracePeriodSeconds }]) => [uid, gracePeriodSeconds]),
    [
      ["patient", 20],
      ["quick", 5],
    ],
  );
});

test("a policy decides which pod is evicted, and may keep all; one that throws is reported", async (t) => {
  const seen: string[][] = [];
  const { manager, add, memory } = await nodeOf(t, {
    policy: ({ candidates, threshold }) => {
      seen.push(candidates.map(({ pod }) => pod.metadata.name));
      assert.equal(threshold.observed.available, 0n);
      return candidates.filter(({ pod }) => pod.metadata.name !== "kept").reverse();
    },
  });
  for (const uid of ["kept", "a", "b"]) add(uid, 1n * Mi);
  memory(0n);
  assert.deepEqual(await manager.synchronize(signal), ["b"]);
  assert.deepEqual(await manager.synchronize(signal), ["a"]);
  assert.deepEqual(await manager.synchronize(signal), []);
  assert.deepEqual(seen, [["kept", "a", "b"], ["kept", "a"], ["kept"]]);
  const other = await nodeOf(t, {
    policy: () => {
      throw new Error("no policy");
    },
  });
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  t.after(() => process.off("warning", onWarning));
  other.add("a", 1n);
  other.memory(0n);
  assert.deepEqual(await other.manager.synchronize(signal), []);
  await new Promise(setImmediate);
  assert.match(warnings[0]?.message ?? "", /^eviction.policy threw: Error: no policy/);
});

test("signals that hang are given up, and measured again", async (t) => {
  let hangs = true;
  const { run, clock, manager } = await nodeOf(t, {
    signals: (defaultReader) => async (aborted) => {
      if (hangs) return await new Promise(() => undefined);
      const observed = await defaultReader(aborted);
      const low = { available: 0n, capacity: 1_000n };
      return { ...observed, signals: { ...observed.signals, "pid.available": low } };
    },
    hard: { "pid.available": "10%" },
  });
  run();
  await clock.advance(20_000);
  hangs = false;
  await clock.until(() => manager.pressures().pid, { limitMs: 60_000 });
});

test("under memory pressure, pods of best effort are refused; under another one, all but critical ones", async (t) => {
  const { manager, memory, signals } = await nodeOf(t);
  const ask = async (spec: Partial<PodSpec> = {}) =>
    await manager.admission({ pod: kubeletPodOf({ uid: "u", spec }).pod, node: {}, others: [] });
  assert.equal(await ask(), undefined);
  memory(0n);
  await manager.synchronize(signal);
  assert.deepEqual(await ask(), { reason: "Evicted", message: "The node had condition: [MemoryPressure]. " });
  const resources = { requests: { memory: "1Mi" } };
  const burstable = { containers: [{ name: "c", image: "i", resources }] };
  assert.equal(await ask(burstable), undefined);
  assert.equal(await ask({ priority: 2_000_000_000 }), undefined);
  const key = "node.kubernetes.io/memory-pressure";
  assert.equal(await ask({ tolerations: [{ key, operator: "Exists", effect: "NoSchedule" }] }), undefined);
  signals["nodefs.available"] = { available: 0n, capacity: 1_000n };
  await manager.synchronize(signal);
  assert.deepEqual(await ask(burstable), {
    reason: "Evicted",
    message: "The node had condition: [MemoryPressure DiskPressure]. ",
  });
  assert.equal(await ask({ priority: 2_000_000_000 }), undefined);
});

test("all pods that exceed the sizeLimit of an emptyDir are evicted, whatever the node has", async (t) => {
  const { manager, add, evictions, rootDir } = await nodeOf(t);
  const volumes = [{ name: "scratch", emptyDir: { sizeLimit: "64Ki" } }];
  const fill = async (uid: string, bytes: number) => {
    const folder = join(rootDir, "pods", uid, "volumes/kubernetes.io~empty-dir/scratch");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "file"), Buffer.alloc(bytes, 1));
  };
  for (const [uid, bytes] of [
    ["small", 1_000],
    ["large", 200_000],
    ["static", 200_000],
    ["larger", 300_000],
  ] as const) {
    add(uid, 1n, { volumes }, uid === "static" ? "file" : undefined);
    await fill(uid, bytes);
  }
  assert.deepEqual(await manager.synchronize(signal), ["large", "larger"]);
  assert.deepEqual(evictions[0]?.[1], {
    reason: "Evicted",
    message: 'Usage of EmptyDir volume "scratch" exceeds the limit "64Ki". ',
    gracePeriodSeconds: 1,
  });
});
