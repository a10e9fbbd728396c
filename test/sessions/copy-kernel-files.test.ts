// Files whose size is not known before they are read: those of the kernel, and files that change meanwhile.
import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pack } from "tar-stream";
import type { ExecContext } from "../../src/server/index.js";
import { failure } from "../support/failure.js";
import { containerId, hostRuntime, temporaryFolder, withoutTar } from "./support.js";

const random = "/proc/sys/kernel/random";
const onLinux = { skip: !existsSync(random) };
/** Files with a fixed content; those of /proc report the size 0, those of /sys a page. */
const kernelFiles = [
  "/proc/version",
  "/proc/1/environ",
  "/sys/kernel/mm/transparent_hugepage/enabled",
].filter((path) => {
  try {
    return readFileSync(path).byteLength > 0;
  } catch {
    return false;
  }
});

test("files of the kernel are copied with their content, in both directions", onLinux, async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  for (const [at, path] of kernelFiles.entries()) {
    const expected = readFileSync(path);
    const [to, back] = [join(folder, `to${at}`), join(folder, `back${at}`)];
    assert.equal((await cri.copyTo(containerId, path, to)).bytes, expected.byteLength);
    const { files, bytes, skipped } = await cri.copyFrom(containerId, path, back);
    assert.deepEqual({ files, bytes, skipped }, { files: 1, bytes: expected.byteLength, skipped: [] });
    for (const copy of [to, back]) assert.ok(readFileSync(copy).equals(expected), `${path}: ${copy}`);
    assert.equal(statSync(to).mode & 0o777, statSync(path).mode & 0o777);
    assert.equal(statSync(back).mode & 0o777, statSync(path).mode & 0o777);
  }
});

test("folders of the kernel are copied with their contents, in both directions", onLinux, async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  await cri.copyTo(containerId, random, join(folder, "to"));
  const { files, bytes } = await cri.copyFrom(containerId, random, join(folder, "back"));
  const names = readdirSync(random);
  assert.equal(files, names.length);
  assert.ok(bytes > names.length);
  for (const side of ["to", "back"])
    for (const name of names) assert.ok(readFileSync(join(folder, side, name)).byteLength > 0, name);
  const boot = readFileSync(join(random, "boot_id"), "utf8");
  for (const side of ["to", "back"]) assert.equal(readFileSync(join(folder, side, "boot_id"), "utf8"), boot);
});

test("a file of the kernel is copied without tar", onLinux, async (t) => {
  const folder = temporaryFolder(t);
  withoutTar(t, folder);
  const { cri } = await hostRuntime(t);
  await cri.copyTo(containerId, "/proc/version", join(folder, "to"));
  await cri.copyFrom(containerId, "/proc/version", join(folder, "back"));
  for (const side of ["to", "back"])
    assert.equal(readFileSync(join(folder, side), "utf8"), readFileSync("/proc/version", "utf8"));
});

test("empty files stay empty, and are checked together", async (t) => {
  const { cri, calls } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "from/a b"), { recursive: true });
  for (let at = 0; at < 2_500; at++) writeFileSync(join(folder, "from/a b", `-$(x)"'é\n${at}`), "");
  const before = calls.length;
  const { files, bytes, skipped } = await cri.copyFrom(containerId, join(folder, "from"), join(folder, "to"));
  assert.deepEqual({ files, bytes, skipped }, { files: 2_500, bytes: 0, skipped: [] });
  assert.equal(calls.length - before, 4);
  assert.deepEqual(readdirSync(join(folder, "to/a b")), readdirSync(join(folder, "from/a b")));
});

/** A container whose tar prints an archive with one file `x/a`, and whose other commands are these. */
const tarWith = (
  content: string,
  stderrText: string,
  other: (context: ExecContext) => number | Promise<number>,
) => ({
  async exec(context: ExecContext) {
    if (context.command[0] !== "tar") return other(context);
    const archive = pack();
    archive.entry({ name: "x", type: "directory" });
    archive.entry({ name: "x/a", mode: 0o640, mtime: new Date(5_000) }, content);
    archive.entry({ name: "x/b", type: "link", linkname: "x/a" });
    archive.finalize();
    for await (const part of archive) context.stdout?.write(part);
    context.stderr?.write(stderrText);
    return stderrText === "" ? 0 : 1;
  },
});

