import assert from "node:assert/strict";
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";
import { container, created, driverOf, idle, marked, outcomeOf, run, sh } from "./support.js";

test("mounts are links in the container's folder; a missing host path is made", async (t) => {
  const { driver } = await driverOf(t);
  const host = await tempFolder(t);
  await writeFile(`${host}/file`, "hello");
  const mounts = [
    { containerPath: "/data/in/", hostPath: host, readonly: true },
    { containerPath: "/etc//config", hostPath: `${host}/file`, readonly: true },
    { containerPath: "/new", hostPath: `${host}/made/deep`, readonly: false },
  ];
  const { one } = await idle(driver, { mounts });
  const script = 'cd "$CRI_SDK_ROOTFS"; cat data/in/file etc/config; echo x >new/y; ls -d tmp';
  assert.equal((await run(driver, one, sh(script))).stdout, "hellohellotmp\n");
  assert.equal(await readFile(`${host}/made/deep/y`, "utf8"), "x\n");
  await driver.remove(one);
  assert.deepEqual((await readdir(host)).sort(), ["file", "made"]);
  assert.equal(await readFile(`${host}/file`, "utf8"), "hello");
});

test("a mounted script is a program", async (t) => {
  const { driver } = await driverOf(t);
  const host = await tempFolder(t);
  await writeFile(`${host}/go`, "#!/bin/sh\necho went $1\n", { mode: 0o755 });
  const mounts = [{ containerPath: "/scripts", hostPath: host, readonly: true }];
  const { one } = await idle(driver, { mounts });
  for (const tty of [false, process.platform === "linux"]) {
    const started = await driver.start(one, { ...sh(""), args: ["/scripts/go", "far"], tty });
    assert.equal((await outcomeOf(started)).stdout.trim(), "went far");
  }
});

test("mounts that leave the container or meet another one are refused, by their name", async (t) => {
  const { driver, stateDir } = await driverOf(t);
  const host = await tempFolder(t);
  const mount = (containerPath: string, hostPath = host) => ({ containerPath, hostPath, readonly: false });
  const cases = [
    [[mount("/a"), mount("/../b")], /config\.mounts\[1\]\.container_path.*leave/],
    [[mount("/a/../../b")], /leave/],
    [[mount("/")], /must not be the root/],
    [[mount("/a"), mount("/a/")], /mounts\[1\].*collides with config\.mounts\[0\]/],
    [[mount("/a"), mount("/a/b")], /collides/],
    [[mount("/a/b"), mount("/a")], /collides/],
    [[mount("/a", "relative")], /host_path must be an absolute path/],
  ] as const;
  for (const [mounts, words] of cases)
    await assert.rejects(driver.create(container({ mounts })), (error: Error) => {
      assert.match(error.message, words);
      assert.match(error.message, /invalid_argument: invalid_request/);
      return true;
    });
  const inFile = container({ mounts: [mount("/a", `${stateDir}/cri-sdk.json/below`)] });
  await assert.rejects(driver.create(inFile), /config\.mounts\[0\].*cannot be mounted/);
  assert.deepEqual(await readdir(`${stateDir}/containers`), []);
  await created(driver, { mounts: [mount("/a"), mount("/ab"), mount("/tmp")] });
});

test("ids name folders, and one container each", async (t) => {
  const { driver } = await driverOf(t);
  for (const id of ["", "..", "a/b", ".hidden", "x".repeat(129)])
    await assert.rejects(driver.create(container({ id })), { reason: "invalid_request" });
  const one = await created(driver);
  await assert.rejects(driver.create(one), { reason: "name_reserved", existingId: one.id });
  await driver.remove(one);
  await driver.create(one);
  await assert.rejects(driver.start(container(), sh("")), { reason: "object_missing" });
});

test("removing ends everything, and never follows a link", async (t) => {
  const { driver, stateDir } = await driverOf(t);
  const host = await tempFolder(t);
  await mkdir(`${host}/sub`);
  await writeFile(`${host}/sub/keep`, "kept");
  const mounts = [{ containerPath: "/data", hostPath: host, readonly: false }];
  const { one, main } = await idle(driver, { mounts });
  const rootfs = `${stateDir}/containers/${one.id}/rootfs`;
  await symlink(`${host}/sub`, `${rootfs}/tmp/link`);
  await mkdir(`${rootfs}/locked/in`, { recursive: true });
  await chmod(`${rootfs}/locked`, 0);
  const stubborn = await driver.start(
    one,
    sh("trap '' TERM HUP INT; (setsid sleep 500 &); echo; while :; do sleep 1; done"),
  );
  const silent = await driver.start(one, sh("head -c 1000000 /dev/zero; exec sleep 500"));
  stubborn.stdout.resume();
  const began = performance.now();
  await within(5_000, Promise.all([driver.remove(one), driver.remove(one)]));
  assert.ok(performance.now() - began < 3_000);
  assert.deepEqual([(await main.exit).exitCode, (await silent.exit).exitCode], [137, 137]);
  await assert.rejects(lstat(`${stateDir}/containers/${one.id}`), { code: "ENOENT" });
  assert.equal(await readFile(`${host}/sub/keep`, "utf8"), "kept");
  await driver.remove(one);
  const { id } = JSON.parse(await readFile(`${stateDir}/cri-sdk.json`, "utf8"));
  assert.deepEqual(await marked(id), []);
});

test("closing ends and removes everything, once", async (t) => {
  const { driver, stateDir } = await driverOf(t);
  const { main } = await idle(driver);
  main.stdout.resume();
  await idle(driver);
  await Promise.all([driver[Symbol.asyncDispose](), driver[Symbol.asyncDispose]()]);
  assert.equal((await main.exit).exitCode, 137);
  assert.deepEqual((await readdir(stateDir)).sort(), ["containers", "cri-sdk.json"]);
  assert.deepEqual(await readdir(`${stateDir}/containers`), []);
  await assert.rejects(driver.create(container()), { reason: "wrong_state" });
  assert.equal((await stat(stateDir)).isDirectory(), true);
});

test("a start that is under way when its container is removed does not survive", async (t) => {
  const { driver, stateDir } = await driverOf(t);
  const { id } = JSON.parse(await readFile(`${stateDir}/cri-sdk.json`, "utf8"));
  for (let round = 0; round < 5; round++) {
    const one = await created(driver);
    const starts = Promise.allSettled(
      [1, 2, 3].map(() => driver.start(one, sh("exec sleep 500", { workingDir: "/w" }))),
    );
    await driver.remove(one);
    for (const start of await starts)
      if (start.status === "fulfilled") assert.equal((await start.value.exit).exitCode, 137);
      else assert.equal(start.reason.reason, "wrong_state");
  }
  assert.deepEqual(await marked(id), []);
  assert.deepEqual(await readdir(`${stateDir}/containers`), []);
});
