import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageFsInfo } from "../../../src/images/index.js";
import type { DiskSpace } from "../../../src/kubelet/disk-space.js";
import { nodeSignals } from "../../../src/kubelet/eviction/node-signals.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const { signal } = new AbortController();
const texts: Readonly<Record<string, string>> = {
  "/proc/meminfo":
    "MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable: 900 kB\nActive(file): 50 kB\nInactive(file):  30 kB\n",
  "/proc/sys/kernel/pid_max": "4194304\n",
  "/proc/sys/kernel/threads-max": "1000\n",
  "/proc/loadavg": "1.00 2.00 3.00 2/345 6789\n",
};
const space = (device: bigint, free: bigint, inodes = 100n): DiskSpace => ({
  ...{ device, capacityBytes: 1_000n, availableBytes: free, inodes, inodesFree: free / 10n },
});
const fileSystem = (mountpoint: string) => ({ mountpoint, usedBytes: 1n, inodesUsed: 1n, time: undefined });

function readerOf({
  disks,
  images = ["/images"],
  containers = images,
  fsInfo,
  files = texts,
}: {
  readonly disks: Readonly<Record<string, DiskSpace>>;
  readonly images?: readonly string[];
  readonly containers?: readonly string[];
  readonly fsInfo?: () => Promise<ImageFsInfo>;
  readonly files?: Readonly<Record<string, string>>;
}) {
  const clock = new VirtualClock();
  const info = { images: images.map(fileSystem), containers: containers.map(fileSystem) };
  const read = nodeSignals({
    cri: { images: { fsInfo: fsInfo ?? (async () => info) } },
    clock,
    rootDir: () => "/root",
    files: { text: async (path) => files[path] },
    measureDisk: async (path) => disks[path],
  });
  return { read, clock };
}

test("memory, processes and disks of a node with one file system", async () => {
  const disks = { "/root": space(1n, 500n), "/images": space(1n, 500n) };
  const disk = { available: 500n, capacity: 1_000n };
  const inodes = { available: 50n, capacity: 100n };
  assert.deepEqual(await readerOf({ disks }).read(signal), {
    signals: {
      "memory.available": { available: 130n * 1024n, capacity: 1_000n * 1024n },
      "pid.available": { available: 655n, capacity: 1_000n },
      "nodefs.available": disk,
      "nodefs.inodesFree": inodes,
      "imagefs.available": disk,
      "imagefs.inodesFree": inodes,
      "containerfs.available": disk,
      "containerfs.inodesFree": inodes,
    },
    hasOwnImageFs: false,
    hasOwnContainerFs: false,
  });
});

test("file systems of their own for images and containers", async () => {
  const disks = { "/root": space(1n, 500n), "/images": space(2n, 400n), "/layers": space(1n, 500n, 0n) };
  const { signals, ...rest } = await readerOf({ disks, containers: ["/layers"] }).read(signal);
  assert.deepEqual(rest, { hasOwnImageFs: true, hasOwnContainerFs: true });
  assert.equal(signals["imagefs.available"]?.available, 400n);
  assert.equal(signals["containerfs.inodesFree"], undefined, "a file system without a number of inodes");
});

test("signals that cannot be measured are missing", async () => {
  const { signals, ...rest } = await readerOf({ disks: {}, files: {} }).read(signal);
  assert.deepEqual(signals, {});
  assert.deepEqual(rest, { hasOwnImageFs: false, hasOwnContainerFs: false });
});

test("a runtime that hangs delays the other signals by ten seconds", async () => {
  const { read, clock } = readerOf({
    disks: { "/root": space(1n, 500n) },
    fsInfo: () => new Promise(() => undefined),
  });
  const reading = read(signal);
  await clock.whenSleeping(1);
  await clock.advance(10_000);
  const { signals } = await reading;
  assert.ok(signals["nodefs.available"] && signals["memory.available"]);
  assert.equal(signals["imagefs.available"], undefined);
});

test("this host has them", async () => {
  const read = nodeSignals({
    cri: { images: { fsInfo: async () => ({ images: [fileSystem("/")], containers: [fileSystem("/")] }) } },
    clock: new VirtualClock(),
    rootDir: () => "/",
  });
  const { signals } = await read(signal);
  for (const name of [
    "memory.available",
    "pid.available",
    "nodefs.available",
    "imagefs.available",
  ] as const) {
    const { available = 0n, capacity = 0n } = signals[name] ?? {};
    assert.ok(available > 0n && available < capacity, `${name}: ${available} of ${capacity}`);
  }
});
