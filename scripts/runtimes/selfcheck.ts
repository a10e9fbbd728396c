// Checks that the runtimes work on this machine: `tsx scripts/runtimes/selfcheck.ts`.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openCriClient } from "./cri-client.js";
import { pushImages } from "./images.js";
import {
  type ContainerdRuntime,
  leftovers,
  type RunningRuntimes,
  startRegistry,
  startRuntimes,
} from "./index.js";

async function timed<T>(what: string, step: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await step();
  console.log(`${what}: ${Math.round(performance.now() - startedAt)} ms`);
  return result;
}

/** Runs one pod with one container through its lifecycle, with a `kill -9` of the daemon in the middle. */
async function checkRuntime(running: RunningRuntimes, runtime: ContainerdRuntime): Promise<void> {
  const { runtime: cri, image, close } = openCriClient(runtime.socketPath);
  try {
    const version = await cri.version({});
    assert.equal(version.runtimeVersion, runtime.version);
    for (const reference of Object.values(running.images))
      await image.pullImage({ image: { image: reference } });
    const { images } = await image.listImages({});
    assert.ok(images.some((one) => one.repoTags.includes(running.images.busybox2)));

    const uid = randomUUID();
    const config = {
      metadata: { name: "check", namespace: "default", uid, attempt: 0 },
      linux: { cgroupParent: `${running.cgroupParent}/${uid}` },
    };
    const { podSandboxId } = await cri.runPodSandbox({ config });
    const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"];
    const container = {
      metadata: { name: "main", attempt: 0 },
      image: { image: running.images.busybox },
      command,
      linux: {},
    };
    const request = { podSandboxId, config: container, sandboxConfig: config };
    const { containerId } = await cri.createContainer(request);
    await cri.startContainer({ containerId });
    const echo = async (text: string): Promise<void> => {
      const response = await cri.execSync({ containerId, cmd: ["echo", text], timeout: 10n });
      assert.equal(Buffer.from(response.stdout).toString(), `${text}\n`);
    };
    await echo("before the kill");
    const user = {
      ...container,
      metadata: { name: "user", attempt: 0 },
      image: { image: running.images.namedUser },
    };
    const asUser = (await cri.createContainer({ ...request, config: user })).containerId;
    await cri.startContainer({ containerId: asUser });
    const id = await cri.execSync({ containerId: asUser, cmd: ["id", "-u"], timeout: 10n });
    assert.equal(Buffer.from(id.stdout).toString(), "1001\n");
    const { stats } = await cri.podSandboxStats({ podSandboxId });
    assert.ok((stats?.linux?.memory?.workingSetBytes?.value ?? 0n) > 0n);
    const { status } = await cri.podSandboxStatus({ podSandboxId });
    assert.match(status?.network?.ip ?? "", /^10\.231\./);

    await runtime.kill();
    assert.ok(!runtime.isAlive() && existsSync(runtime.socketPath));
    await timed(`${runtime.name} started again`, () => runtime.start());
    await echo("after the kill");
    await runtime.restart();
    await echo("after the restart");

    await cri.stopPodSandbox({ podSandboxId });
    await cri.removePodSandbox({ podSandboxId });
    assert.equal((await cri.listContainers({})).containers.length, 0);

    // One pod remains, to be cleaned up by stop() or by the guard when the process dies.
    await cri.runPodSandbox({ config: { ...config, metadata: { ...config.metadata, uid: randomUUID() } } });
    console.log(`${runtime.name}: ${runtime.version} works`);
  } finally {
    close();
  }
}

async function checkLogin(running: RunningRuntimes): Promise<void> {
  const options = { program: running.installed.dockerRegistry, runDir: running.dir, name: "private" };
  const registry = await startRegistry({ ...options, requireLogin: true });
  const { busybox } = await pushImages(registry, running.installed.busybox);
  for (const runtime of running.runtimes) {
    const { image, close } = openCriClient(runtime.socketPath);
    await assert.rejects(image.pullImage({ image: { image: busybox } }), /401|authorization|no basic auth/i);
    await image.pullImage({ image: { image: busybox }, auth: registry.login ?? {} });
    close();
  }
  await registry.stop();
}

const running = await timed("start of all", () => startRuntimes({ log: (line) => console.log(line) }));
await Promise.all(
  running.runtimes.map((runtime) => timed(runtime.name, () => checkRuntime(running, runtime))),
);
await timed("a registry with login", () => checkLogin(running));
// `--stay` keeps the runtimes running, to test how the cleanup handles a dying process.
if (process.argv.includes("--stay")) {
  console.log(`staying in ${running.dir} as process ${process.pid}`);
  await sleep(600_000);
}
await timed("stop of all", () => running.stop());
await running.stop();
assert.deepEqual(leftovers(running.dir), []);
console.log("everything was cleaned up");
