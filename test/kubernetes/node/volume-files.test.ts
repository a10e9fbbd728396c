// The files of configMap, secret, downwardAPI and projected volumes: layout, updates, and what a process leaves that dies.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Worker } from "node:worker_threads";
import { writeVolumeFiles } from "../../../src/kubernetes/node/volume-files.js";
import { cleanup } from "../../support/cleanup.js";
import { failure } from "../../support/failure.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

async function volumeOf(t: TestContext) {
  const folder = await tempFolder(t);
  const write = (texts: Readonly<Record<string, string>>, mode = 0o644) =>
    writeVolumeFiles(
      'volume "config"',
      folder,
      Object.entries(texts).map(([path, text]) => ({ path, content: Buffer.from(text), mode })),
      undefined,
    );
  const read = (path: string) => readFileSync(join(folder, path), "utf8");
  const listed = () =>
    readdirSync(folder)
      .map((name) => (/^\.\.\d/.test(name) ? "..time" : name))
      .sort();
  return { folder, write, read, listed };
}

test("the layout is that of the kubelet", async (t) => {
  const { folder, write, read, listed } = await volumeOf(t);
  await write({ key: "value", "dir/one": "1", "dir/deep/two": "2" });
  assert.deepEqual(listed(), ["..data", "..time", "dir", "key"]);
  assert.match(readlinkSync(join(folder, "..data")), /^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+$/);
  assert.deepEqual(
    [readlinkSync(join(folder, "key")), readlinkSync(join(folder, "dir"))],
    ["..data/key", "..data/dir"],
  );
  assert.deepEqual([read("key"), read("dir/one"), read("dir/deep/two")], ["value", "1", "2"]);
});

test("modes are exact, whatever the umask is", async (t) => {
  const before = process.umask(0o077);
  cleanup(t, () => process.umask(before));
  const { folder, write } = await volumeOf(t);
  await write({ "dir/script": "#!/bin/sh" }, 0o755);
  const mode = (path: string) => (statSync(join(folder, "..data", path)).mode & 0o7777).toString(8);
  assert.deepEqual([mode("dir/script"), mode("dir"), mode(".")], ["755", "755", "755"]);
});

test("an update replaces all files; removed keys vanish, and equal content writes nothing", async (t) => {
  const { folder, write, read, listed } = await volumeOf(t);
  await write({ a: "1", b: "1", "dir/x": "1" });
  const first = readlinkSync(join(folder, "..data"));
  await write({ a: "1", b: "1", "dir/x": "1" });
  assert.equal(readlinkSync(join(folder, "..data")), first);
  await write({ b: "2", c: "2" });
  assert.notEqual(readlinkSync(join(folder, "..data")), first);
  assert.deepEqual(listed(), ["..data", "..time", "b", "c"]);
  assert.deepEqual([read("b"), read("c")], ["2", "2"]);
  // The same size, another mode, one file fewer, none.
  const changes = [[{ b: "3", c: "2" }], [{ b: "3", c: "2" }, 0o600], [{ b: "3" }, 0o600], [{}]] as const;
  for (const [texts, mode] of changes) {
    const old = readlinkSync(join(folder, "..data"));
    await write(texts, mode);
    assert.notEqual(readlinkSync(join(folder, "..data")), old);
  }
  assert.deepEqual(listed(), ["..data", "..time"]);
});

test("a reader never sees files of two updates", async (t) => {
  const { folder, write } = await volumeOf(t);
  await write({ a: "0", b: "0" });
  // Resolves ..data once, as programs do that need a consistent state; and reads by the visible names, which always exist.
  const reader = new Worker(
    `const { readFileSync, readlinkSync, openSync, closeSync } = require("node:fs");
     const { parentPort, workerData: folder } = require("node:worker_threads");
     const seen = new Set();
     let [mixed, missing, stopped] = [0, 0, false];
     parentPort.on("message", () => { stopped = true; });
     const step = () => {
       for (let i = 0; i < 50; i++) {
         try { readFileSync(folder + "/a"); } catch (error) { if (error.code === "ENOENT") missing++; }
         const fd = openSync(folder + "/..data/", 0);
         try {
           const at = "/proc/self/fd/" + fd + "/";
           const [a, b] = [readFileSync(at + "a", "utf8"), readFileSync(at + "b", "utf8")];
           if (a !== b) mixed++;
           seen.add(a);
         } catch (error) {
           // The folder was removed since.
           if (error.code !== "ENOENT") throw error;
         } finally { closeSync(fd); }
       }
       if (stopped) { parentPort.postMessage({ mixed, missing, seen: seen.size }); parentPort.close(); }
       else setImmediate(step);
     };
     step();`,
    { eval: true, workerData: folder },
  );
  cleanup(t, () => reader.terminate());
  for (let turn = 1; turn <= 200; turn++) await write({ a: String(turn), b: String(turn) });
  const result = new Promise<{ mixed: number; missing: number; seen: number }>((resolve, reject) => {
    reader.once("message", resolve);
    reader.once("error", reject);
  });
  reader.postMessage("stop");
  const { mixed, missing, seen } = await within(10_000, result, "the reader");
  t.diagnostic(`${seen} states seen, ${missing} reads by name between the removal of two`);
  assert.equal(mixed, 0);
  assert.ok(seen > 20, `only ${seen} states were seen`);
});

