import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CopySource } from "../../src/index.js";
import { failure } from "../support/failure.js";
import { containerId, hostRuntime, temporaryFolder, withoutTar } from "./support.js";

const asRoot = { skip: process.getuid?.() !== 0 };
const secondsOf = (path: string) => Math.floor(statSync(path).mtimeMs / 1_000);
const modeOf = (path: string) => statSync(path).mode & 0o7777;

test("ids of every size arrive", asRoot, async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "from/sub"), { recursive: true });
  symlinkSync("sub", join(folder, "from/link"));
  for (const [uid, gid] of [
    [262_143, 262_144],
    [2_097_151, 2_097_152],
    [1_000_690_000, 4_294_967_294],
  ] as const) {
    const to = join(folder, `to-${uid}`);
    const owner = { uid, gid };
    await cri.copyTo(containerId, join(folder, "from"), to, { owner });
    await cri.copyTo(containerId, { content: "x" }, join(to, "file"), { owner });
    for (const name of ["sub", "link", "file"]) {
      const stats = lstatSync(join(to, name));
      assert.deepEqual([stats.uid, stats.gid], [uid, gid], name);
    }
  }
});

const times = [-86_400, -1_000, -2, 0, 1, 2 ** 31 - 1, 2 ** 31, 2_524_608_000, 8_589_934_591, 8_589_934_592];
test("times before 1970 and after 2038 arrive, and come back", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "from"));
  for (const time of times) {
    writeFileSync(join(folder, `from/${time}`), "x");
    mkdirSync(join(folder, `from/d${time}`));
    // A part of a second must not change it.
    for (const name of [`${time}`, `d${time}`])
      utimesSync(join(folder, "from", name), new Date(0), new Date(time * 1_000 + 250));
    const single = join(folder, `single${time}`);
    await cri.copyTo(containerId, join(folder, `from/${time}`), single);
    assert.equal(secondsOf(single), time);
  }
  await cri.copyTo(containerId, join(folder, "from"), join(folder, "to"));
  await cri.copyFrom(containerId, join(folder, "to"), join(folder, "back"));
  for (const side of ["to", "back"])
    for (const time of times)
      assert.deepEqual(
        [secondsOf(join(folder, side, `${time}`)), secondsOf(join(folder, side, `d${time}`))],
        [time, time],
        side,
      );
});

test("every mode arrives, also 000", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "from"));
  const modes = [0, 0o111, 0o222, 0o666, 0o777, 0o4755, 0o2755, 0o1644];
  for (const mode of modes) {
    const name = mode.toString(8);
    writeFileSync(join(folder, "from", name), "x");
    chmodSync(join(folder, "from", name), mode);
    await cri.copyTo(containerId, { content: "x", mode }, join(folder, "content", name));
  }
  // As reported by `stat`.
  await cri.copyTo(containerId, { content: "x", mode: 0o100640 }, join(folder, "content/stat"));
  assert.equal(modeOf(join(folder, "content/stat")), 0o640);
  if (process.getuid?.() === 0) {
    mkdirSync(join(folder, "from/sub"));
    chmodSync(join(folder, "from/sub"), 0);
    await cri.copyTo(containerId, join(folder, "from"), join(folder, "to"));
    await cri.copyTo(containerId, join(folder, "from/0"), join(folder, "single"));
    assert.equal(modeOf(join(folder, "single")), 0);
    assert.equal(modeOf(join(folder, "to/sub")), 0);
  }
  for (const mode of modes)
    for (const side of existsSync(join(folder, "to")) ? ["to", "content"] : ["content"])
      assert.equal(modeOf(join(folder, side, mode.toString(8))), mode, `${side} ${mode.toString(8)}`);
});

test("names and targets of every length arrive", async (t) => {
  const { cri } = await hostRuntime(t);
  const folder = temporaryFolder(t);
  const deep = ["é".repeat(100), "d".repeat(255), "x".repeat(99)];
  mkdirSync(join(folder, "from", ...deep), { recursive: true });
  const targets = ["é", "t".repeat(100), "t".repeat(101), "é".repeat(500)];
  for (const [at, target] of targets.entries()) symlinkSync(target, join(folder, "from", `link${at}`));
  for (const length of [99, 100, 101, 255]) writeFileSync(join(folder, "from", "n".repeat(length)), "x");
  await cri.copyTo(containerId, join(folder, "from"), join(folder, "to"));
  assert.ok(existsSync(join(folder, "to", ...deep)));
  for (const length of [99, 100, 101, 255]) assert.ok(existsSync(join(folder, "to", "n".repeat(length))));
  for (const [at, target] of targets.entries())
    assert.equal(readlinkSync(join(folder, "to", `link${at}`)), target);
});

test("a number that is neither an id nor a mode is refused", async (t) => {
  const { cri, calls } = await hostRuntime(t);
  const content = { content: "x" };
  const refused: [CopySource, unknown, string][] = [
    [content, { uid: -1, gid: 0 }, "owner.uid"],
    [content, { uid: 0, gid: 2 ** 32 - 1 }, "owner.gid"],
    [content, { uid: 0.5, gid: 0 }, "owner.uid"],
    [content, { uid: 1_000 }, "owner.gid"],
    [content, { uid: "0", gid: 0 }, "owner.uid"],
    [{ content: "x", mode: -1 }, undefined, "source.mode"],
    [{ content: "x", mode: 0o10000 }, undefined, "source.mode"],
    [{ content: "x", mode: 0o40755 }, undefined, "source.mode"],
    [{ content: "x", mode: 6.5 }, undefined, "source.mode"],
  ];
  for (const [source, owner, path] of refused) {
    const options = { owner } as { owner?: { uid: number; gid: number } };
    const error = await failure(cri.copyTo(containerId, source, "/tmp/x", options));
    assert.deepEqual([error.reason, error.problems[0]?.path], ["invalid_option", path]);
  }
  assert.equal(calls.length, 0);
});

test("without tar, a file has its mode and its owner", async (t) => {
  const folder = temporaryFolder(t);
  withoutTar(t, folder);
  const { cri } = await hostRuntime(t);
  const to = join(folder, "file");
  writeFileSync(to, "old");
  chmodSync(to, 0);
  await cri.copyTo(containerId, { content: "x", mode: 0 }, to);
  assert.equal(modeOf(to), 0);
  if (process.getuid?.() !== 0) return;
  await cri.copyTo(containerId, { content: "x" }, to, { owner: { uid: 1_000_690_000, gid: 7 } });
  assert.deepEqual([statSync(to).uid, statSync(to).gid], [1_000_690_000, 7]);
});
