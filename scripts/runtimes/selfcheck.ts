// Checks that the runtimes work on this machine: `tsx scripts/runtimes/selfcheck.ts [--which R,R…] [--stay]`.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ContainerState } from "../../gen/runtime/v1/api_pb.js";
import { openCriClient } from "./cri-client.js";
import { pushImages } from "./images.js";
import {
  type AnyRuntime,
  type DockerRuntime,
  leftovers,
  type RunningRuntimes,
  startRegistry,
  startRuntimes,
} from "./index.js";
import { parseReleases } from "./releases.js";
import { waitFor } from "./wait.js";

async function timed<T>(what: string, step: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await step();
  console.log(`${what}: ${Math.round(performance.now() - startedAt)} ms`);
  return result;
}

/** Returns the config of a pod below the cgroup of the run. */
function podConfig(running: RunningRuntimes) {
  const uid = randomUUID();
  return {
    metadata: { name: "check", namespace: "default", uid, attempt: 0 },
    linux: { cgroupParent: `${running.cgroupParent}/${uid}` },
  };
}

/**
 * Runs one pod with one container through its lifecycle, with a `kill -9` of the daemon in the middle. Leaves another pod behind,
 * to be cleaned up by stop() or by the guard when the process dies.
 */
async function checkRuntime(running: RunningRuntimes, runtime: AnyRuntime): Promise<void> {
  const { runtime: cri, image, close } = openCriClient(runtime.socketPath);
  try {
    const version = await cri.version({});
    assert.equal(version.runtimeVersion, runtime.version);
    for (const reference of Object.values(running.images))
      await image.pullImage({ image: { image: reference } });
    const { images } = await image.listImages({});
    assert.ok(images.some((one) => one.repoTags.includes(running.images.busybox2)));

    const config = podConfig(running);
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

    if ("engine" in runtime) await checkEngine(running, runtime);
    else await cri.runPodSandbox({ config: podConfig(running) });
    console.log(`${runtime.name}: ${runtime.version} works`);
  } finally {
    close();
  }
}

/** Checks the host port of a pod's container, which survives a kill of the engine with live restore, and nothing else. */
async function checkEngine(
  running: RunningRuntimes,
  { engine, socketPath, name }: DockerRuntime,
): Promise<void> {
  const { runtime: cri, close } = openCriClient(socketPath);
  try {
    const hostPort = await freePort();
    const sandboxConfig = { ...podConfig(running), portMappings: [{ hostPort, containerPort: 80 }] };
    const { podSandboxId } = await cri.runPodSandbox({ config: sandboxConfig });
    const config = {
      metadata: { name: "web", attempt: 0 },
      image: { image: running.images.busybox },
      command: ["nc", "-ll", "-p", "80", "-e", "echo", "hello"],
      linux: {},
    };
    const { containerId } = await cri.createContainer({ podSandboxId, config, sandboxConfig });
    await cri.startContainer({ containerId });
    const answers = (): Promise<true | undefined> =>
      text(connect(hostPort, "127.0.0.1")).then(
        (answer) => (answer === "hello\n" ? true : undefined),
        () => undefined,
      );
    const hasState = (state: ContainerState) => async (): Promise<true | undefined> => {
      const { status } = await cri.containerStatus({ containerId });
      return status?.state === state ? true : undefined;
    };
    await waitFor("answer on the host port", 10_000, answers);

    await engine.kill();
    assert.ok(!engine.isAlive());
    await timed(`the engine of ${name} started again`, () => engine.start({ liveRestore: true }));
    await engine.stop();
    await waitFor("answer while the engine is stopped", 10_000, answers);
    await engine.start({ liveRestore: true });
    await waitFor("RUNNING after a live restore", 10_000, hasState(ContainerState.CONTAINER_RUNNING));
    await engine.stop();
    await engine.start();
    await waitFor("EXITED without live restore", 10_000, hasState(ContainerState.CONTAINER_EXITED));
  } finally {
    close();
  }
}

/** Returns a port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
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

const { values } = parseArgs({ options: { which: { type: "string" }, stay: { type: "boolean" } } });
const which = parseReleases(values.which);
const log = (line: string): void => console.log(line);
const running = await timed("start of all", () => startRuntimes({ which, log }));
await Promise.all(
  running.runtimes.map((runtime) => timed(runtime.name, () => checkRuntime(running, runtime))),
);
await timed("a registry with login", () => checkLogin(running));
// `--stay` keeps the runtimes running, to test how the cleanup handles a dying process.
if (values.stay === true) {
  console.log(`staying in ${running.dir} as process ${process.pid}`);
  await sleep(600_000);
}
await timed("stop of all", () => running.stop());
await running.stop();
assert.deepEqual(leftovers(running.dir), []);
console.log("everything was cleaned up");
