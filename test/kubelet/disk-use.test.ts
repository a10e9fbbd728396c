import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { link, mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folderUse } from "../../src/kubelet/disk-use.js";
import { tempFolder } from "../support/temp.js";

const { signal } = new AbortController();

test("counts blocks as du does: each file once, without following links, and sparse files as what they occupy", async (t) => {
  const folder = await tempFolder(t);
  await mkdir(join(folder, "a/b"), { recursive: true });
  for (let index = 0; index < 100; index++)
    await writeFile(join(folder, "a/b", `${index}`), "x".repeat(index * 100));
  await link(join(folder, "a/b/99"), join(folder, "again"));
  await symlink("/usr", join(folder, "outside"));
  await writeFile(join(folder, "sparse"), "");
  await truncate(join(folder, "sparse"), 10_000_000_000);
  const { bytes, inodes } = await folderUse(folder, signal);
  const du = execFileSync("du", ["-s", "--block-size=1", folder], { encoding: "utf8" });
  assert.equal(String(bytes), /^\d+/.exec(du)?.[0]);
  assert.equal(inodes, 105n);
});

test("a folder that does not exist, or that disappears, has zeros or what was seen", async (t) => {
  const folder = await tempFolder(t);
  assert.deepEqual(await folderUse(join(folder, "none"), signal), { bytes: 0n, inodes: 0n });
  await mkdir(join(folder, "many"));
  for (let index = 0; index < 200; index++) await writeFile(join(folder, "many", `${index}`), "x");
  const [usage] = await Promise.all([
    folderUse(join(folder, "many"), signal),
    rm(join(folder, "many"), { recursive: true }),
  ]);
  assert.ok(usage.inodes <= 201n);
});

test("ends when its signal fires", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(join(folder, "file"), "x");
  await assert.rejects(folderUse(folder, AbortSignal.abort(new Error("closed"))), /closed/);
});
