import assert from "node:assert/strict";
import { test } from "node:test";
import { type EvictionRequest, rankPods } from "../../../src/kubelet/eviction/index.js";
import { evictionMessage } from "../../../src/kubelet/eviction/messages.js";
import type {
  DiskConsumption,
  EvictionCandidate,
  PodConsumption,
} from "../../../src/kubelet/eviction/policy.js";
import type { EvictionSignal } from "../../../src/kubelet/eviction/signals.js";
import { kubeletPodOf } from "../../support/kubelet-pods.js";

const Mi = 1024n * 1024n;
const disk = (bytes: bigint, inodes = 0n): DiskConsumption => ({ bytes, inodes });

function candidate(
  name: string,
  {
    priority,
    requests,
    ...used
  }: Partial<Omit<PodConsumption, "containers" | "volumes">> & {
    readonly priority?: number;
    readonly requests?: Record<string, string>;
    readonly layer?: DiskConsumption;
    readonly logs?: DiskConsumption;
    readonly volume?: DiskConsumption & { readonly isMemory?: boolean };
    readonly isUnknown?: boolean;
  },
): EvictionCandidate {
  const resources = requests ? { requests } : {};
  const { pod } = kubeletPodOf({
    uid: name,
    name,
    spec: {
      containers: [{ name: "c", image: "i", resources }],
      ...(priority === undefined ? {} : { priority }),
    },
  });
  const { memoryBytes, processes, layer, logs = disk(0n), volume, isUnknown = false } = used;
  const container = { memoryBytes, writableLayer: layer, logs };
  return {
    pod,
    consumption: isUnknown
      ? undefined
      : {
          ...{ memoryBytes, processes },
          containers: new Map([["c", container]]),
          volumes: new Map(volume ? [["v", { isMemory: false, ...volume }]] : []),
        },
  };
}

function rank(
  signal: EvictionSignal,
  candidates: readonly EvictionCandidate[],
  node: Partial<Pick<EvictionRequest, "hasOwnImageFs" | "hasOwnContainerFs">> = {},
): string[] {
  const threshold = {
    signal,
    kind: "hard",
    quantity: 1n,
    observed: { available: 0n, capacity: 9n },
  } as const;
  const request = { threshold, candidates, hasOwnImageFs: false, hasOwnContainerFs: false, ...node };
  return rankPods(request).map(({ pod }) => pod.metadata.name);
}

test("memory: unknown usage, usage above requests, lower priority, larger excess", () => {
  const candidates = [
    candidate("within-low", { memoryBytes: 90n * Mi, requests: { memory: "100Mi" }, priority: -5 }),
    candidate("within", { memoryBytes: 10n * Mi, requests: { memory: "100Mi" } }),
    candidate("exceeds-high", { memoryBytes: 900n * Mi, priority: 5 }),
    candidate("exceeds-a-little", { memoryBytes: 300n * Mi, requests: { memory: "290Mi" } }),
    candidate("exceeds-more", { memoryBytes: 20n * Mi }),
    candidate("unknown", { isUnknown: true }),
  ];
  assert.deepEqual(rank("memory.available", candidates), [
    "unknown",
    "exceeds-more",
    "exceeds-a-little",
    "exceeds-high",
    "within-low",
    "within",
  ]);
});

test("processes: lower priority, then more processes", () => {
  const candidates = [
    candidate("few", { processes: 2n }),
    candidate("many", { processes: 200n }),
    candidate("low", { processes: 1n, priority: -1 }),
  ];
  assert.deepEqual(rank("pid.available", candidates), ["low", "many", "few"]);
});

test("disks: which usage counts depends on the file systems", () => {
  const candidates = [
    candidate("layer", { layer: disk(30n * Mi, 1n) }),
    candidate("logs", { logs: disk(20n * Mi, 2n) }),
    candidate("volume", { volume: disk(10n * Mi, 3n) }),
    candidate("tmpfs", { volume: { ...disk(90n * Mi, 9n), isMemory: true } }),
  ];
  const order = (signal: EvictionSignal, node = {}) => rank(signal, candidates, node);
  assert.deepEqual(order("nodefs.available"), ["layer", "logs", "volume", "tmpfs"]);
  assert.deepEqual(order("imagefs.available"), ["layer", "logs", "volume", "tmpfs"]);
  assert.deepEqual(order("nodefs.inodesFree"), ["volume", "logs", "layer", "tmpfs"]);
  const own = { hasOwnImageFs: true };
  assert.deepEqual(order("nodefs.available", own), ["logs", "volume", "layer", "tmpfs"]);
  assert.deepEqual(order("imagefs.available", own)[0], "layer");
  const split = { hasOwnImageFs: true, hasOwnContainerFs: true };
  assert.deepEqual(order("nodefs.available", split)[0], "layer");
  assert.deepEqual(
    order("imagefs.available", split),
    ["layer", "logs", "volume", "tmpfs"],
    "nobody uses it: as given",
  );
});

test("disks: requests of ephemeral storage count; inodes have no requests", () => {
  const requests = { "ephemeral-storage": "100Mi" };
  const candidates = [
    candidate("within", { layer: disk(90n * Mi, 9n), requests }),
    candidate("exceeds", { layer: disk(10n * Mi, 1n) }),
  ];
  assert.deepEqual(rank("nodefs.available", candidates), ["exceeds", "within"]);
  assert.deepEqual(rank("nodefs.inodesFree", candidates), ["within", "exceeds"]);
});

test("the message names the threshold, and the containers above their requests", () => {
  const threshold = (signal: EvictionSignal, quantity: bigint, available: bigint) =>
    ({ signal, kind: "hard", quantity, observed: { available, capacity: 10_000n * Mi } }) as const;
  assert.equal(
    evictionMessage(
      threshold("memory.available", 100n * Mi, 96_796n * 1024n),
      candidate("p", { memoryBytes: 84_444n * 1024n, requests: { memory: "64Mi" } }),
    ),
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 96796Ki. " +
      "Container c was using 84444Ki, request is 64Mi, has larger consumption of memory. ",
  );
  assert.equal(
    evictionMessage(
      threshold("imagefs.available", 4_148_873_216n, 3_966_948n * 1024n),
      candidate("p", { layer: disk(4n * Mi), logs: disk(4_096n) }),
    ),
    "The node was low on resource: ephemeral-storage. Threshold quantity: 4051634Ki, available: 3966948Ki. " +
      "Container c was using 4100Ki, request is 0, has larger consumption of ephemeral-storage. ",
  );
  assert.equal(
    evictionMessage(threshold("nodefs.inodesFree", 1_001n, 1_000n), candidate("p", {})),
    "The node was low on resource: inodes. Threshold quantity: 1001, available: 1k. ",
  );
});
