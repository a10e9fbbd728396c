import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pack } from "tar-stream";
import type { CopyProgress } from "../../src/index.js";
import type { ExecContext } from "../../src/server/index.js";
import { failure } from "../support/failure.js";
import { containerId, hostRuntime, temporaryFolder, withoutTar } from "./support.js";

function tree(folder: string): string {
  const from = join(folder, "from");
  mkdirSync(join(from, "deep/ünï code"), { recursive: true });
  mkdirSync(join(from, "locked"));
  writeFileSync(join(from, "big"), randomBytes(3_000_000));
  writeFileSync(join(from, "empty"), "");
  writeFileSync(join(from, "-dash"), "-");
  writeFileSync(join(from, "deep", "n".repeat(200)), "long");
  writeFileSync(join(from, "deep/ünï code/é"), "x");
  writeFileSync(join(from, "locked/file"), "y");
  symlinkSync("../big", join(from, "deep/link"));
  chmodSync(join(from, "big"), 0o640);
  chmodSync(join(from, "locked"), 0o500);
  return from;
}

test("a folder is copied into a container and back", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const from = tree(folder);
  const seen: CopyProgress[] = [];
  const there = await cri.copyTo(containerId, from, join(folder, "a/b"), {
    onProgress: (now) => seen.push(now),
  });
  assert.deepEqual(there, { files: 6, directories: 3, links: 1, bytes: 3_000_007, skipped: [] });
  assert.equal(seen.at(-1)?.bytes, 3_000_007);
  assert.ok(seen.every(({ bytes }, at) => bytes >= (seen[at - 1]?.bytes ?? 0)));
  const back = await cri.copyFrom(containerId, join(folder, "a/b"), join(folder, "back"));
  assert.deepEqual(back, { files: 6, directories: 4, links: 1, bytes: 3_000_007, skipped: [] });
  execFileSync("diff", ["-r", "--no-dereference", from, join(folder, "back")]);
  assert.equal(statSync(join(folder, "back/big")).mode & 0o777, 0o640);
  assert.equal(statSync(join(folder, "back/locked")).mode & 0o777, 0o500);
  assert.equal(
    statSync(join(folder, "back/big")).mtime.getTime(),
    Math.floor(statSync(join(from, "big")).mtimeMs / 1000) * 1000,
  );
  // Again, over the existing copy.
  await cri.copyFrom(containerId, join(folder, "a/b"), join(folder, "back"));
});

test("copies single files and given content, applies filters, and accepts names that look like options", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const from = tree(folder);
  await cri.copyTo(containerId, { content: "abc", mode: 0o600 }, join(folder, "new/x.conf"));
  assert.equal(readFileSync(join(folder, "new/x.conf"), "utf8"), "abc");
  assert.equal(statSync(join(folder, "new/x.conf")).mode & 0o777, 0o600);
  await cri.copyTo(containerId, join(from, "-dash"), join(folder, "new/-dash"));
  await cri.copyFrom(containerId, join(folder, "new/-dash"), join(folder, "dash"));
  assert.equal(readFileSync(join(folder, "dash"), "utf8"), "-");
  const filter = (path: string) => path !== "deep" && path !== "locked";
  const { files } = await cri.copyTo(containerId, from, join(folder, "some"), { filter });
  assert.equal(files, 3);
  assert.equal(existsSync(join(folder, "some/deep")), false);
  await cri.copyTo(containerId, { content: "" }, join(folder, "new/empty"));
  assert.equal(statSync(join(folder, "new/empty")).size, 0);
});

test("a failure on either side rejects with copy_failed", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const reason = async (work: Promise<unknown>) => (await failure(work)).reason;
  assert.equal(await reason(cri.copyTo(containerId, join(folder, "none"), "/tmp/x")), "copy_failed");
  assert.equal(
    await reason(cri.copyFrom(containerId, join(folder, "none"), join(folder, "x"))),
    "copy_failed",
  );
  assert.equal(await reason(cri.copyTo(containerId, { content: "" }, "relative")), "invalid_request");
  assert.equal(await reason(cri.copyFrom(containerId, "/a\0b", join(folder, "x"))), "invalid_request");
  writeFileSync(join(folder, "file"), "");
  const intoFile = cri.copyTo(containerId, { content: "x".repeat(3_000_000) }, join(folder, "file/x"));
  const error = await failure(intoFile);
  assert.equal(error.reason, "copy_failed");
  assert.match(error.rawMessage, /file/);
  mkdirSync(join(folder, "dir"));
  assert.equal(
    await reason(cri.copyFrom(containerId, join(folder, "file"), join(folder, "dir"))),
    "copy_failed",
  );
  const stop = AbortSignal.timeout(100);
  assert.equal(
    await reason(
      cri.copyFrom(containerId, "/proc/self/../../dev/zero", join(folder, "zero"), { signal: stop }),
    ).catch(() => "deadline"),
    "deadline",
  );
});

test("a copy of which less arrived than was sent is incomplete", async (t) => {
  // As containerd does: the command's input ends early, and the command succeeds.
  const { cri } = await hostRuntime(t, {
    async exec({ stdin, stdout }) {
      stdin?.resume();
      await new Promise((resolve) => stdin?.once("end", resolve));
      stdout?.write("arrived 1024\nended with 0\n");
      return 0;
    },
  });
  const folder = temporaryFolder(t);
  const error = await failure(cri.copyTo(containerId, { content: "x".repeat(5_000) }, join(folder, "x")));
  assert.deepEqual([error.code, error.reason], ["data_loss", "copy_incomplete"]);
  assert.match(error.rawMessage, /1024 of them arrived/);
});

