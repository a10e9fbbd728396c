import assert from "node:assert/strict";
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { test } from "node:test";
import {
  containerConfig,
  createContainer,
  createIdleContainer,
  markedProcesses,
  openDriver,
  outcomeOf,
  run,
  sh,
} from "../../support/host-driver.js";
import { tempFolder } from "../../support/temp.js";
import { within } from "../../support/waiting.js";

test("mounts are links in the container's folder; a missing host path is created", async (t) => {
  const { driver } = await openDriver(t);
  const host = await tempFolder(t);
  await writeFile(`${host}/file`, "hello");
  const mounts = [
    { containerPath: "/data/in/", hostPath: host, readonly: true },
    { containerPath: "/etc//config", hostPath: `${host}/file`, readonly: true },
    { containerPath: "/new", hostPath: `${host}/made/deep`, readonly: false },
  ];
  const { container } = await createIdleContainer(driver, { mounts });
  const script = 'cd "$CRI_SDK_ROOTFS"; cat data/in/file etc/config; echo x >new/y; ls -d tmp';
  assert.equal((await run(driver, container, sh(script))).stdout, "hellohellotmp\n");
  assert.equal(await readFile(`${host}/made/deep/y`, "utf8"), "x\n");
  await driver.remove(container);
  assert.deepEqual((await readdir(host)).sort(), ["file", "made"]);
  assert.equal(await readFile(`${host}/file`, "utf8"), "hello");
});

test("a mounted script can be run", async (t) => {
  const { driver } = await openDriver(t);
  const host = await tempFolder(t);
  await writeFile(`${host}/go`, "#!/bin/sh\necho went $1\n", { mode: 0o755 });
  const mounts = [{ containerPath: "/scripts", hostPath: host, readonly: true }];
  const { container } = await createIdleContainer(driver, { mounts });
  for (const tty of [false, process.platform === "linux"]) {
    const started = await driver.start(container, { ...sh(""), args: ["/scripts/go", "far"], tty });
    assert.equal((await outcomeOf(started)).stdout.trim(), "went far");
  }
});

test("mounts outside the rootfs and colliding mounts are refused, with their field", async (t) => {
  const { driver, stateDir } = await openDriver(t);
  const host = await tempFolder(t);
  const mount = (containerPath: string, hostPath = host) => ({ containerPath, hostPath, readonly: false });
  const cases = [
    [[mount("/a"), mount("/../b")], /config\.mounts\[1\]\.container_path: must not contain "\.\."/],
    [[mount("/a/../../b")], /must not contain/],
    [[mount("/")], /must not be the root/],
    [[mount("/a"), mount("/a/")], /mounts\[1\].*collides with config\.mounts\[0\]/],
    [[mount("/a"), mount("/a/b")], /collides/],
    [[mount("/a/b"), mount("/a")], /collides/],
    [[mount("/a", "relative")], /host_path: must be an absolute path/],
  ] as const;
  for (const [mounts, words] of cases)
    await assert.rejects(driver.create(containerConfig({ mounts })), (error: Error) => {
      assert.match(error.message, words);
      assert.match(error.message, /invalid_argument: invalid_request/);
      return true;
    });
  const inFile = containerConfig({ mounts: [mount("/a", `${stateDir}/cri-sdk.json/below`)] });
  await assert.rejects(driver.create(inFile), /config\.mounts\[0\]: cannot mount/);
  assert.deepEqual(await readdir(`${stateDir}/containers`), []);
  await createContainer(driver, { mounts: [mount("/a"), mount("/ab"), mount("/tmp")] });
});

test("ids must be usable as folder names, and are unique", async (t) => {
  const { driver } = await openDriver(t);
  for (const id of ["", "..", "a/b", ".hidden", "x".repeat(129)])
    await assert.rejects(driver.create(containerConfig({ id })), { reason: "invalid_request" });
  const container = await createContainer(driver);
  await assert.rejects(driver.create(container), { reason: "name_reserved", existingId: container.id });
  await driver.remove(container);
  await driver.create(container);
  await assert.rejects(driver.start(containerConfig(), sh("")), { reason: "object_missing" });
});

test("removing a container kills all its processes, and never follows links", async (t) => {
  const { driver, stateDir } = await openDriver(t);
  const host = await tempFolder(t);
  await mkdir(`${host}/sub`);
  await writeFile(`${host}/sub/keep`, "kept");
  const mounts = [{ containerPath: "/data", hostPath: host, readonly: false }];
  const { container, main } = await createIdleContainer(driver, { mounts });
  const rootfs = `${stateDir}/containers/${container.id}/rootfs`;
  await symlink(`${host}/sub`, `${rootfs}/tmp/link`);
  await mkdir(`${rootfs}/locked/in`, { recursive: true });
  await chmod(`${rootfs}/locked`, 0);
  const stubborn = await driver.start(
    container,
    sh("trap '' TERM HUP INT; (setsid sleep 500 &); echo; while :; do sleep 1; done"),
  );
  const silent = await driver.start(container, sh("head -c 1000000 /dev/zero; exec sleep 500"));
  stubborn.stdout.resume();
  await within(30_000, Promise.all([driver.remove(container), driver.remove(container)]));
  assert.deepEqual([(await main.exit).exitCode, (await silent.exit).exitCode], [137, 137]);
  await assert.rejects(lstat(`${stateDir}/containers/${container.id}`), { code: "ENOENT" });
  assert.equal(await readFile(`${host}/sub/keep`, "utf8"), "kept");
  await driver.remove(container);
  const { id } = JSON.parse(await readFile(`${stateDir}/cri-sdk.json`, "utf8"));
  assert.deepEqual(await markedProcesses(id), []);
});

test("closing the driver kills and removes everything, and is idempotent", async (t) => {
  const { driver, stateDir } = await openDriver(t);
  const { main } = await createIdleContainer(driver);
  main.stdout.resume();
  await createIdleContainer(driver);
  await Promise.all([driver[Symbol.asyncDispose](), driver[Symbol.asyncDispose]()]);
  assert.equal((await main.exit).exitCode, 137);
  assert.deepEqual((await readdir(stateDir)).sort(), ["containers", "cri-sdk.json"]);
  assert.deepEqual(await readdir(`${stateDir}/containers`), []);
  await assert.rejects(driver.create(containerConfig()), { reason: "wrong_state" });
  assert.equal((await stat(stateDir)).isDirectory(), true);
});

test("a start in flight does not survive the removal of its container", async (t) => {
  const { driver, stateDir } = await openDriver(t);
  const { id } = JSON.parse(await readFile(`${stateDir}/cri-sdk.json`, "utf8"));
  for (let round = 0; round < 5; round++) {
    const container = await createContainer(driver);
    const starts = Promise.allSettled(
      [1, 2, 3].map(() => driver.start(container, sh("exec sleep 500", { workingDir: "/w" }))),
    );
    await driver.remove(container);
    for (const start of await starts)
      if (start.status === "fulfilled") assert.equal((await start.value.exit).exitCode, 137);
      else assert.equal(start.reason.reason, "wrong_state");
  }
  assert.deepEqual(await markedProcesses(id), []);
  assert.deepEqual(await readdir(`${stateDir}/containers`), []);
});
