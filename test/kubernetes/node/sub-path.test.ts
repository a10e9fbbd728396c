// Parts of volumes: they can never lead out of the volume, whatever containers do to it.
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { subPathMountPath } from "../../../src/kubernetes/node/pod-paths.js";
import { openSubPath } from "../../../src/kubernetes/node/sub-path.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import {
  asRoot,
  containerOf,
  filesPlan,
  mountsBelow,
  nodeOf,
  podOf,
  podUid,
} from "../../support/node-files.js";
import { SeededRandom } from "../../support/random.js";
import { tempFolder } from "../../support/temp.js";

const field = "spec.containers[0].volumeMounts[0].subPath";

/** A volume, and beside it a folder that containers must not see. */
async function volumeOf(t: TestContext) {
  const folder = await tempFolder(t);
  const volume = join(folder, "volume");
  const outside = join(folder, "outside");
  mkdirSync(join(volume, "a", "b"), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "outside");
  writeFileSync(join(volume, "a", "file"), "inside");
  const open = async (subPath: string) => {
    const { handle, realPath } = await openSubPath(field, volume, subPath);
    await handle.close();
    return realPath;
  };
  return { folder, volume, outside, open };
}

test("links are followed as long as they stay in the volume", async (t) => {
  const { volume, open } = await volumeOf(t);
  const links = {
    relative: "a/file",
    "a/up": "../a/b",
    absolute: join(volume, "a"),
    root: volume,
    "a/dots": "./../a/./../a//file",
    chain: "relative",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(volume, name));
  const rows: [subPath: string, expected: string][] = [
    ["a/file", "a/file"],
    ["a//b/", "a/b"],
    ["./a/./b", "a/b"],
    ["relative", "a/file"],
    ["chain", "a/file"],
    ["a/up", "a/b"],
    ["absolute/file", "a/file"],
    ["root/a/up", "a/b"],
    ["a/dots", "a/file"],
    ["a/up/new", "a/b/new"],
  ];
  for (const [subPath, expected] of rows) assert.equal(await open(subPath), join(volume, expected), subPath);
  assert.equal(await open("."), volume);
});

test("whatever leads out of the volume is refused, and creates nothing there", async (t) => {
  const { folder, volume, outside, open } = await volumeOf(t);
  const links = {
    up: "../outside",
    absolute: outside,
    "a/far": "../../outside/secret",
    deep: "a/b/../../../outside",
    host: "/",
    similar: `${volume}-other`,
    proc: "/proc/self/root",
    dangling: "../outside/new",
    loop: "loop",
    "a/through": "far",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(volume, name));
  mkdirSync(`${volume}-other`);
  const rows: [subPath: string, error: RegExp][] = [
    ["../outside", /must be relative, without ".."/],
    ["a/../../outside", /must be relative, without ".."/],
    ["a/..", /must be relative, without ".."/],
    [outside, /must be relative/],
    ["a\0b", /must be relative/],
    ["up", /leads out of the volume/],
    ["up/secret", /leads out of the volume/],
    ["absolute/secret", /link that leads out of the volume/],
    ["a/far", /leads out of the volume/],
    ["a/through", /leads out of the volume/],
    ["deep/new", /leads out of the volume/],
    ["host/etc", /leads out of the volume/],
    ["similar", /leads out of the volume/],
    ["proc/etc", /leads out of the volume/],
    ["dangling", /leads out of the volume/],
    ["loop", /more than 40 links/],
    ["a/file/below", /file is not a folder/],
    ["x/".repeat(300), /deeper than 256 folders/],
  ];
  for (const [subPath, error] of rows) {
    const { message, reason } = await failure(open(subPath));
    assert.match(message, error);
    assert.ok(message.startsWith(field), message);
    assert.equal(reason, "volume_failed");
  }
  assert.deepEqual(readdirSync(outside), ["secret"]);
  assert.deepEqual(readdirSync(folder).sort(), ["outside", "volume", "volume-other"]);
});

test("missing folders get the mode and the group of the volume", asRoot, async (t) => {
  const { volume, open } = await volumeOf(t);
  const { chmodSync, chownSync } = await import("node:fs");
  chownSync(volume, 0, 4321);
  chmodSync(volume, 0o2777);
  const before = process.umask(0o077);
  cleanup(t, () => process.umask(before));
  await open("new/deep");
  for (const name of ["new", "new/deep"]) {
    const { mode, gid } = statSync(join(volume, name));
    assert.deepEqual([(mode & 0o7777).toString(8), gid], ["2777", 4321], name);
  }
});

