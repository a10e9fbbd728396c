// The kernel's list of mounts, unmounting in its order, and removal that never leaves the pod's folder.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mountOf, mountsWithin, parseMountTable } from "../../../src/kubernetes/node/mount-table.js";
import { Mounts } from "../../../src/kubernetes/node/mounts.js";
import { removeTree } from "../../../src/kubernetes/node/remove-tree.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import { asRoot, mountsBelow, nodeOf, podUid } from "../../support/node-files.js";
import { tempFolder } from "../../support/temp.js";

const table = parseMountTable(`1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
20 1 0:5 / /pods/a\\040b\\134\\012\\011 rw - tmpfs tmpfs rw
21 1 0:6 / /pods rw master:3 propagate_from:2 - tmpfs tmpfs rw,size=1k
22 21 0:7 /x /pods/a rw shared:7 master:1 - tmpfs - rw
23 22 0:8 / /pods/a/deep rw - tmpfs tmpfs rw
24 22 0:9 / /pods/a rw unbindable - tmpfs tmpfs rw
25 1 0:9 / /podsother rw - xfs /dev/b rw
26 1 0:9 / /\u00c3\u00bc rw - xfs /dev/b rw
`);

test("mountinfo is parsed, with its escapes and its optional fields", () => {
  assert.equal(table.length, 8);
  assert.deepEqual(table[0], {
    id: 1,
    parentId: 0,
    mountPoint: "/",
    fsType: "ext4",
    isShared: true,
    isSlave: false,
  });
  assert.equal(table[1]?.mountPoint, "/pods/a b\\\n\t");
  assert.deepEqual([table[2]?.isShared, table[2]?.isSlave], [false, true]);
  assert.deepEqual([table[3]?.isShared, table[3]?.isSlave], [true, true]);
  assert.equal(table[7]?.mountPoint, "/ü");
});

test("what is on top or below is unmounted first, and neighbours are not", () => {
  const ids = (folder: string) => mountsWithin(table, folder).map(({ id }) => id);
  assert.deepEqual(ids("/pods"), [24, 23, 22, 21, 20]);
  assert.deepEqual(ids("/pods/a"), [24, 23, 22]);
  assert.deepEqual(ids("/none"), []);
  assert.deepEqual(mountOf(table, "/pods/a/file")?.id, 24);
  assert.deepEqual(mountOf(table, "/podsother")?.id, 25);
  assert.deepEqual(mountOf(table, "/podsnone")?.id, 1);
});

test(
  "mounts on top of each other, below each other and with propagation are all unmounted",
  asRoot,
  async (t) => {
    const { rootDir, files } = await nodeOf(t);
    const at = (name: string) => join(rootDir, "pods", podUid, "volumes", name);
    mkdirSync(at("a"), { recursive: true });
    const mount = (...args: string[]) => execFileSync("mount", args);
    mount("-t", "tmpfs", "tmpfs", at("a"));
    mkdirSync(at("a/deep"));
    mount("-t", "tmpfs", "tmpfs", at("a/deep"));
    mount("-t", "tmpfs", "tmpfs", at("a/deep"));
    mkdirSync(at("b"));
    mount("--rbind", at("a"), at("b"));
    mount("-t", "tmpfs", "tmpfs", at("a"));
    await files.removePod(podUid);
    assert.deepEqual(await mountsBelow(rootDir), []);
    assert.deepEqual(readdirSync(join(rootDir, "pods")), []);
  },
);

test(
  "mounts below a shared original stay, when the pod with a bind mount of it is removed",
  asRoot,
  async (t) => {
    const { folder, rootDir, files } = await nodeOf(t);
    const original = join(folder, "original");
    const target = join(rootDir, "pods", podUid, "volumes/plugin");
    for (const path of [original, target]) mkdirSync(path, { recursive: true });
    cleanup(t, () => execFileSync("umount", ["--recursive", original]));
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", original]);
    execFileSync("mount", ["--make-shared", original]);
    mkdirSync(join(original, "below"));
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(original, "below")]);
    writeFileSync(join(original, "below", "data"), "precious");
    execFileSync("mount", ["--rbind", original, target]);
    assert.equal((await mountsBelow(target)).length, 2);
    await files.removePod(podUid);
    assert.equal(readFileSync(join(original, "below", "data"), "utf8"), "precious");
    assert.deepEqual(await mountsBelow(rootDir), []);
  },
);

