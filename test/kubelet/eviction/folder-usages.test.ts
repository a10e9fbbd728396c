import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FolderUsages } from "../../../src/kubelet/eviction/folder-usages.js";
import { tempFolder } from "../../support/temp.js";

const { signal } = new AbortController();

test("a folder is measured again after a pause of 20 times the duration; unused ones are forgotten", async (t) => {
  const folder = await tempFolder(t);
  const usages = new FolderUsages();
  const before = await usages.of(folder, signal);
  await mkdir(join(folder, "sub"));
  usages.forgetOthers();
  // As soon as the pause is over, which is milliseconds here.
  let after = before;
  for (let attempt = 0; attempt < 1_000 && after.inodes === before.inodes; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    after = await usages.of(folder, signal);
  }
  assert.equal(after.inodes, before.inodes + 1n);
  usages.forgetOthers();
  usages.forgetOthers();
  await mkdir(join(folder, "sub2"));
  assert.equal((await usages.of(folder, signal)).inodes, before.inodes + 2n, "was forgotten");
});
