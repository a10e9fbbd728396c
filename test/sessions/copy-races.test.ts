// Another process changes the files of this machine while they are copied.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pack } from "tar-stream";
import type { CopyProgress } from "../../src/index.js";
import type { ExecContext } from "../../src/server/index.js";
import { failure } from "../support/failure.js";
import { within } from "../support/waiting.js";
import { containerId, hostRuntime, temporaryFolder } from "./support.js";

const onLinux = { skip: process.platform !== "linux" };

/** Handlers of a container whose tar prints an archive of a folder with these files. */
const tarOf = (names: readonly string[]) => ({
  async exec({ stdout }: ExecContext) {
    const archive = pack();
    archive.entry({ name: "x", type: "directory" });
    archive.entry({ name: "x/dir", type: "directory", mode: 0o711, mtime: new Date(5_000) });
    for (const name of names) archive.entry({ name: `x/${name}` }, "from the container");
    archive.finalize();
    for await (const part of archive) stdout?.write(part);
    return 0;
  },
});

/** Returns a progress callback that changes something when the first file begins. */
function atFirstFile(change: () => void): (progress: CopyProgress) => void {
  let isDone = false;
  return ({ files }) => {
    if (isDone || files === 0) return;
    isDone = true;
    change();
  };
}

/** Creates a folder that no copy may reach. */
function outsideOf(folder: string): string {
  const outside = join(folder, "outside");
  mkdirSync(outside, { mode: 0o750 });
  chmodSync(outside, 0o750);
  writeFileSync(join(outside, "a"), "secret");
  return outside;
}

function replaceByLink(path: string, target: string): void {
  renameSync(path, `${path}.old`);
  symlinkSync(target, path);
}

test("a folder that becomes a link while it is filled is not left", onLinux, async (t) => {
  const folder = temporaryFolder(t);
  const outside = outsideOf(folder);
  const { mtimeMs } = statSync(outside);
  for (const names of [
    ["dir/a", "dir/b"],
    ["dir/a", "other/b", "dir/c"],
  ]) {
    const { cri } = await hostRuntime(t, tarOf(names));
    const to = join(folder, names.join("-").replaceAll("/", ""));
    const onProgress = atFirstFile(() => replaceByLink(join(to, "dir"), outside));
    await cri
      .copyFrom(containerId, "/x", to, { onProgress })
      .catch((error) => assert.equal(error.reason, "unsafe_archive"));
    assert.deepEqual(readdirSync(outside), ["a"]);
    assert.equal(readFileSync(join(outside, "a"), "utf8"), "secret");
    assert.deepEqual([statSync(outside).mode & 0o7777, statSync(outside).mtimeMs], [0o750, mtimeMs]);
  }
});

test("the target may be replaced by a link while it is filled", onLinux, async (t) => {
  const folder = temporaryFolder(t);
  const outside = outsideOf(folder);
  const { cri } = await hostRuntime(t, tarOf(["a", "b", "dir/c"]));
  const to = join(folder, "to");
  await cri.copyFrom(containerId, "/x", to, { onProgress: atFirstFile(() => replaceByLink(to, outside)) });
  assert.deepEqual(readdirSync(outside), ["a"]);
  assert.deepEqual(readdirSync(`${to}.old`).sort(), ["a", "b", "dir"]);
});

test("a source folder that becomes a link is not left", onLinux, async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const outside = outsideOf(folder);
  const dir = join(folder, "from/dir");
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "a"), "mine");
  const filter = (path: string) => {
    if (path === "dir/a") replaceByLink(dir, outside);
    return true;
  };
  await cri.copyTo(containerId, join(folder, "from"), join(folder, "to"), { filter });
  assert.equal(readFileSync(join(folder, "to/dir/a"), "utf8"), "mine");
});

test("a source file that becomes a link or a pipe fails the copy", onLinux, async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const outside = outsideOf(folder);
  const from = join(folder, "from");
  mkdirSync(from);
  const file = join(from, "a");
  const kinds: [() => void, RegExp][] = [
    [() => symlinkSync(join(outside, "a"), file), /from\/a: was replaced by a link/],
    [() => execFileSync("mkfifo", [file]), /from\/a: is not a regular file/],
  ];
  for (const [create, message] of kinds) {
    writeFileSync(file, "mine");
    const onProgress = atFirstFile(() => {
      unlinkSync(file);
      create();
    });
    const copying = cri.copyTo(containerId, from, join(folder, "to"), { onProgress });
    const error = await within(10_000, failure(copying), "the failed copy");
    assert.equal(error.reason, "copy_failed");
    assert.match(error.rawMessage, message);
    assert.throws(() => statSync(join(folder, "to/a")));
    unlinkSync(file);
  }
});

test("no copy leaves a target whose folders are exchanged for links all the time", onLinux, async (t) => {
  const folder = temporaryFolder(t);
  const outside = join(folder, "outside");
  mkdirSync(outside);
  const { cri } = await hostRuntime(t, tarOf(Array.from({ length: 100 }, (_, at) => `dir/${at}`)));
  const to = join(folder, "to");
  mkdirSync(join(to, "dir"), { recursive: true });
  symlinkSync(outside, join(to, "link"));
  const script =
    'while :; do mv -T "$1/dir" "$1/held"; mv -T "$1/link" "$1/dir"; mv -T "$1/dir" "$1/link"; mv -T "$1/held" "$1/dir"; done';
  // In a group of its own, so that its `mv` ends with it.
  const swapping = spawn("sh", ["-c", script, "sh", to], { stdio: "ignore", detached: true });
  const ended = once(swapping, "exit");
  try {
    for (let round = 0; round < 20; round++)
      await cri.copyFrom(containerId, "/x", to).catch((error) => assert.ok(error.reason, String(error)));
    assert.deepEqual(readdirSync(outside), []);
  } finally {
    if (swapping.pid !== undefined) process.kill(-swapping.pid, "SIGKILL");
    await ended;
  }
});
