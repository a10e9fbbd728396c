// What is recorded on each runtime: a pod's life with its sessions, logs, stats and errors. The same program runs on the recordings.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { type Cri, isCriError } from "../../../src/index.js";
import type { ConformanceCommands } from "../../../src/testing/index.js";
import { ContainerState, type ContainerStatus, PodSandboxState } from "../../../src/v1.js";
import { failure } from "../failure.js";
import { within } from "../waiting.js";

/** What differs between the runtimes, and between a recording and its replay. */
export interface ScenarioPlace {
  readonly image: string;
  readonly uid: string;
  readonly logDirectory: string;
  readonly cgroupParent: string;
  /** The commands that containers of the image can run. */
  readonly commands: ConformanceCommands;
}

/** The fields whose values differ between a recording and its replay, besides those that always may. */
export const scenarioVarying = ["runtime.v1.ImageSpec.image"];

const missing = "0123456789abcdef".repeat(4);

/** Runs the scenario. Its assertions hold on every runtime. */
export async function runScenario(cri: Cri, place: ScenarioPlace): Promise<void> {
  const { runtime } = cri;
  await checkNode(cri, place);

  const sandboxConfig = {
    metadata: { name: "recorded", uid: place.uid, namespace: "cri-sdk-test", attempt: 0 },
    logDirectory: place.logDirectory,
    labels: { test: "recorded" },
    linux: { cgroupParent: place.cgroupParent },
  };
  const { podSandboxId } = await runtime.runPodSandbox({ config: sandboxConfig });
  const pod = await runtime.podSandboxStatus({ podSandboxId });
  assert.deepEqual(
    [pod.status?.state, pod.status?.metadata?.uid, pod.status?.labels.test],
    [PodSandboxState.SANDBOX_READY, place.uid, "recorded"],
  );
  assert.equal(await idOfTheName(runtime.runPodSandbox({ config: sandboxConfig })), podSandboxId);

  const create = async (name: string, command: readonly string[]) => {
    const config = {
      metadata: { name, attempt: 0 },
      image: { image: place.image },
      command: [...command],
      logPath: `${name}/0.log`,
      linux: {},
    };
    return (await runtime.createContainer({ podSandboxId, config, sandboxConfig })).containerId;
  };
  await checkJob(cri, await create("job", place.commands.print("one\ntwo\n")));
  await checkService(cri, podSandboxId, await create("service", place.commands.listen(8080)), place);

  await runtime.stopPodSandbox({ podSandboxId });
  await runtime.removePodSandbox({ podSandboxId });
  await failure(runtime.podSandboxStatus({ podSandboxId }), "object_missing");
  // CRI declares both idempotent.
  await runtime.stopPodSandbox({ podSandboxId });
  await runtime.removePodSandbox({ podSandboxId });
}

/** The node and its images. */
async function checkNode(cri: Cri, { image }: ScenarioPlace): Promise<void> {
  const version = await cri.runtime.version();
  assert.equal(version.runtimeApiVersion, "v1");
  const { status } = await cri.runtime.status();
  assert.ok(status?.conditions.some(({ type, status }) => type === "RuntimeReady" && status));
  await failure(cri.runtime.containerStatus({ containerId: missing }), "object_missing");
  await failure(cri.image.pullImage({ image: { image: "not a reference" } }), "invalid_image_reference");
  const { imageRef } = await cri.image.pullImage({ image: { image } });
  const found = await cri.image.imageStatus({ image: { image } });
  assert.equal(found.image?.id, imageRef);
  assert.ok((await cri.image.imageFsInfo()).imageFilesystems.length > 0);
}

/** A container that prints and exits. */
async function checkJob(cri: Cri, containerId: string): Promise<void> {
  await failure(cri.runtime.execSync({ containerId, cmd: ["true"] }), "wrong_state");
  await cri.runtime.startContainer({ containerId });
  const exited = await untilState(cri, containerId, ContainerState.CONTAINER_EXITED);
  assert.deepEqual([exited.exitCode, exited.reason], [0, "Completed"]);
  const lines: string[] = [];
  for await (const { text } of cri.logs(containerId)) lines.push(text);
  assert.deepEqual(lines, ["one", "two"]);
  await cri.runtime.removeContainer({ containerId });
}

/** A container that listens on a port until it is killed. */
async function checkService(
  cri: Cri,
  podSandboxId: string,
  containerId: string,
  { commands }: ScenarioPlace,
): Promise<void> {
  const { runtime } = cri;
  await runtime.startContainer({ containerId });
  await failure(runtime.startContainer({ containerId }), "wrong_state");
  const done = await runtime.execSync({ containerId, cmd: [...commands.exit(3)], timeout: 20n });
  assert.equal(done.exitCode, 3);
  await failure(runtime.execSync({ containerId, cmd: ["no-such-command"] }), "exec_not_started");

  const echoed = await cri.runCommand(containerId, commands.cat, { input: "twelve bytes" });
  assert.deepEqual([echoed.stdout, echoed.exitCode], ["twelve bytes", 0]);
  await failure(cri.runCommand(containerId, ["no-such-command"]), "exec_not_started");

  const stats = await runtime.containerStats({ containerId });
  assert.equal(stats.stats?.attributes?.id, containerId);
  assert.deepEqual(
    (await runtime.listContainers({ filter: { podSandboxId } })).containers.map(({ id }) => id),
    [containerId],
  );

  {
    await using forward = cri.portForward(podSandboxId);
    const connection = await forward.connect(8080, { portWaitMs: 20_000 });
    connection.write("ping");
    const answer = (async () => {
      for await (const chunk of connection) return String(chunk);
    })();
    assert.equal(await within(20_000, answer, "the echo"), "ping");
  }

  await runtime.stopContainer({ containerId, timeout: 0n });
  const killed = await untilState(cri, containerId, ContainerState.CONTAINER_EXITED);
  assert.equal(killed.exitCode, 137);
  await runtime.removeContainer({ containerId });
  await failure(runtime.containerStatus({ containerId }), "object_missing");
}

async function untilState(cri: Cri, containerId: string, state: ContainerState): Promise<ContainerStatus> {
  for (let tries = 0; tries < 400; tries++) {
    const { status } = await cri.runtime.containerStatus({ containerId });
    if (status?.state === state) return status;
    await pause(50);
  }
  throw new Error(`container ${containerId} has not reached state ${state}`);
}

/** Returns the object that has the requested name: most runtimes refuse the call, some return the object. */
async function idOfTheName(
  creation: Promise<{ readonly podSandboxId: string }>,
): Promise<string | undefined> {
  try {
    return (await creation).podSandboxId;
  } catch (error) {
    if (!isCriError(error) || error.reason !== "name_reserved") throw error;
    return error.existingId;
  }
}