/** Handlers of a container whose tar prints this archive. */
const tarOf = (entries: (archive: ReturnType<typeof pack>) => void, cutAt = Number.POSITIVE_INFINITY) => ({
  async exec({ stdout }: ExecContext) {
    const archive = pack();
    entries(archive);
    archive.finalize();
    const parts: Buffer[] = [];
    for await (const part of archive) parts.push(part as Buffer);
    stdout?.write(Buffer.concat(parts).subarray(0, cutAt));
    return 0;
  },
});

test("an archive that was cut off between entries or within one is incomplete", async (t) => {
  const folder = temporaryFolder(t);
  for (const cutAt of [512, 1_024, 1_500, 2_048]) {
    const { cri } = await hostRuntime(
      t,
      tarOf((archive) => archive.entry({ name: "x/a", size: 1_000 }, Buffer.alloc(1_000)), cutAt),
    );
    const error = await failure(cri.copyFrom(containerId, "/x", join(folder, `cut-${cutAt}`)));
    assert.equal(error.reason, "copy_incomplete", `cut at ${cutAt}: ${error.message}`);
  }
});

const unsafeArchives: [string, (archive: ReturnType<typeof pack>, outside: string) => void][] = [
  ["..", (archive) => archive.entry({ name: "x/../../evil" }, "evil")],
  ["an absolute name", (archive, outside) => archive.entry({ name: `${outside}/evil` }, "evil")],
  ["another root", (archive) => archive.entry({ name: "y/evil" }, "evil")],
  [
    "a file through a link that leads inside",
    (archive) => {
      archive.entry({ name: "x/dir", type: "directory" });
      archive.entry({ name: "x/link", type: "symlink", linkname: "dir" });
      archive.entry({ name: "x/link/evil" }, "evil");
    },
  ],
  [
    "a hard link to outside",
    (archive, outside) => archive.entry({ name: "x/evil", type: "link", linkname: `${outside}/secret` }),
  ],
  [
    "a hard link with ..",
    (archive) => archive.entry({ name: "x/evil", type: "link", linkname: "x/../../secret" }),
  ],
];
for (const [name, entries] of unsafeArchives)
  test(`an archive with ${name} is refused, and writes nothing outside`, async (t) => {
    const folder = temporaryFolder(t);
    const outside = join(folder, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "secret");
    const { cri } = await hostRuntime(
      t,
      tarOf((archive) => entries(archive, outside)),
    );
    const error = await failure(cri.copyFrom(containerId, "/x", join(folder, "in/to")));
    assert.deepEqual([error.code, error.reason], ["permission_denied", "unsafe_archive"]);
    assert.equal(existsSync(join(outside, "evil")), false);
    assert.equal(existsSync(join(folder, "evil")), false);
    assert.equal(existsSync(join(folder, "in/evil")), false);
  });

test("links that lead outside are skipped; an existing link is replaced, not followed", async (t) => {
  const folder = temporaryFolder(t);
  const outside = join(folder, "outside");
  writeFileSync(outside, "untouched");
  mkdirSync(join(folder, "to"));
  symlinkSync(outside, join(folder, "to/file"));
  const { cri } = await hostRuntime(
    t,
    tarOf((archive) => {
      archive.entry({ name: "x/absolute", type: "symlink", linkname: "/etc/passwd" });
      archive.entry({ name: "x/up", type: "symlink", linkname: "../outside" });
      archive.entry({ name: "x/in", type: "symlink", linkname: "./file" });
      archive.entry({ name: "x/file" }, "new");
      archive.entry({ name: "x/again", type: "link", linkname: "x/file" });
      archive.entry({ name: "x/device", type: "character-device" });
    }),
  );
  const result = await cri.copyFrom(containerId, "/x", join(folder, "to"));
  assert.deepEqual(
    result.skipped.map(({ path }) => path),
    ["absolute", "up", "device"],
  );
  assert.equal(readFileSync(outside, "utf8"), "untouched");
  assert.equal(readFileSync(join(folder, "to/file"), "utf8"), "new");
  assert.equal(readFileSync(join(folder, "to/again"), "utf8"), "new");
  assert.equal(readlinkSync(join(folder, "to/in")), "./file");
});

test("without tar, single files are copied with cat, and folders fail", async (t) => {
  const folder = temporaryFolder(t);
  const bin = withoutTar(t, folder);
  const { cri } = await hostRuntime(t);
  const bytes = randomBytes(2_000_000);
  writeFileSync(join(folder, "from"), bytes);
  await cri.copyTo(containerId, join(folder, "from"), join(folder, "there/file"));
  await cri.copyFrom(containerId, join(folder, "there/file"), join(folder, "back"));
  assert.ok(readFileSync(join(folder, "back")).equals(bytes));
  const error = await failure(cri.copyTo(containerId, bin, join(folder, "folder")));
  assert.equal(error.reason, "copy_failed");
  assert.match(error.rawMessage, /no tar/);
});