test("a mount in use is an error that names it, and the next removal succeeds", asRoot, async (t) => {
  const { rootDir, files } = await nodeOf(t);
  const place = join(rootDir, "pods", podUid, "volumes", "busy");
  mkdirSync(place, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "tmpfs", place]);
  const { open } = await import("node:fs/promises");
  const file = await open(join(place, "file"), "w");
  const error = await failure(files.removePod(podUid));
  assert.match(error.message, /unmount \S+busy: umount: \S+ target is busy/);
  await file.close();
  await files.removePod(podUid);
  assert.deepEqual(await files.listPods(), []);
});

test("removeTree does not enter mounts, also bind mounts of the same file system", asRoot, async (t) => {
  const folder = await tempFolder(t);
  for (const name of ["precious", "tree/a/mounted", "tree/b"])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "precious", "data"), "");
  execFileSync("mount", ["--bind", join(folder, "precious"), join(folder, "tree/a/mounted")]);
  cleanup(t, () => execFileSync("umount", [join(folder, "tree/a/mounted")]));
  const error = await failure(removeTree(join(folder, "tree")));
  assert.match(error.message, /is not removed: something is mounted in it/);
  assert.ok(existsSync(join(folder, "precious", "data")));
});

test("removeTree follows no links, and removes names that are not UTF-8, and any depth", async (t) => {
  const folder = await tempFolder(t);
  const tree = join(folder, "tree");
  mkdirSync(join(folder, "outside"));
  writeFileSync(join(folder, "outside", "data"), "");
  mkdirSync(tree);
  symlinkSync(join(folder, "outside"), join(tree, "link"));
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0xfe, 0x20])]), "");
  mkdirSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xc3, 0x28])]));
  // Deeper than the longest path and than the number of open files.
  execFileSync(process.execPath, [
    "-e",
    `process.chdir(process.argv[1]);
     for (let i = 0; i < 3000; i++) { require("fs").mkdirSync("deep"); process.chdir("deep"); }
     require("fs").writeFileSync("file", "");`,
    tree,
  ]);
  for (let index = 0; index < 2500; index++) writeFileSync(join(tree, String(index)), "");
  await removeTree(tree);
  assert.deepEqual(readdirSync(folder), ["outside"]);
  assert.ok(existsSync(join(folder, "outside", "data")));
  symlinkSync("outside", join(folder, "link"));
  await removeTree(join(folder, "link"));
  await removeTree(join(folder, "link"));
  await removeTree(join(folder, "nothing", "below"));
  assert.deepEqual(readdirSync(folder), ["outside"]);
});

test("a program that hangs, fails or is missing is reported", async (t) => {
  const folder = await tempFolder(t);
  const { PATH = "" } = process.env;
  cleanup(t, () => {
    process.env.PATH = PATH;
  });
  const script = (text: string) =>
    writeFileSync(join(folder, "mount"), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  process.env.PATH = `${folder}:${PATH}`;
  script("exec sleep 30");
  const mounts = new Mounts(300);
  assert.match(
    (await failure(mounts.bind(0, "/target"))).message,
    /mount: did not end within 300 ms: .*--bind -- \/proc\/self\/fd\/3 \/target/,
  );
  script('echo "mount: /target: no permission." >&2; echo more >&2; exit 32');
  assert.match(
    (await failure(mounts.tmpfs("/target", ["size=1"]))).message,
    /mount a tmpfs at \/target: mount: \/target: no permission\./,
  );
  script('[ "$LC_ALL" = C ] && [ "$4" = /target ] && [ "$#" = 4 ] || exit 1; exit 3');
  assert.match((await failure(mounts.bind(0, "/target"))).message, /exit code [13]/);
});
