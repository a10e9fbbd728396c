// The size of writable layers.
import assert from "node:assert/strict";
import { link, lstat, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { DiskUsage, refreshAll } from "../../examples/dockershim/stats/disk-usage.js";
import { Stats } from "../../examples/dockershim/stats/stats.js";
import { Tracker } from "../../examples/dockershim/stats/tracker.js";
import { tempFolder } from "../support/temp.js";
import { container, filesOfV1, id, kernelFolders } from "./stats-trees.js";

const blocks = async (...paths: string[]) =>
  (await Promise.all(paths.map((path) => lstat(path)))).reduce(
    (total, stats) => total + stats.blocks * 512,
    0,
  );

test("every file below a directory counts once: subdirectories, hard links, symbolic links", async (t) => {
  const root = await tempFolder(t);
  await mkdir(join(root, "sub/deep"), { recursive: true });
  await writeFile(join(root, "one"), "x".repeat(100_000));
  await link(join(root, "one"), join(root, "sub/again"));
  await writeFile(join(root, "sub/deep/two"), "x".repeat(5000));
  await symlink("/etc", join(root, "sub/link"));
  const usage = new DiskUsage(root);
  while (!usage.last) await refreshAll([usage]);
  const all = ["", "sub", "sub/deep", "one", "sub/deep/two", "sub/link"];
  assert.equal(usage.last.inodes, BigInt(all.length));
  assert.equal(usage.last.bytes, BigInt(await blocks(...all.map((name) => join(root, name)))));
});

test("a size is counted again after ten seconds, in the background; a missing directory has none", async (t) => {
  const root = await tempFolder(t);
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const usage = new DiskUsage(root);
  const inodes = async () => {
    await usage.refresh();
    return usage.last?.inodes;
  };
  const alive = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(alive));
  assert.equal(await inodes(), 1n);
  await writeFile(join(root, "file"), "");
  t.mock.timers.tick(9_000);
  assert.equal(await inodes(), 1n);
  t.mock.timers.tick(1_000);
  assert.equal(await inodes(), 1n, "the answer does not wait");
  while ((await inodes()) !== 2n) await new Promise((resolve) => setTimeout(resolve, 1));
  await writeFile(join(root, "another"), "");
  t.mock.timers.tick(30_000);
  assert.equal(await inodes(), 3n, "the answer waits, as the result is stale");
  t.mock.timers.tick(10_000);
  await rm(root, { recursive: true });
  assert.equal(await inodes(), 3n);

  const missing = new DiskUsage(root);
  await missing.refresh();
  assert.equal(missing.last, undefined);
});

test("a large directory delays neither other calls nor other directories", async (t) => {
  const root = await tempFolder(t);
  const names = Array.from({ length: 6_000 }, (_, i) => join(root, `${i}`));
  for (let at = 0; at < names.length; at += 500)
    await Promise.all(names.slice(at, at + 500).map((name) => writeFile(name, "")));
  const usage = new DiskUsage(root);
  const small = new DiskUsage(await tempFolder(t));
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  t.after(() => clearInterval(timer));
  void usage.refresh();
  await small.refresh();
  const meanwhile = usage.last;
  assert.equal(meanwhile, undefined);
  assert.equal(small.last?.inodes, 1n);
  while (!usage.last) await refreshAll([usage]);
  assert.equal(usage.last.inodes, BigInt(names.length + 1));
  assert.ok(turns > 1, `${turns}`);
});

test("an answer waits for a quarter of a second at most", async (t) => {
  const usage = new DiskUsage(await tempFolder(t));
  t.mock.method(usage, "refresh", () => new Promise(() => undefined));
  const start = performance.now();
  await refreshAll([usage]);
  const waitedMs = performance.now() - start;
  assert.ok(waitedMs > 200 && waitedMs < 10_000, `${waitedMs}`);
});

test("a container's writable layer has ImageFsInfo's name of the file system", async (t) => {
  const { root, write, folders } = await kernelFolders(t);
  const upper = join(root, "upper");
  await write({ ...filesOfV1(10, `/docker/${id("a")}`), "upper/etc/file": "content" });
  const all = new Stats(new Tracker(folders));
  const read = async () => (await all.containers([container("a", 10, upper)]))[0];
  let stats = await read();
  // On a busy machine, the first answer may come without it.
  while (!stats?.writableLayer) stats = await read();
  assert.deepEqual(stats.writableLayer.fsId, { mountpoint: "/var/lib/docker" });
  assert.equal(stats.writableLayer.inodesUsed.value, 3n);
  assert.ok((stats.writableLayer.usedBytes.value ?? 0n) > 0n);
  assert.ok((stats.writableLayer.timestamp ?? 0n) > 0n);
});