test("a container that swaps folders and links meanwhile cannot lead out of the volume", async (t) => {
  const { volume, outside } = await volumeOf(t);
  mkdirSync(join(volume, "swapped", "below"), { recursive: true });
  writeFileSync(join(volume, "swapped", "below", "inside"), "");
  mkdirSync(join(outside, "below"));
  const below = statSync(join(outside, "below")).ino;
  // Exchanges the folder `swapped` and a link of that name to the folder outside, as fast as it can.
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const attacker = new Worker(
    `const { renameSync, rmSync, symlinkSync } = require("node:fs");
     const { workerData: { volume, outside, stop } } = require("node:worker_threads");
     const at = (name) => volume + "/" + name;
     const attempt = (step) => { try { step(); return true; } catch { return false; } };
     // What openSubPath creates in the meantime is in the way.
     const insist = (step) => {
       while (Atomics.load(stop, 0) === 0 && !attempt(step))
         attempt(() => rmSync(at("swapped"), { recursive: true, force: true }));
     };
     while (Atomics.load(stop, 0) === 0) {
       attempt(() => renameSync(at("swapped"), at("aside")));
       insist(() => symlinkSync(outside, at("swapped")));
       attempt(() => renameSync(at("swapped"), at("link")));
       insist(() => renameSync(at("aside"), at("swapped")));
     }`,
    { eval: true, workerData: { volume, outside, stop } },
  );
  const exited = once(attacker, "exit");
  cleanup(t, async () => {
    Atomics.store(stop, 0, 1);
    await exited;
  });
  const ends = { opened: 0, refused: 0 };
  for (let attempt = 0; attempt < 3000; attempt++) {
    const opened = await openSubPath(field, volume, "swapped/below").catch((error: unknown) => {
      assert.match(String(error), /leads out of the volume|ENOENT|ENOTDIR|EINVAL/);
    });
    ends[opened ? "opened" : "refused"]++;
    if (!opened) continue;
    const { ino } = await opened.handle.stat();
    await opened.handle.close();
    assert.notEqual(ino, below, "it led out of the volume");
    if (ends.opened > 100 && ends.refused > 100) break;
  }
  t.diagnostic(JSON.stringify(ends));
  assert.ok(ends.opened > 10 && ends.refused > 10, `nothing raced: ${JSON.stringify(ends)}`);
  assert.deepEqual(readdirSync(join(outside, "below")), []);
});

test("in random trees of folders and links, nothing outside is opened or changed", async (t) => {
  const random = new SeededRandom();
  t.diagnostic(`CRI_SDK_TEST_SEED=${random.seed}`);
  const names = ["a", "b", "c"];
  const one = (list: readonly string[]) => list[random.below(list.length)] ?? "";
  const ends = { opened: 0, refused: 0 };
  for (let round = 0; round < 60; round++) {
    const { volume, outside, open } = await volumeOf(t);
    const pathOf = (parts: readonly string[]) =>
      Array.from({ length: 1 + random.below(4) }, () => one(parts)).join("/");
    const targets = [outside, "/", volume, join(volume, "a"), "../outside", "../volume"];
    for (let entry = 0; entry < 30; entry++)
      try {
        const path = join(volume, pathOf(names));
        // The test itself must not follow the links out of the volume.
        if (!`${realpathSync(dirname(path))}/`.startsWith(`${volume}/`)) continue;
        if (random.below(2) === 0) mkdirSync(path);
        else symlinkSync(random.below(3) === 0 ? one(targets) : pathOf([...names, "..", "."]), path);
      } catch (error) {
        assert.match(String(error), /ENOENT|EEXIST|ENOTDIR|ELOOP/);
      }
    rmSync(outside, { recursive: true });
    mkdirSync(outside);
    for (let attempt = 0; attempt < 10; attempt++) {
      const subPath = pathOf([...names, "."]);
      const before = await realpath(join(volume, subPath)).catch(() => undefined);
      const opened = await open(subPath).catch((error: unknown) => {
        assert.match(String(error), /volume_failed/);
      });
      ends[opened === undefined ? "refused" : "opened"]++;
      if (opened === undefined) continue;
      assert.ok(opened === volume || opened.startsWith(`${volume}/`), opened);
      assert.equal(opened, before ?? (await realpath(join(volume, subPath))));
    }
    assert.deepEqual(readdirSync(outside), []);
  }
  t.diagnostic(JSON.stringify(ends));
  assert.ok(ends.opened > 50 && ends.refused > 10);
});

/** A pod with a volume of files, of which one is mounted in a container. */
async function mounted(t: TestContext, subPath: string, options = {}) {
  const node = await nodeOf(t, options);
  const volume = filesPlan(node.rootDir, "config", { "app.conf": "one", "dir/file": "two" });
  const hostPath = subPathMountPath(node.rootDir, podUid, "config", "app", 0);
  const prepare = async () => {
    await node.files.preparePod(podOf(), [volume]);
    const subPaths = [{ field, volumePath: volume.hostPath, subPath, hostPath }];
    return await node.files.prepareContainer(podOf(), containerOf({ subPaths }));
  };
  return { ...node, volume, hostPath, prepare };
}

