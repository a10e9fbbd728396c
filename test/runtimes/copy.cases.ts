import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { CopyProgress } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { type Pod, runPod, type Subject } from "./support.js";

/** Cases for copying files into containers and out of them. */
export function copyCases(subject: () => Subject): void {
  let pod: Pod;
  let containerId: string;
  let dir: string;
  before(async () => {
    pod = await runPod(subject(), "copy");
    containerId = await pod.container(["sleep", "3600"]);
    dir = mkdtempSync(join(tmpdir(), "cri-sdk-copy-"));
  });
  after(async () => {
    rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
    await pod?.[Symbol.asyncDispose]();
  });
  const run = async (script: string) =>
    (await subject().cri.runCommand(containerId, ["sh", "-c", script])).stdout;

  test("a folder copied into a container and back is unchanged", async () => {
    const { cri } = subject();
    const from = join(dir, "from");
    mkdirSync(join(from, "deep/ünï code"), { recursive: true });
    writeFileSync(join(from, "big"), randomBytes(20_000_000));
    writeFileSync(join(from, "empty"), "");
    writeFileSync(join(from, "deep", "n".repeat(180)), "a long name");
    writeFileSync(join(from, "deep/ünï code/é.txt"), "x");
    chmodSync(join(from, "empty"), 0o741);
    symlinkSync("../big", join(from, "deep/link"));
    const seen: CopyProgress[] = [];
    const there = await cri.copyTo(containerId, from, "/tmp/a/b", { onProgress: (now) => seen.push(now) });
    assert.deepEqual(there, { files: 4, directories: 2, links: 1, bytes: 20_000_012, skipped: [] });
    assert.equal(seen.at(-1)?.bytes, 20_000_012);
    assert.equal((await run("stat -c %a /tmp/a/b/empty")).trim(), "741");
    const back = await cri.copyFrom(containerId, "/tmp/a/b", join(dir, "back"));
    assert.deepEqual(back, { files: 4, directories: 3, links: 1, bytes: 20_000_012, skipped: [] });
    execFileSync("diff", ["-r", "--no-dereference", from, join(dir, "back")]);
    assert.equal(statSync(join(dir, "back/empty")).mode & 0o777, 0o741);
  });

  test("single files, contents from memory, and a filter", async () => {
    const { cri } = subject();
    await cri.copyTo(containerId, { content: "key=value\n", mode: 0o600 }, "/etc/app/app.conf");
    assert.equal(await run("cat /etc/app/app.conf; stat -c %a /etc/app/app.conf"), "key=value\n600\n");
    await cri.copyFrom(containerId, "/etc/app/app.conf", join(dir, "new/place.conf"));
    assert.equal(readFileSync(join(dir, "new/place.conf"), "utf8"), "key=value\n");
    const filter = (path: string) => !path.startsWith("deep");
    await cri.copyTo(containerId, join(dir, "from"), "/tmp/filtered", { filter });
    assert.equal(await run("ls /tmp/filtered"), "big\nempty\n");
  });

  test("a link to a target outside the folder is skipped and reported", async () => {
    const { cri } = subject();
    await run(
      "mkdir -p /tmp/links && cd /tmp/links && ln -sf /etc/passwd out && ln -sf ../../x up && echo y > y && ln -sf y in && mkfifo pipe",
    );
    const { skipped, links } = await cri.copyFrom(containerId, "/tmp/links", join(dir, "links"));
    assert.deepEqual(skipped.map(({ path }) => path).sort(), ["out", "pipe", "up"]);
    assert.equal(links, 1);
  });

  test("a source that is a link is resolved; links and hard links inside a folder are recreated", async () => {
    const { cri } = subject();
    await run(
      "mkdir -p /tmp/data/v1 && cd /tmp/data && echo here > v1/key && ln -sfn v1 now && ln -sf now/key key && ln -f v1/key v1/key2",
    );
    assert.equal((await cri.copyFrom(containerId, "/tmp/data/key", join(dir, "key"))).files, 1);
    assert.equal(readFileSync(join(dir, "key"), "utf8"), "here\n");
    const folder = await cri.copyFrom(containerId, "/tmp/data/now", join(dir, "now"));
    assert.deepEqual([folder.files, folder.links, folder.skipped], [1, 1, []]);
    assert.equal(readFileSync(join(dir, "now/key2"), "utf8"), "here\n");
  });

  test("a file is copied into a container without tar, and out of one without wc", async () => {
    const { cri } = subject();
    const bare = await pod.container(["sleep", "3600"]);
    await cri.runCommand(bare, ["sh", "-c", "rm $(command -v tar)"]);
    await cri.copyTo(bare, { content: "x".repeat(300_000), mode: 0o640 }, "/tmp/file");
    await cri.runCommand(bare, ["sh", "-c", "rm $(command -v wc)"]);
    const { bytes } = await cri.copyFrom(bare, "/tmp/file", join(dir, "bare"), { timeoutMs: 60_000 });
    assert.equal(bytes, 300_000);
  });

  test("a file does not replace a folder", async () => {
    const { cri } = subject();
    await run("mkdir -p /tmp/empty");
    await failure(cri.copyTo(containerId, { content: "x" }, "/tmp/empty/"), "invalid_request");
    await failure(cri.copyTo(containerId, { content: "x" }, "/tmp/empty"), "copy_failed");
    assert.equal((await run("stat -c %F /tmp/empty")).trim(), "directory");
    await run("echo x > /tmp/one");
    await failure(cri.copyFrom(containerId, "/tmp/one", join(dir, "newdir/")), "invalid_request");
    assert.equal(existsSync(join(dir, "newdir")), false);
  });

  test("failures on both sides have a reason", async () => {
    const { cri } = subject();
    await failure(cri.copyFrom(containerId, "/no/such/file", join(dir, "none")), "copy_failed");
    await failure(cri.copyTo(containerId, join(dir, "no-such-file"), "/tmp/x"), "copy_failed");
    await failure(cri.copyTo(containerId, join(dir, "from"), "/proc/none"), "copy_failed");
    await failure(cri.copyTo(containerId, "x", "relative"), "invalid_request");
    writeFileSync(join(dir, "occupied"), "");
    await failure(cri.copyFrom(containerId, "/etc/app", join(dir, "occupied")), "copy_failed");
    const stop = AbortSignal.timeout(50);
    await failure(
      cri.copyFrom(containerId, "/dev/zero", join(dir, "zero"), { signal: stop }),
      "deadline",
    ).catch(() => undefined);
  });
}
