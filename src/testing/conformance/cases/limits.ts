import assert from "node:assert/strict";
import { PodSandboxState } from "../../../../gen/runtime/v1/api_pb.js";
import { casesOf } from "../case.js";
import { textOf } from "../collect.js";

const KiB = 2 ** 10;
const MiB = 2 ** 20;
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index));

/** Large inputs and many calls, still below what Kubernetes sends. */
export const limitCases = casesOf("limits", {
  "long-names": {
    title: "names of Kubernetes' maximum length are kept",
    rule: "RunPodSandbox accepts a metadata.name of 253 characters and a namespace of 63, CreateContainer a name of 63.",
    async run(context) {
      const name = `${context.name()}-`.padEnd(253, "p");
      const namespace = "n".repeat(63);
      const pod = await context.pod({ name, namespace });
      const container = await pod.start(context.commands.run, { metadata: { name: "c".repeat(63) } });
      const { metadata } = await pod.status();
      assert.deepEqual([metadata?.name, metadata?.namespace], [name, namespace]);
      assert.equal((await container.status()).metadata?.name, "c".repeat(63));
    },
  },
  "many-labels": {
    title: "a hundred labels of maximum size are kept and selectable",
    rule: "CreateContainer keeps labels with keys of a prefix and a name of 63 characters, and values of 63.",
    async run(context) {
      const labels = Object.fromEntries(
        times(100, (index) => [
          `${"d".repeat(200)}.example.com/${`label-${index}`.padEnd(63, "k")}`,
          "v".repeat(63),
        ]),
      );
      const container = await context.create(context.commands.run, { labels });
      assert.deepEqual((await container.status()).labels, container.labels);
      const filter = { labelSelector: labels };
      const { containers } = await context.runtime.listContainers({ filter });
      assert.deepEqual(
        containers.map(({ id }) => id),
        [container.id],
      );
    },
  },
  "large-annotations": {
    title: "annotations of 256 KiB are kept",
    rule: "CreateContainer keeps annotations as they are; Kubernetes allows 256 KiB for all of an object's.",
    async run(context) {
      const annotations = Object.fromEntries(
        times(4, (index) => [`example.com/${index}`, `${index}`.repeat(64 * KiB - 20)]),
      );
      const container = await context.create(context.commands.run, { annotations });
      assert.deepEqual((await container.status()).annotations, annotations);
      const { containers } = await context.runtime.listContainers({ filter: { id: container.id } });
      assert.deepEqual(containers[0]?.annotations, annotations);
    },
  },
  "many-variables": {
    title: "a container receives two hundred environment variables, and one of 64 KiB",
    rule: "StartContainer: ContainerConfig.envs has no limit of its own below that of the kernel, 128 KiB for one.",
    async run(context) {
      const envs = times(200, (index) => ({
        key: `CONFORMANCE_${index}`,
        value: Buffer.from(`value ${index}`),
      }));
      envs.push({ key: "CONFORMANCE_LONG", value: Buffer.alloc(64 * KiB, "v") });
      const { id } = await context.start(context.commands.run, { envs });
      const value = async (key: string) => {
        const cmd = [...context.commands.env(key)];
        const { stdout } = await context.runtime.execSync({ containerId: id, cmd });
        return Buffer.from(stdout).toString();
      };
      assert.equal(await value("CONFORMANCE_199"), "value 199\n");
      assert.equal(await value("CONFORMANCE_LONG"), `${"v".repeat(64 * KiB)}\n`);
    },
  },
  "a-long-argument": {
    title: "a command receives an argument of 100,000 bytes",
    rule: "ExecSyncRequest.cmd has no limit of its own below that of the kernel, 128 KiB for one argument.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const text = "0123456789".repeat(10_000);
      const cmd = [...context.commands.print(text)];
      const { stdout } = await context.runtime.execSync({ containerId: id, cmd });
      assert.equal(Buffer.from(stdout).toString(), text);
    },
  },
  "fifty-containers": {
    title: "fifty containers in one pod are all listed",
    rule: "ListContainers returns all containers; their number is not limited.",
    async run(context) {
      const group = context.name();
      const made = await Promise.all(
        times(50, () => context.create(context.commands.run, { labels: { group } })),
      );
      const { containers } = await context.runtime.listContainers({ filter: { labelSelector: { group } } });
      assert.deepEqual(containers.map(({ id }) => id).sort(), made.map(({ id }) => id).sort());
      assert.equal(new Set(made.map(({ id }) => id)).size, 50);
    },
  },
  "six-pods-at-once": {
    title: "six pods can be run concurrently and have six addresses",
    rule: "RunPodSandbox calls for different pods may run concurrently.",
    async run(context) {
      const pods = await Promise.all(times(6, () => context.pod()));
      const all = await Promise.all(pods.map((pod) => pod.status()));
      assert.ok(all.every(({ state }) => state === PodSandboxState.SANDBOX_READY));
      assert.equal(new Set(all.map(({ network }) => network?.ip)).size, 6);
    },
  },
  "ten-containers-started-at-once": {
    title: "ten containers can be created and started concurrently, and have their own exit codes",
    rule: "CreateContainer and StartContainer calls for one sandbox may run concurrently.",
    async run(context) {
      const made = await Promise.all(times(10, (index) => context.start(context.commands.exit(index))));
      const codes = await Promise.all(made.map(async (one) => (await one.exited()).exitCode));
      assert.deepEqual(
        codes,
        times(10, (index) => index),
      );
    },
  },
  "exec-sync-output": {
    title: "ExecSync returns four mebibytes of output completely",
    rule: "ExecSync returns output up to the runtime's limit, 16 MiB on the known ones.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const cmd = [...context.commands.fill(4 * MiB, 1_024)];
      const { stdout, exitCode } = await context.runtime.execSync({ containerId: id, cmd });
      assert.equal(exitCode, 0);
      assert.equal(Buffer.from(stdout).compare(Buffer.from(`${"x".repeat(1_023)}\n`.repeat(4 * KiB))), 0);
    },
  },
  "exec-output": {
    title: "Exec streams sixteen mebibytes of output completely",
    rule: "Exec does not limit the output of a command.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const session = await context.exec(id, context.commands.fill(16 * MiB, 1_024), { stderr: false });
      const text = await textOf(session.stdout);
      assert.equal((await session.ended).exitCode, 0);
      assert.equal(text, `${"x".repeat(1_023)}\n`.repeat(16 * KiB));
    },
  },
  "exec-input": {
    title: "Exec passes four mebibytes of input completely",
    rule: "Exec does not limit the input of a command.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const input = "0123456789abcde\n".repeat((4 * MiB) / 16);
      const { stdout, exitCode } = await context.runCommand(id, context.commands.cat, { input });
      assert.equal(exitCode, 0);
      assert.ok(stdout === input, "the output differs from the input");
    },
  },
  "twenty-exec-syncs-at-once": {
    title: "twenty concurrent commands of ExecSync have their own outputs",
    rule: "ExecSync calls in one container may run concurrently.",
    // A small number, because containerd 1.6 needs 40 s for fifty.
    async run(context) {
      const { id } = await context.sharedContainer();
      const outputs = await Promise.all(
        times(20, async (index) => {
          const cmd = [...context.commands.print(`number ${index}`)];
          const { stdout } = await context.runtime.execSync({ containerId: id, cmd });
          return Buffer.from(stdout).toString();
        }),
      );
      assert.deepEqual(
        outputs,
        times(20, (index) => `number ${index}`),
      );
    },
  },
  "twenty-execs-at-once": {
    title: "twenty concurrent sessions of Exec have their own inputs and outputs",
    rule: "Sessions of Exec in one container may run concurrently.",
    async run(context) {
      const { id } = await context.sharedContainer();
      const outputs = await Promise.all(
        times(20, async (index) => {
          const { stdout } = await context.runCommand(id, context.commands.cat, { input: `number ${index}` });
          return stdout;
        }),
      );
      assert.deepEqual(
        outputs,
        times(20, (index) => `number ${index}`),
      );
    },
  },
  "many-calls-at-once": {
    title: "two hundred concurrent calls all complete",
    rule: "ContainerStatus and PodSandboxStatus may be called concurrently, as many as one connection carries.",
    async run(context) {
      const { id, podId } = await context.sharedContainer();
      const answers = await Promise.all(
        times(100, async () => {
          const { status: container } = await context.runtime.containerStatus({ containerId: id });
          const { status: pod } = await context.runtime.podSandboxStatus({ podSandboxId: podId });
          return container?.id === id && pod?.id === podId;
        }),
      );
      assert.ok(answers.every(Boolean));
    },
  },
});