test("a key of a ConfigMap is bound at the kubelet's path, once", asRoot, async (t) => {
  const { rootDir, files, hostPath, prepare } = await mounted(t, "app.conf");
  const { config, notices } = await prepare();
  assert.equal(hostPath, join(rootDir, "pods", podUid, "volume-subpaths/config/app/0"));
  assert.deepEqual([config.mounts[0]?.hostPath, notices], [hostPath, []]);
  assert.equal(readFileSync(hostPath, "utf8"), "one");
  await prepare();
  assert.deepEqual(await mountsBelow(rootDir), [hostPath]);
  await files.removePod(podUid);
  assert.deepEqual(await mountsBelow(rootDir), []);
  assert.deepEqual(await files.listPods(), []);
});

test(
  "a restarted container gets the updated file, and a running one keeps the old one",
  asRoot,
  async (t) => {
    const { rootDir, files, volume, hostPath, prepare } = await mounted(t, "app.conf");
    await prepare();
    const updated = filesPlan(rootDir, "config", { "app.conf": "new", "dir/file": "two" });
    await files.updateVolumes(podOf(), [updated]);
    assert.equal(readFileSync(hostPath, "utf8"), "one");
    const subPaths = [{ field, volumePath: volume.hostPath, subPath: "app.conf", hostPath }];
    await files.prepareContainer(podOf(), containerOf({ subPaths }));
    assert.equal(readFileSync(hostPath, "utf8"), "new");
    assert.deepEqual(await mountsBelow(rootDir), [hostPath]);
  },
);

test("a folder and a file take each other's place", asRoot, async (t) => {
  const { volume, rootDir, files, hostPath, prepare } = await mounted(t, "dir");
  await prepare();
  assert.deepEqual(readdirSync(hostPath), ["file"]);
  for (const [subPath, isFile] of [
    ["app.conf", true],
    ["dir", false],
    ["dir/file", true],
  ] as const) {
    const subPaths = [{ field, volumePath: volume.hostPath, subPath, hostPath }];
    await files.prepareContainer(podOf(), containerOf({ subPaths }));
    assert.equal(statSync(hostPath).isFile(), isFile, subPath);
  }
  assert.deepEqual(await mountsBelow(rootDir), [hostPath]);
});

test("sockets, devices and hard links are bound, and FIFOs block nothing", asRoot, async (t) => {
  const { rootDir, files } = await nodeOf(t);
  const volumePath = join(rootDir, "host");
  mkdirSync(volumePath);
  const { execFileSync } = await import("node:child_process");
  execFileSync("mkfifo", [join(volumePath, "fifo")]);
  execFileSync("mknod", [join(volumePath, "null"), "c", "1", "3"]);
  writeFileSync(join(volumePath, "file"), "text");
  linkSync(join(volumePath, "file"), join(volumePath, "hard"));
  const names = ["fifo", "null", "hard"];
  const subPaths = names.map((subPath, index) => ({
    ...{ field, volumePath, subPath },
    hostPath: subPathMountPath(rootDir, podUid, "host", "app", index),
  }));
  await files.prepareContainer(podOf(), containerOf({ subPaths }));
  const [fifo, device, hard] = subPaths.map(({ hostPath }) => lstatSync(hostPath));
  assert.deepEqual([fifo?.isFIFO(), device?.isCharacterDevice(), hard?.isFile()], [true, true, true]);
});

test("names with spaces, backslashes, line ends and other scripts are unmounted", asRoot, async (t) => {
  const { rootDir, files } = await nodeOf(t);
  const names = ["a b", "back\\slash", "line\nend", "ünïcode 漢字", "tab\t", "-rf", "\\040"];
  const volumePath = join(rootDir, "host");
  mkdirSync(volumePath);
  const subPaths = names.map((name, index) => ({
    ...{ field, volumePath, subPath: name },
    hostPath: subPathMountPath(rootDir, podUid, name, "app", index),
  }));
  await files.prepareContainer(podOf(), containerOf({ subPaths }));
  assert.equal((await mountsBelow(rootDir)).length, names.length);
  await files.removePod(podUid);
  assert.deepEqual(await mountsBelow(rootDir), []);
  assert.deepEqual(readdirSync(volumePath).sort(), [...names].sort(), "the volume lost its folders");
});

test(
  "the volume's own path may be a link, and its content moves with a container's changes",
  asRoot,
  async (t) => {
    const { rootDir, files } = await nodeOf(t);
    mkdirSync(join(rootDir, "real", "sub"), { recursive: true });
    symlinkSync("real", join(rootDir, "link"));
    const hostPath = subPathMountPath(rootDir, podUid, "host", "app", 0);
    const subPaths = [{ field, volumePath: join(rootDir, "link"), subPath: "sub", hostPath }];
    await files.prepareContainer(podOf(), containerOf({ subPaths }));
    // The folder is bound, not its name.
    renameSync(join(rootDir, "real", "sub"), join(rootDir, "real", "moved"));
    writeFileSync(join(hostPath, "file"), "");
    assert.ok(existsSync(join(rootDir, "real", "moved", "file")));
    rmSync(join(rootDir, "link"));
  },
);
