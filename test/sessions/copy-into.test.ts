import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { cleanup } from "../support/cleanup.js";
import { failure } from "../support/failure.js";
import { containerId, hostRuntime, temporaryFolder } from "./support.js";

/** Counts the open descriptors of this process for a file. */
function openCount(path: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}
const onlyWithProc = { skip: !existsSync("/proc/self/fd") };

/** Delays the opening of a session, during which the source is not read. */
const slowly = () => sleep(50);
const reasonOf = async (work: Promise<unknown>) => {
  const { reason, rawMessage: text } = await failure(work);
  return `${reason}: ${text}`;
};

test("an error of this side while the session is opening fails the copy", async (t) => {
  // Created before the runtime, so removed after it: a command that is about to end still creates its folder.
  const folder = temporaryFolder(t);
  const { cri } = await hostRuntime(t, {}, "tcp", slowly);
  const from = join(folder, "from");
  mkdirSync(from);
  writeFileSync(join(from, "a"), "a");
  const broken = (): never => {
    throw new Error("mine");
  };
  const there = join(folder, "there");
  assert.equal(
    await reasonOf(cri.copyTo(containerId, from, there, { filter: broken })),
    "copy_failed: filter threw: mine",
  );
  for (const source of [from, join(from, "a"), { content: "a" }])
    assert.equal(
      await reasonOf(cri.copyTo(containerId, source, join(there, "a"), { onProgress: broken })),
      "copy_failed: onProgress threw: mine",
    );
  const vanish = (path: string) => {
    rmSync(join(from, path));
    return true;
  };
  assert.match(
    await reasonOf(cri.copyTo(containerId, from, there, { filter: vanish })),
    /^copy_failed: ENOENT.*from\/a/,
  );
});

test("a progress report that throws in the middle of a file fails the copy", async (t) => {
  const folder = temporaryFolder(t);
  const { cri } = await hostRuntime(t);
  writeFileSync(join(folder, "a"), Buffer.alloc(3_000_000));
  const onProgress = ({ bytes }: { bytes: number }) => {
    if (bytes > 0) throw new Error("mine");
  };
  assert.equal(
    await reasonOf(cri.copyTo(containerId, join(folder, "a"), join(folder, "b"), { onProgress })),
    "copy_failed: onProgress threw: mine",
  );
  assert.equal(
    await reasonOf(cri.copyFrom(containerId, join(folder, "a"), join(folder, "c"), { onProgress })),
    "copy_failed: onProgress threw: mine",
  );
});

test("a copy that fails leaves no file open", onlyWithProc, async (t) => {
  const folder = temporaryFolder(t);
  const from = join(folder, "from");
  writeFileSync(from, Buffer.alloc(3_000_000));
  const refusing = await hostRuntime(t, {}, "tcp", async () => {
    await slowly();
    throw new Error("no such container");
  });
  await failure(refusing.cri.copyTo(containerId, from, join(folder, "to")));
  assert.equal(openCount(from), 0);
  const failing = await hostRuntime(t, {
    async exec({ stdin, stdout }) {
      stdout?.write("ended with 2\n");
      stdin?.resume();
      await new Promise((resolve) => stdin?.once("end", resolve));
      return 2;
    },
  });
  await failure(failing.cri.copyTo(containerId, from, join(folder, "to")));
  assert.equal(openCount(from), 0);
  const noTar = await hostRuntime(t, {
    async exec({ stdin, stdout, command }) {
      const unpacks = command[2]?.includes("tar -xf");
      stdout?.write(unpacks ? "no tar\nended with 1\n" : "ended with 2\n");
      stdin?.resume();
      await new Promise((resolve) => stdin?.once("end", resolve));
      return 1;
    },
  });
  await failure(noTar.cri.copyTo(containerId, from, join(folder, "to")));
  assert.equal(openCount(from), 0);
});

test("a name that is not valid UTF-8 fails the copy", async (t) => {
  const folder = temporaryFolder(t);
  const { cri } = await hostRuntime(t);
  mkdirSync(join(folder, "names"));
  const file = Buffer.concat([Buffer.from(`${folder}/names/`), Buffer.from([0xe9])]);
  writeFileSync(file, "");
  // Node cannot remove this file with its folder.
  cleanup(t, () => unlinkSync(file));
  mkdirSync(join(folder, "links"));
  symlinkSync(Buffer.from([0xe9]), join(folder, "links/link"));
  for (const name of ["names", "links"])
    assert.match(
      await reasonOf(cri.copyTo(containerId, join(folder, name), join(folder, "to"))),
      /^copy_failed: .* not valid UTF-8/,
    );
});

test("a file never replaces a folder", async (t) => {
  const folder = temporaryFolder(t);
  const { cri } = await hostRuntime(t);
  const empty = join(folder, "empty");
  mkdirSync(empty);
  writeFileSync(join(folder, "file"), "x");
  for (const target of [`${empty}/`, `${empty}/.`, `${empty}/..`, `${folder}/new/`, "/"])
    for (const source of [join(folder, "file"), { content: "x" }]) {
      const error = await failure(cri.copyTo(containerId, source, target));
      assert.deepEqual([error.reason, error.problems[0]?.path], ["invalid_request", "target"], target);
    }
  assert.match(
    await reasonOf(cri.copyTo(containerId, { content: "x" }, empty)),
    /^copy_failed: .*is a folder/,
  );
  assert.ok(statSync(empty).isDirectory());
  // The contents of a folder are copied into it, and an existing link is replaced.
  await cri.copyTo(containerId, empty, `${empty}/`);
  symlinkSync("empty", join(folder, "link"));
  await cri.copyTo(containerId, { content: "x" }, join(folder, "link"));
  assert.equal(readFileSync(join(folder, "link"), "utf8"), "x");
});

test("a shell that CRI-O does not find is named in the hint", async (t) => {
  const { cri } = await hostRuntime(t, {
    async exec({ stderr }) {
      stderr?.write('level=error msg="exec failed: exec: \\"sh\\": executable file not found in $PATH"\n');
      return 255;
    },
  });
  const error = await failure(cri.copyTo(containerId, { content: "x" }, "/x"));
  assert.equal(error.reason, "copy_failed");
  assert.match(error.hint ?? "", /requires a shell/);
});