test("what a process left that died is completed or removed", async (t) => {
  const { folder, write, read, listed } = await volumeOf(t);
  await write({ a: "old" });
  const old = readlinkSync(join(folder, "..data"));
  // After the new folder was written in part; after its link was made; after the visible names were made.
  mkdirSync(join(folder, "..2020_01_01_00_00_00.1/dir"), { recursive: true });
  writeFileSync(join(folder, "..2020_01_01_00_00_00.1/dir/b"), "partial");
  symlinkSync("..2020_01_01_00_00_00.1", join(folder, "..data_tmp"));
  symlinkSync("..data/b", join(folder, "b"));
  await write({ a: "old" });
  assert.equal(readlinkSync(join(folder, "..data")), old);
  assert.deepEqual(listed(), ["..data", "..time", "a"]);
  symlinkSync("..nowhere", join(folder, "..data_tmp"));
  await write({ a: "new" });
  assert.deepEqual([read("a"), listed()], ["new", ["..data", "..time", "a"]]);
});

test("entries that others created stay, and an empty folder gives way to a key", async (t) => {
  const { folder, write, read } = await volumeOf(t);
  await write({ a: "1" });
  mkdirSync(join(folder, "empty"));
  mkdirSync(join(folder, "full/sub"), { recursive: true });
  await write({ a: "2", empty: "2" });
  assert.equal(read("empty"), "2");
  assert.ok(existsSync(join(folder, "full/sub")));
  const error = await failure(write({ a: "3", full: "3" }));
  assert.match(
    error.message,
    /volume "config": full exists in the volume already, and is not an empty folder/,
  );
  assert.equal(read("a"), "2");
});

test("paths that lead elsewhere, are reserved or contradict each other are refused, and nothing is written", async (t) => {
  const { folder, write } = await volumeOf(t);
  const rows: [paths: readonly string[], error: RegExp][] = [
    [["../up"], /must be relative, without/],
    [["a/../../up"], /must be relative, without/],
    [["/absolute"], /must be relative, without/],
    [[""], /must be relative, without/],
    [["a/"], /must be relative, without/],
    [["a//b"], /must be relative, without/],
    [["./a"], /must be relative, without/],
    [["..data"], /must not begin with ".."/],
    [["..data/x"], /must not begin with ".."/],
    [["a\0"], /must not contain NUL/],
    [["x".repeat(256)], /longer than 255 bytes/],
    [["a", "a/b"], /"a\/b" cannot be below "a", which is a file/],
    [["a/b/c", "a"], /"a\/b\/c" cannot be below "a"/],
  ];
  for (const [paths, expected] of rows) {
    const error = await failure(write(Object.fromEntries(paths.map((path) => [path, ""]))));
    assert.match(error.message, expected);
  }
  const twice = ["a", "a"].map((path) => ({ path, content: Buffer.from(""), mode: 0o644 }));
  assert.match((await failure(writeVolumeFiles("v", folder, twice, undefined))).message, /"a" occurs twice/);
  assert.deepEqual(readdirSync(folder), []);
});

test("binary content and empty files are kept", async (t) => {
  const { folder } = await volumeOf(t);
  const content = Buffer.from([0, 255, 10, 13, 128]);
  await writeVolumeFiles(
    "v",
    folder,
    [
      { path: "bin", content, mode: 0o600 },
      { path: "none", content: new Uint8Array(), mode: 0o600 },
    ],
    undefined,
  );
  assert.deepEqual(
    [readFileSync(join(folder, "bin")), readFileSync(join(folder, "none")).length],
    [content, 0],
  );
});
