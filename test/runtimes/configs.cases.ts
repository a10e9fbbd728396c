import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import fc from "fast-check";
import { containerConfig, sandboxConfig } from "../../src/configs.js";
import type { ContainerSpec, PodSpec } from "../../src/index.js";
import { SeededRandom } from "../support/random.js";
import { runnableContainer, runnablePod, type SpecEnvironment } from "./runnable-specs.js";
import type { Subject } from "./support.js";

const concurrency = 4;

/** Configs of random specs: a real daemon accepts each, and the container's reported status matches its spec. */
export function configCases(subject: () => Subject): void {
  test("the daemon accepts the configs of random specs", { timeout: 600_000 }, async () => {
    const { seed } = new SeededRandom();
    const environment = await specEnvironment(subject());
    const count = subject().runtime.release === "2.1" ? 200 : 20;
    const pending = Array.from({ length: count }, (_, index) => index);
    const failed: unknown[] = [];
    const worker = async () => {
      for (let index = pending.shift(); index !== undefined && failed.length < 3; index = pending.shift())
        await checkSpec(subject(), environment, seed, index).catch((error: unknown) => failed.push(error));
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    assert.equal(failed.length, 0, `reproduce with CRI_SDK_TEST_SEED=${seed}: ${failed.join("\n\n")}`);
  });
}

async function specEnvironment({ running, runtime, abilities, cri }: Subject): Promise<SpecEnvironment> {
  const folder = `${running.dir}/configs-${runtime.release}`;
  await mkdir(`${folder}/data`, { recursive: true });
  await writeFile(`${folder}/seccomp.json`, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW" }));
  const image = running.images.busybox;
  await cri.image.pullImage({ image: { image } });
  const { handlers, supplementalGroupsPolicy } = await cri.features();
  return {
    image,
    folder,
    cgroupParent: running.cgroupParent,
    recursiveReadOnly: handlers.some(
      ({ name, recursiveReadOnlyMounts }) => name === "" && recursiveReadOnlyMounts,
    ),
    imageMounts: abilities.imageVolumes,
    binaryEnvironment: abilities.binaryEnvironment,
    supplementalGroupsPolicy,
  };
}

async function checkSpec(
  { cri, running }: Subject,
  environment: SpecEnvironment,
  seed: number,
  index: number,
): Promise<void> {
  const one = { numRuns: 1, seed: seed + index };
  const [podSpec] = fc.sample(runnablePod(environment, index), one);
  const [spec] = podSpec ? fc.sample(runnableContainer(environment, podSpec), one) : [];
  assert.ok(podSpec && spec);
  try {
    await run(podSpec, spec);
  } catch (cause) {
    throw new Error(`${cause}\n${JSON.stringify({ podSpec, spec }, readable, 1)}`, { cause });
  }

  async function run(podSpec: PodSpec, spec: ContainerSpec): Promise<void> {
    const config = sandboxConfig(podSpec, { logRoot: `${running.dir}/logs` });
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    try {
      const containerMessage = containerConfig(spec, { pod: config });
      const { containerId } = await cri.runtime.createContainer({
        podSandboxId,
        config: containerMessage,
        sandboxConfig: config,
      });
      await cri.runtime.startContainer({ containerId });
      const [{ status: pod }, { status }] = await Promise.all([
        cri.runtime.podSandboxStatus({ podSandboxId }),
        cri.runtime.containerStatus({ containerId }),
      ]);
      assert.deepEqual(pod?.labels, config.labels);
      assert.deepEqual(pod?.annotations, config.annotations);
      assert.deepEqual(status?.labels, containerMessage.labels);
      assert.deepEqual(status?.annotations, containerMessage.annotations);
      assert.deepEqual(status?.metadata, containerMessage.metadata);
      const logs = containerMessage.logPath !== "" && config.logDirectory !== "";
      assert.equal(status?.logPath, logs ? `${config.logDirectory}/${containerMessage.logPath}` : "");
      await cri.runtime.stopContainer({ containerId, timeout: 0n });
      await cri.runtime.removeContainer({ containerId });
    } finally {
      await cri.runtime.stopPodSandbox({ podSandboxId });
      await cri.runtime.removePodSandbox({ podSandboxId });
    }
  }
}

function readable(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
