import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import {
  ImageGarbageCollection,
  type ImageGarbageCollectionOptions,
} from "../../../src/kubelet/garbage/index.js";
import type { KubeletEvent, KubeletPod } from "../../../src/kubelet/index.js";
import { busybox, scripted, start } from "../../support/embedded.js";
import { kubeletPodOf } from "../../support/kubelet-pods.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const image = (name: string) => `docker.io/library/${name}:1`;
const sizeBytes = 1_000_000;

/** A node with images of 1 MB each, on a disk of 100 MB. */
async function nodeOf(t: TestContext, names: readonly string[], options: ImageGarbageCollectionOptions = {}) {
  const clock = new VirtualClock();
  const all = [...names.map(image), image("new"), busybox];
  const { runtime, cri } = await scripted(t, {
    clock: clock.runtime,
    images: all.map((name) => ({ names: [name], sizeBytes })),
    preload: [...names.map(image), busybox],
  });
  clock.activity = () => runtime.calls.total;
  const events: Omit<KubeletEvent, "timeMs">[] = [];
  const pods: KubeletPod[] = [];
  const disk = { capacityBytes: 100_000_000n, usedBytes: 0n, isVisible: true };
  const collector = new ImageGarbageCollection(
    {
      view: { cri, clock, nodeName: "node", pods: () => pods, record: (event) => events.push(event) },
      measureDisk: async () =>
        disk.isVisible
          ? {
              device: 1n,
              capacityBytes: disk.capacityBytes,
              availableBytes: disk.capacityBytes - disk.usedBytes,
              inodes: 0n,
              inodesFree: 0n,
            }
          : undefined,
    },
    options,
  );
  const present = async () =>
    (await cri.images.list())
      .flatMap(({ names: tags }) => tags.map((tag) => /([^/:]+):/.exec(tag)?.[1] ?? ""))
      .sort();
  const { signal } = new AbortController();
  return { runtime, cri, clock, collector, events, pods, disk, present, signal };
}

test("below the high threshold, and with 100 percent, all images stay", async (t) => {
  const { collector, disk, present, signal } = await nodeOf(t, ["a", "b"]);
  disk.usedBytes = 84_000_000n;
  await collector.collect(signal);
  assert.deepEqual(await present(), ["a", "b", "busybox"]);
  const other = await nodeOf(t, ["a"], { highPercent: 100 });
  other.disk.usedBytes = 99_900_000n;
  await other.collector.collect(signal);
  assert.deepEqual(await other.present(), ["a", "busybox"]);
});

test("from the high threshold on, unused images go, as far as there are any", async (t) => {
  const { collector, disk, present, cri, signal } = await nodeOf(t, ["a", "b", "c", "d"]);
  await start(cri, ["run"]);
  disk.usedBytes = 85_000_000n;
  // 85 MB of 100: 5 MB must go, and 4 are not in use.
  await assert.rejects(
    collector.collect(signal),
    /Attempted to free 5000000 bytes, but only found 4000000 bytes/,
  );
  assert.deepEqual(await present(), ["busybox"]);
});

test("removes no more than is needed, in the order of the last use", async (t) => {
  const { collector, disk, present, cri, clock, signal } = await nodeOf(t, ["a", "b", "c"], {
    highPercent: 85,
    lowPercent: 84,
  });
  const { podSandboxId, config } = await start(cri, ["run"]);
  const { containerId } = await cri.runtime.createContainer({
    podSandboxId,
    config: { metadata: { name: "b", attempt: 0 }, image: { image: image("b") }, command: ["run"] },
    sandboxConfig: config,
  });
  await collector.collect(signal);
  await cri.runtime.removeContainer({ containerId });
  await clock.advance(300_000);
  disk.usedBytes = 86_000_000n;
  await collector.collect(signal);
  assert.deepEqual(await present(), ["b", "busybox"]);
});

test("new images, and images that a Pod refers to, stay", async (t) => {
  const { collector, disk, present, cri, clock, pods, signal, events } = await nodeOf(t, [
    "a",
    "named",
    "ended",
  ]);
  await collector.collect(signal);
  await clock.advance(300_000);
  await cri.images.pull(image("new"));
  const named = (name: string, state: KubeletPod["state"]) =>
    kubeletPodOf({ uid: name, state, spec: { containers: [{ name: "c", image: `${name}:1` }] } });
  pods.push(named("named", "pending"), named("ended", "ended"));
  disk.usedBytes = 90_000_000n;
  await assert.rejects(collector.collect(signal));
  assert.deepEqual(await present(), ["named", "new"]);
  assert.deepEqual(events, [
    {
      type: "Warning",
      reason: "FreeDiskSpaceFailed",
      message:
        "Failed to garbage collect required amount of images. Attempted to free 10000000 bytes, but only found 3000000 bytes eligible to free.",
      object: { kind: "Node", namespace: "", name: "node", uid: "node" },
    },
  ]);
  await clock.advance(120_000);
  pods.length = 0;
  await assert.rejects(collector.collect(signal));
  assert.deepEqual(await present(), []);
});

test("images that were not used for maxAgeMs go, whatever the space; the time counts from the start", async (t) => {
  const day = 86_400_000;
  const { collector, present, cri, clock, signal } = await nodeOf(t, ["a"], { maxAgeMs: day });
  await start(cri, ["run"]);
  await clock.advance(day - 1_000);
  await collector.collect(signal);
  assert.deepEqual(await present(), ["a", "busybox"]);
  await clock.advance(2_000);
  await collector.collect(signal);
  assert.deepEqual(await present(), ["busybox"]);
});

test("an eviction removes all unused images, but new ones", async (t) => {
  const { collector, present, cri, clock, signal } = await nodeOf(t, ["a", "b"]);
  await start(cri, ["run"]);
  assert.equal(await collector.removeUnused(signal), 2_000_000n);
  await cri.images.pull(image("new"));
  assert.equal(await collector.removeUnused(signal), 0n);
  assert.deepEqual(await present(), ["busybox", "new"]);
  await clock.advance(120_000);
  assert.equal(await collector.removeUnused(signal), 1_000_000n);
});

test("collects every five minutes, and reports a second failure in a row", async (t) => {
  const { collector, runtime, clock, events, disk, present } = await nodeOf(t, ["a"]);
  disk.usedBytes = 86_000_000n;
  const controller = new AbortController();
  const run = collector.run(controller.signal);
  const passedMs = await clock.until(async () => (await present()).length === 0, { stepMs: 10_000 });
  assert.ok(passedMs >= 290_000 && passedMs <= 310_000, `${passedMs} ms`);
  runtime.faults.failNext("imageFsInfo", { code: "internal", message: "no stats" }, { times: 2 });
  await clock.until(() => events.some(({ reason }) => reason === "ImageGCFailed"), { stepMs: 10_000 });
  assert.equal(events.at(-1)?.message, "no stats");
  controller.abort();
  await run;
});

test("a file system that this host does not see, or that has no size", async (t) => {
  const { collector, disk, present, signal, events } = await nodeOf(t, ["a"]);
  disk.isVisible = false;
  await collector.collect(signal);
  assert.deepEqual(await present(), ["a", "busybox"]);
  disk.isVisible = true;
  disk.capacityBytes = 0n;
  await assert.rejects(collector.collect(signal), /invalid capacity 0 on image filesystem/);
  assert.equal(events.at(-1)?.reason, "InvalidDiskCapacity");
});

test("refuses a low threshold above the high one", async (t) => {
  await assert.rejects(nodeOf(t, [], { lowPercent: 90 }), { reason: "invalid_option" });
});
