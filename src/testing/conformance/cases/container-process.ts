import assert from "node:assert/strict";
import { ContainerState } from "../../../../gen/runtime/v1/api_pb.js";
import { sleep } from "../../../core/index.js";
import { casesOf } from "../case.js";
import type { ConformanceContext, ContainerOptions } from "../context.js";
import { logText } from "../log-file.js";

/** Returns the standard output of a command that runs as the container's first process. */
async function printed(
  context: ConformanceContext,
  command: readonly string[],
  options?: ContainerOptions,
): Promise<string> {
  const container = await context.start(command, options);
  const { exitCode } = await container.exited();
  assert.equal(exitCode, 0);
  return logText(await container.log("a line", (lines) => logText(lines).endsWith("\n")));
}

/** The container's first process. */
export const containerProcessCases = casesOf("container", {
  "has-its-environment": {
    title: "a container has its environment variables",
    rule: "StartContainer: ContainerConfig.envs are set for the first process, byte for byte.",
    async run(context) {
      const value = "spaces, = signs, ünïcödé 日本, $HOME `date` \\n, 'quotes\"";
      const envs = [
        { key: "CONFORMANCE_VALUE", value: Buffer.from(value) },
        { key: "CONFORMANCE_OTHER", value: Buffer.from("another") },
      ];
      assert.equal(await printed(context, context.commands.env("CONFORMANCE_VALUE"), { envs }), `${value}\n`);
    },
  },
  "may-have-an-empty-variable": {
    title: "an empty environment variable is set, and empty",
    rule: "StartContainer: ContainerConfig.envs may hold empty values.",
    async run(context) {
      const envs = [{ key: "CONFORMANCE_EMPTY", value: Buffer.alloc(0) }];
      assert.equal(await printed(context, context.commands.env("CONFORMANCE_EMPTY"), { envs }), "\n");
    },
  },
  "starts-in-its-directory": {
    title: "a container starts in its working directory",
    rule: "StartContainer: ContainerConfig.working_dir is the directory that the first process starts in.",
    async run(context) {
      assert.equal(await printed(context, context.commands.pwd, { workingDir: "/tmp" }), "/tmp\n");
    },
  },
  "args-follow-the-command": {
    title: "args follow the command, and nothing is expanded",
    rule: "StartContainer runs ContainerConfig.command followed by args, without a shell that would expand them.",
    async run(context) {
      const text = "two  words, $HOME, *, 'quotes'\n";
      const [program = "", ...args] = context.commands.print(text);
      assert.equal(await printed(context, [program], { args }), text);
    },
  },
  "has-no-input-by-default": {
    title: "a container without stdin reads the end of its input",
    rule: "StartContainer: with ContainerConfig.stdin false, the first process reads end of file.",
    async run(context) {
      const container = await context.start(context.commands.cat);
      assert.equal((await container.exited()).exitCode, 0);
    },
  },
  "waits-for-input-when-requested": {
    title: "a container with stdin waits for its input",
    rule: "With ContainerConfig.stdin true, standard input stays open for Attach.",
    async run(context) {
      const container = await context.start(context.commands.cat, { stdin: true });
      await sleep(500, context.signal);
      assert.equal((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
  "runs-for-as-long-as-it-runs": {
    title: "finished_at is a second after started_at for a process of one second",
    rule: "ContainerStatus.finished_at and started_at are the times of the process.",
    async run(context) {
      const container = await context.start(context.commands.sleep(1));
      const { startedAt, finishedAt } = await container.exited();
      const tookMs = Number(finishedAt - startedAt) / 1e6;
      assert.ok(tookMs > 700 && tookMs < 8_000, `${tookMs} ms`);
    },
  },
  "runs-an-image-by-its-id": {
    title: "a container can be created from an image's id",
    rule: "CreateContainer: ContainerConfig.image.image may be the id of an image, as bare hexadecimal digits.",
    async run(context) {
      await context.sharedPod();
      const { image } = await context.image.imageStatus({ image: { image: context.images.main } });
      const id = image?.id.replace(/^sha256:/, "") ?? "";
      const container = await context.start(context.commands.exit(0), {
        image: { image: id, userSpecifiedImage: context.images.main },
      });
      assert.equal((await container.exited()).exitCode, 0);
    },
  },
  "keeps-its-resources": {
    title: "a container's status has the resources that it was created with",
    rule: "ContainerStatus.resources.linux has the limits of ContainerConfig.linux.resources in force.",
    async run(context) {
      const resources = { cpuShares: 256n, memoryLimitInBytes: 134_217_728n };
      const container = await context.create(context.commands.run, { linux: { resources } });
      const reported = (await container.status()).resources?.linux;
      assert.deepEqual([reported?.cpuShares, reported?.memoryLimitInBytes], [256n, 134_217_728n]);
    },
  },
  "reports-updated-resources": {
    title: "a running container's status has its updated resources",
    rule: "After UpdateContainerResources, ContainerStatus.resources.linux has the new limits.",
    async run(context) {
      const container = await context.start(context.commands.run);
      await context.runtime.updateContainerResources({
        containerId: container.id,
        linux: { cpuShares: 300n },
      });
      assert.equal((await container.status()).resources?.linux?.cpuShares, 300n);
    },
  },
  "update-leaves-the-rest": {
    title: "an update changes only the fields that it sets",
    rule: "Zero fields of UpdateContainerResourcesRequest.linux leave the limits as they are.",
    async run(context) {
      const resources = { cpuShares: 256n, memoryLimitInBytes: 134_217_728n };
      const container = await context.start(context.commands.run, { linux: { resources } });
      await context.runtime.updateContainerResources({
        containerId: container.id,
        linux: { cpuShares: 512n },
      });
      const reported = (await container.status()).resources?.linux;
      assert.deepEqual([reported?.cpuShares, reported?.memoryLimitInBytes], [512n, 134_217_728n]);
    },
  },
  "updates-a-created-one": {
    title: "the resources of a container that has not started can be changed",
    rule: "UpdateContainerResources accepts a container in CONTAINER_CREATED, which starts with the new limits.",
    async run(context) {
      const container = await context.create(context.commands.run);
      await context.runtime.updateContainerResources({
        containerId: container.id,
        linux: { cpuShares: 300n },
      });
      await container.start();
      assert.equal((await container.status()).state, ContainerState.CONTAINER_RUNNING);
    },
  },
});
