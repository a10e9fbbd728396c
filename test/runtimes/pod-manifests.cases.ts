import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import fc from "fast-check";
import { defaultPod, type NodeFacts, nodeFacts, planContainer, podPlan } from "../../src/kubernetes/index.js";
import { LocalNodeFiles } from "../../src/kubernetes/node/local-node-files.js";
import { arbitraryPod, type PodCase, type PodEnvironment } from "../support/arbitrary-pods.js";
import { mustNotRun } from "../support/confinement.js";
import { SeededRandom } from "../support/random.js";
import type { Subject } from "./support.js";

const concurrency = 3;

/** What the tests of Pods share: the node, its files, and what Pods may use here. */
interface PodWorld {
  readonly node: NodeFacts;
  readonly files: LocalNodeFiles;
  readonly environment: PodEnvironment;
}

/** Configs of random Pods: a real daemon runs the sandbox of each, and creates and starts its containers. */
export function podManifestCases(subject: () => Subject): void {
  test("the daemon accepts the configs of random Pods", { timeout: 900_000 }, async () => {
    const { seed } = new SeededRandom();
    const world = await podWorld(subject());
    // A Pod takes about a second. CRI_SDK_TEST_PODS=200 runs as many as the configs of specs.
    const usual = subject().runtime.release === "2.1" ? 30 : 6;
    const count = Number(process.env.CRI_SDK_TEST_PODS ?? usual);
    const pending = Array.from({ length: count }, (_, index) => index);
    const failed: unknown[] = [];
    const work = async () => {
      for (let index = pending.shift(); index !== undefined && failed.length < 3; index = pending.shift())
        await checkPod(subject(), world, seed, index).catch((error: unknown) => failed.push(error));
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    await rm(world.node.rootDir, { recursive: true, force: true });
    assert.equal(failed.length, 0, `reproduce with CRI_SDK_TEST_SEED=${seed}: ${failed.join("\n\n")}`);
  });
}

async function podWorld({ cri, running, runtime, abilities }: Subject): Promise<PodWorld> {
  const rootDir = `${running.dir}/pods-${runtime.release}`;
  const podLogsDir = `${running.dir}/logs`;
  await mkdir(`${rootDir}/seccomp`, { recursive: true });
  await mkdir(`${rootDir}/host`, { recursive: true });
  await writeFile(`${rootDir}/seccomp/allow.json`, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW" }));
  const node = await nodeFacts(cri, { rootDir, podLogsDir, cgroupRoot: running.cgroupParent });
  await cri.images.ensure(running.images.busybox);
  return {
    node,
    files: new LocalNodeFiles({ rootDir, podLogsDir, withoutMounts: "allow" }),
    environment: {
      image: running.images.busybox,
      hostFolder: `${rootDir}/host`,
      seccompProfile: "allow.json",
      recursiveReadOnly: node.runtimeHandlers[""]?.recursiveReadOnlyMounts === true,
      imageVolumes: abilities.imageVolumes,
      strictGroups: node.runtimeFeatures.supplementalGroupsPolicy,
      userNamespaces: false,
      propagation: false,
      allProfiles: false,
    },
  };
}

async function checkPod(subject: Subject, world: PodWorld, seed: number, index: number): Promise<void> {
  const one = { numRuns: 1, seed: seed + index };
  const runnable = arbitraryPod(world.environment, index).filter(({ pod }) => !mustNotRun(pod));
  const [sample] = fc.sample(runnable, one);
  assert.ok(sample);
  try {
    await run(subject, world, sample);
  } catch (cause) {
    throw new Error(`${cause}\n${JSON.stringify(sample.pod, undefined, 1)}`, { cause });
  }
}

async function run({ cri }: Subject, { node, files }: PodWorld, { pod, inputs }: PodCase): Promise<void> {
  const defaulted = defaultPod(pod);
  const name = defaulted.spec.containers[0]?.image ?? "";
  const image = await cri.images.get(name);
  assert.ok(image);
  const plan = podPlan(defaulted, node, inputs);
  await files.preparePod(defaulted, plan.volumes);
  const { runtimeHandler, sandbox: config } = plan;
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config, runtimeHandler });
  try {
    const { status } = await cri.runtime.podSandboxStatus({ podSandboxId });
    assert.deepEqual(status?.labels, config.labels);
    assert.deepEqual(status?.annotations, config.annotations);
    const ids: Record<string, { id: string }> = {};
    const known = {
      ...inputs,
      podIPs: status?.network?.ip ? [status.network.ip] : [],
      images: { [name]: { id: image.id } },
    };
    const { initContainers, containers, ephemeralContainers } = defaulted.spec;
    for (const { name } of [...initContainers, ...containers, ...ephemeralContainers]) {
      const planned = planContainer(defaulted, name, node, { ...known, containers: ids });
      const prepared = await files.prepareContainer(defaulted, planned);
      const request = { podSandboxId, config: prepared.config, sandboxConfig: config };
      const { containerId } = await cri.runtime.createContainer(request);
      ids[name] = { id: containerId };
      await cri.runtime.startContainer({ containerId });
      const reported = await cri.runtime.containerStatus({ containerId });
      assert.deepEqual(reported.status?.annotations, planned.config.annotations);
      assert.equal(reported.status?.logPath, `${config.logDirectory}/${planned.config.logPath}`);
    }
  } finally {
    await cri.runtime.stopPodSandbox({ podSandboxId });
    await cri.runtime.removePodSandbox({ podSandboxId });
    await files.removePod(defaulted.metadata.uid);
  }
}