test("what cannot be checked is reported", async (t) => {
  const folder = temporaryFolder(t);
  const noShell = () => {
    throw new Error('exec: "sh": executable file not found in $PATH');
  };
  const answers: [string, () => number, (to: string) => Promise<void>][] = [
    ["no shell", noShell, async () => undefined],
    ["no tools", () => 0, async () => undefined],
    ["unreadable", () => 0, async () => undefined],
  ];
  for (const [name, run] of answers) {
    const output = {
      "no shell": "",
      "no tools": "no tools\n",
      unreadable: "= 1 base64: x: Invalid argument\n",
    }[name];
    const { cri } = await hostRuntime(
      t,
      tarWith("", "", ({ stdout }) => {
        stdout?.write(output ?? "");
        return run();
      }),
    );
    const { skipped } = await cri.copyFrom(containerId, "/x", join(folder, name));
    assert.equal(skipped[0]?.path, "a", name);
    assert.match(skipped[0]?.reason ?? "", /^was copied without content: /);
  }
  const { cri } = await hostRuntime(
    t,
    tarWith("", "", () => 0),
  );
  const cut = await failure(cri.copyFrom(containerId, "/x", join(folder, "cut")));
  assert.equal(cut.reason, "copy_incomplete");
});

test("a file that became shorter is read again, also under its other names", async (t) => {
  const folder = temporaryFolder(t);
  const warning = "tar: x/a: File shrank by 3 bytes; padding with zeros\n";
  const { cri } = await hostRuntime(
    t,
    tarWith("ab\0\0\0", warning, ({ command, stdout }) => {
      assert.deepEqual(command.slice(3), ["sh", "//x/a"]);
      stdout?.write("YWI=\n= 0 \n");
      return 0;
    }),
  );
  const { bytes, skipped } = await cri.copyFrom(containerId, "/x", join(folder, "to"));
  assert.deepEqual([bytes, skipped], [2, []]);
  for (const name of ["a", "b"]) assert.equal(readFileSync(join(folder, "to", name), "utf8"), "ab");
  assert.deepEqual(
    [statSync(join(folder, "to/a")).mode & 0o777, statSync(join(folder, "to/b")).mtimeMs],
    [0o640, 5_000],
  );
  const { cri: without } = await hostRuntime(
    t,
    tarWith("ab\0\0\0", warning, ({ stdout }) => {
      stdout?.write("no tools\n");
      return 0;
    }),
  );
  const error = await failure(without.copyFrom(containerId, "/x", join(folder, "again")));
  assert.match(error.rawMessage, /became shorter/);
});

test("a source that grows, shrinks or changes kind is copied as it was, or fails", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const from = join(folder, "from");
  mkdirSync(from);
  const big = join(from, "big");
  // Long enough that progress is reported before its end, which happens every 100 ms.
  writeFileSync(big, "");
  truncateSync(big, 200_000_000);
  const once = (change: () => void) => {
    let isDone = false;
    return ({ bytes }: { bytes: number }) => {
      if (isDone || bytes === 0) return;
      isDone = true;
      change();
    };
  };
  const grown = await cri.copyTo(containerId, from, join(folder, "grown"), {
    onProgress: once(() => appendFileSync(big, "more")),
  });
  assert.deepEqual(grown.skipped, [{ path: "big", reason: "was copied but changed while it was read" }]);
  assert.equal(statSync(join(folder, "grown/big")).size, 200_000_000);
  rmSync(join(folder, "grown"), { recursive: true });
  const shrunk = await failure(
    cri.copyTo(containerId, from, join(folder, "shrunk"), { onProgress: once(() => truncateSync(big, 10)) }),
  );
  assert.match(shrunk.rawMessage, /big: became shorter while it was read/);
  // A short file is read to its end before its size is sent.
  writeFileSync(join(from, "big"), "a");
  const filter = () => {
    appendFileSync(big, "b");
    return true;
  };
  await cri.copyTo(containerId, from, join(folder, "short"), { filter });
  assert.equal(readFileSync(join(folder, "short/big"), "utf8"), readFileSync(big, "utf8"));
  symlinkSync("big", join(from, "link"));
});
