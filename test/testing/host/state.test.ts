import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { isCriError } from "../../../src/core/index.js";
import { hostDriver } from "../../../src/testing/embedded/host/driver.js";
import { startTimeOf } from "../../../src/testing/embedded/host/process-table.js";
import { openDriver } from "../../support/host-driver.js";
import { tempFolder } from "../../support/temp.js";

async function refused(stateDir: string, words: RegExp): Promise<void> {
  await assert.rejects(hostDriver({ stateDir }), (error) => {
    assert.ok(isCriError(error), String(error));
    assert.deepEqual([error.code, error.reason], ["invalid_argument", "invalid_option"]);
    assert.match(error.message, words);
    assert.ok(error.hint, "the error has no hint");
    assert.ok(error.message.includes(stateDir.split("/")[2] ?? "?"), "the error does not contain the path");
    return true;
  });
}

async function reopen(stateDir: string): Promise<void> {
  await (await hostDriver({ stateDir }))[Symbol.asyncDispose]();
}

test("a directory in use is refused, with the pid of its owner", async (t) => {
  const { driver, stateDir } = await openDriver(t);
  await refused(stateDir, /in use by this process/);
  const other = { pid: process.ppid, start: await startTimeOf(process.ppid) };
  const lock = `${stateDir}/cri-sdk.lock`;
  const mine = await readFile(lock, "utf8");
  await writeFile(lock, JSON.stringify(other));
  await refused(stateDir, new RegExp(`in use by process ${process.ppid}`));
  await writeFile(lock, mine);
  await driver[Symbol.asyncDispose]();
  await reopen(stateDir);
});

test("exactly one of several concurrent drivers gets the directory, even if there is a stale lock", async (t) => {
  const stateDir = `${await tempFolder(t)}/state`;
  for (const left of [
    undefined,
    { pid: process.pid, start: "another-time" },
    { pid: 2 ** 30, start: "0-0" },
  ]) {
    if (left) await writeFile(`${stateDir}/cri-sdk.lock`, JSON.stringify(left));
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => hostDriver({ stateDir })));
    const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
    assert.equal(won.length, 1);
    await won[0]?.[Symbol.asyncDispose]();
    assert.deepEqual((await readdir(stateDir)).sort(), ["containers", "cri-sdk.json"]);
  }
});

test("a damaged state file is refused, and nothing is changed", async (t) => {
  const stateDir = `${await tempFolder(t)}/state`;
  await reopen(stateDir);
  await mkdir(`${stateDir}/containers/old`);
  const good = await readFile(`${stateDir}/cri-sdk.json`, "utf8");
  const broken = [
    "",
    "{",
    good.slice(0, -10),
    "null",
    "[]",
    "\0\0\0\0",
    good.replace("cri-sdk", "x"),
    good.replace(/"id":"../, '"id":"'),
  ];
  for (const text of broken) {
    await writeFile(`${stateDir}/cri-sdk.json`, text);
    await refused(stateDir, /cri-sdk\.json is damaged or belongs to another program/);
  }
  await writeFile(`${stateDir}/cri-sdk.json`, good.replace('"version":1', '"version":2'));
  await refused(stateDir, /its format version is 2, this version of cri-sdk uses 1/);
  assert.deepEqual((await readdir(stateDir)).sort(), ["containers", "cri-sdk.json"]);
  assert.deepEqual(await readdir(`${stateDir}/containers`), ["old"]);
  await writeFile(`${stateDir}/cri-sdk.json`, good);
  for (const text of ["", "{", "7", '{"pid":"x"}']) {
    await writeFile(`${stateDir}/cri-sdk.lock`, text);
    await refused(stateDir, /its lock file is not valid.*Remove .*cri-sdk\.lock/);
  }
  await rm(`${stateDir}/cri-sdk.lock`);
  await reopen(stateDir);
  assert.deepEqual(await readdir(`${stateDir}/containers`), []);
});

test("files and directories of other programs are refused", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(`${folder}/file`, "text");
  await refused(`${folder}/file`, /a part of the path is a file/);
  await refused(`${folder}/file/below`, /a part of the path is a file/);
  await refused(folder, /contains other files \("file"\)/);
  assert.deepEqual(await readdir(folder), ["file"]);
  // A file instead of one of the driver's own folders.
  const stateDir = `${folder}/state`;
  await reopen(stateDir);
  await rm(`${stateDir}/containers`, { recursive: true });
  await writeFile(`${stateDir}/containers`, "");
  await refused(stateDir, /exists and is not a directory/);
  await rm(`${stateDir}/containers`);
  await symlink(folder, `${stateDir}/containers`);
  await refused(stateDir, /exists and is not a directory/);
  assert.deepEqual((await readdir(folder)).sort(), ["file", "state"]);
  await rm(`${stateDir}/cri-sdk.json`);
  await mkdir(`${stateDir}/cri-sdk.json`);
  await refused(stateDir, /must be a regular file/);
});

test("the files of a first start that was interrupted do not prevent the next one", async (t) => {
  const folder = await tempFolder(t);
  await writeFile(`${folder}/.cri-sdk.0123456789ab.tmp`, "{");
  await writeFile(`${folder}/cri-sdk.lock`, JSON.stringify({ pid: 2 ** 30, start: "0-0" }));
  await reopen(folder);
  assert.deepEqual((await readdir(folder)).sort(), ["containers", "cri-sdk.json"]);
});

test("leftover folders are removed, without following links", async (t) => {
  const folder = await tempFolder(t);
  const stateDir = `${folder}/state`;
  await reopen(stateDir);
  await mkdir(`${folder}/host`);
  await writeFile(`${folder}/host/keep`, "kept");
  await mkdir(`${stateDir}/containers/old/rootfs`, { recursive: true });
  await symlink(`${folder}/host`, `${stateDir}/containers/old/rootfs/data`);
  await symlink(`${folder}/host`, `${stateDir}/containers/linked`);
  await writeFile(`${stateDir}/containers/file`, "");
  await writeFile(`${stateDir}/containers/old/sessions`, "not a folder");
  await reopen(stateDir);
  assert.deepEqual(await readdir(`${stateDir}/containers`), []);
  assert.equal(await readFile(`${folder}/host/keep`, "utf8"), "kept");
});

test("a directory without write permission is refused", {
  skip: process.geteuid?.() === 0 && "root can write everywhere",
}, async (t) => {
  const folder = await tempFolder(t);
  await chmod(folder, 0o500);
  await refused(`${folder}/state`, /no write permission/);
  await refused(folder, /no write permission/);
  await chmod(folder, 0o700);
});
