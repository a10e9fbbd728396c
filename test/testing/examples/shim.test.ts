// examples/shim in a child process, with the SDK as its client.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { type Cri, connect } from "../../../src/index.js";
import { ContainerState, PodSandboxState } from "../../../src/v1.js";
import { checkout, nodeArgs } from "../../support/checkout.js";
import { cleanup } from "../../support/cleanup.js";
import { tempFolder } from "../../support/temp.js";
import { until, within } from "../../support/waiting.js";

const busybox = "docker.io/library/busybox:1.37";

async function startShim(t: TestContext) {
  const folder = await tempFolder(t);
  const socket = join(folder, "shim.sock");
  const args = nodeArgs("examples/shim/main.ts", socket);
  const child = spawn(process.execPath, args, { cwd: checkout, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  cleanup(t, async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const [line] = await within(30_000, once(child.stdout, "data"), "the start of the shim");
  assert.equal(String(line), `unix://${socket}\n`);
  const cri = await connect(socket);
  cleanup(t, () => cri.close());
  const stop = async () => {
    child.kill("SIGTERM");
    const [code] = await within(10_000, ended, "the exit of the shim");
    return { code, socket: existsSync(socket) };
  };
  return { cri, folder, stop };
}

async function runContainer(cri: Cri, folder: string, command: string[]) {
  const sandboxConfig = {
    metadata: { name: "web", namespace: "default", uid: "1", attempt: 0 },
    labels: { app: "web" },
    logDirectory: folder,
    linux: {},
  };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig });
  const config = {
    metadata: { name: "main", attempt: 0 },
    image: { image: busybox },
    command,
    envs: [{ key: "GREETING", value: Buffer.from("hello") }],
    logPath: "main/0.log",
    linux: {},
  };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig });
  await cri.runtime.startContainer({ containerId });
  return { podSandboxId, containerId };
}

let source = "";
before(async () => {
  source = await readFile(join(checkout, "examples/shim/main.ts"), "utf8");
});

test("the shim has fewer than 150 lines", () => {
  assert.ok(source.split("\n").length - 1 < 150);
});

test("the shim runs a pod: image, logs, exec, stop, removal", async (t) => {
  const { cri, folder, stop } = await startShim(t);
  const { runtime } = cri;
  assert.equal((await runtime.version()).runtimeName, "shim");
  assert.equal((await cri.image.imageStatus({ image: { image: busybox } })).image, undefined);
  const { imageRef } = await cri.image.pullImage({ image: { image: busybox } });
  assert.equal((await cri.image.imageStatus({ image: { image: busybox } })).image?.id, imageRef);
  assert.deepEqual(
    (await cri.image.listImages()).images.map(({ repoTags }) => repoTags),
    [[busybox]],
  );

  const command = ["sh", "-c", "echo $GREETING; echo oops >&2; exec sleep 600"];
  const { podSandboxId, containerId } = await runContainer(cri, folder, command);
  const running = await runtime.containerStatus({ containerId });
  assert.equal(running.status?.state, ContainerState.CONTAINER_RUNNING);
  assert.equal(running.status?.imageRef, imageRef);
  const { logPath = "" } = running.status ?? {};
  const log = () => readFile(logPath, "utf8").catch(() => "");
  await until(async () => (await log()).split("\n").length === 3, "the log has both lines");
  assert.match(await log(), /^[\d-]+T[\d:.]+Z stdout F hello$/m);
  assert.match(await log(), /^[\d-]+T[\d:.]+Z stderr F oops$/m);

  const sync = await runtime.execSync({
    containerId,
    cmd: ["sh", "-c", "echo $GREETING; exit 3"],
    timeout: 10n,
  });
  assert.deepEqual([sync.exitCode, Buffer.from(sync.stdout).toString()], [3, "hello\n"]);
  const { exitCode, stdout } = await cri.runCommand(containerId, ["tr", "a-z", "A-Z"], { input: "typed" });
  assert.deepEqual([exitCode, stdout], [0, "TYPED"]);

  const ids = async (labelSelector: Record<string, string>) =>
    (await runtime.listPodSandbox({ filter: { labelSelector } })).items.map(({ id }) => id);
  assert.deepEqual([await ids({ app: "web" }), await ids({ app: "db" })], [[podSandboxId], []]);

  await runtime.stopContainer({ containerId, timeout: 10n });
  const stopped = await runtime.containerStatus({ containerId });
  assert.equal(stopped.status?.state, ContainerState.CONTAINER_EXITED);
  assert.equal(stopped.status?.exitCode, 143);
  await runtime.stopPodSandbox({ podSandboxId });
  const { status } = await runtime.podSandboxStatus({ podSandboxId });
  assert.equal(status?.state, PodSandboxState.SANDBOX_NOTREADY);
  await runtime.removePodSandbox({ podSandboxId });
  await cri.image.removeImage({ image: { image: busybox } });
  assert.deepEqual((await runtime.listContainers()).containers, []);
  await assert.rejects(runtime.containerStatus({ containerId }), { reason: "object_missing" });
  await assert.rejects(runtime.reopenContainerLog({ containerId }), { reason: "unimplemented" });
  assert.deepEqual(await stop(), { code: 0, socket: false });
});

test("the shim forwards a port, and kills its processes when it stops", async (t) => {
  const { cri, folder, stop } = await startShim(t);
  const server = join(folder, "server.mjs");
  await writeFile(
    server,
    `import { createServer } from "node:net";
     const server = createServer((socket) => {
       let bytes = 0;
       socket.on("data", (part) => {
         bytes += part.length;
         if (bytes === 100_000) socket.end("done");
       });
     });
     server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port + " pid " + process.pid));`,
  );
  const { podSandboxId } = await runContainer(cri, folder, [process.execPath, server]);
  let match: RegExpExecArray | null = null;
  await until(
    async () => {
      match = /port (\d+) pid (\d+)/.exec(await readFile(join(folder, "main/0.log"), "utf8").catch(() => ""));
      return match !== null;
    },
    "the server listens",
    20_000,
  );
  const [, port, pid] = (match ?? []) as string[];
  const forward = cri.portForward(podSandboxId);
  cleanup(t, () => forward.close());
  const connection = await forward.connect(Number(port));
  connection.write(Buffer.alloc(100_000));
  const parts: Buffer[] = [];
  connection.on("data", (part: Buffer) => parts.push(part));
  await within(10_000, once(connection, "end"), "the answer");
  assert.equal(Buffer.concat(parts).toString(), "done");
  await forward.close();
  assert.deepEqual(await stop(), { code: 0, socket: false });
  await until(() => isGone(Number(pid)), "the server has exited");
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
