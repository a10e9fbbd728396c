import assert from "node:assert/strict";
import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";
import { rejected } from "../rejection.js";

/** A container that has exited with code 0. */
async function exitedOne(context: ConformanceContext) {
  const container = await context.start(context.commands.exit(0));
  const status = await container.exited();
  return { container, status };
}

/** What cannot be done in a state. */
export const stateErrorCases = casesOf("errors", {
  "start-of-a-running-one": {
    title: "a running container cannot be started again, and runs on",
    rule: "StartContainer fails for a container that is not in CONTAINER_CREATED.",
    async run(context) {
      const container = await context.start(context.commands.run);
      const before = await container.status();
      await rejected(container.start());
      assert.deepEqual(await container.status(), before);
    },
  },
  "start-of-an-exited-one": {
    title: "an exited container cannot be started again, and stays what it is",
    rule: "StartContainer fails for a container in CONTAINER_EXITED: a restart is a new container.",
    async run(context) {
      const { container, status } = await exitedOne(context);
      await rejected(container.start());
      assert.deepEqual(await container.status(), status);
    },
  },
  "exec-sync-in-a-created-one": {
    title: "a command cannot be run in a container that has not started",
    rule: "ExecSync fails for a container in CONTAINER_CREATED.",
    async run(context) {
      const { id } = await context.create(context.commands.run);
      await rejected(context.runtime.execSync({ containerId: id, cmd: [...context.commands.exit(0)] }));
    },
  },
  "exec-sync-in-an-exited-one": {
    title: "a command cannot be run in a container that has exited",
    rule: "ExecSync fails for a container in CONTAINER_EXITED.",
    async run(context) {
      const { container } = await exitedOne(context);
      await rejected(
        context.runtime.execSync({ containerId: container.id, cmd: [...context.commands.exit(0)] }),
      );
    },
  },
  "exec-in-a-created-one": {
    title: "there is no URL for a command in a container that has not started",
    rule: "Exec fails for a container in CONTAINER_CREATED.",
    async run(context) {
      const { id } = await context.create(context.commands.run);
      await rejected(
        context.runtime.exec({ containerId: id, cmd: [...context.commands.exit(0)], stdout: true }),
      );
    },
  },
  "exec-in-an-exited-one": {
    title: "there is no URL for a command in a container that has exited",
    rule: "Exec fails for a container in CONTAINER_EXITED.",
    async run(context) {
      const { id } = (await exitedOne(context)).container;
      await rejected(
        context.runtime.exec({ containerId: id, cmd: [...context.commands.exit(0)], stdout: true }),
      );
    },
  },
  "attach-to-an-exited-one": {
    title: "there is no URL to attach to a container that has exited",
    rule: "Attach fails for a container in CONTAINER_EXITED.",
    async run(context) {
      const { container } = await exitedOne(context);
      await rejected(context.runtime.attach({ containerId: container.id, stdout: true }));
    },
  },
  "reopen-log-of-an-exited-one": {
    title: "the log of a container that has exited cannot be reopened",
    rule: "ReopenContainerLog fails for a container that does not run.",
    async run(context) {
      const { container } = await exitedOne(context);
      await rejected(context.runtime.reopenContainerLog({ containerId: container.id }));
    },
  },
  "port-forward-to-a-stopped-one": {
    title: "there is no URL for the ports of a stopped sandbox",
    rule: "PortForward fails for a sandbox in SANDBOX_NOTREADY.",
    async run(context) {
      const { id } = await context.stoppedPod();
      await rejected(context.runtime.portForward({ podSandboxId: id, port: [80] }));
    },
  },
  "create-in-a-stopped-one": {
    title: "no container can be created in a stopped sandbox",
    rule: "CreateContainer fails for a sandbox in SANDBOX_NOTREADY.",
    async run(context) {
      const pod = await context.stoppedPod();
      await rejected(pod.create(context.commands.run));
    },
  },
  "start-in-a-stopped-one": {
    title: "no container can be started in a stopped sandbox",
    rule: "StartContainer fails where the sandbox is in SANDBOX_NOTREADY.",
    async run(context) {
      const pod = await context.pod();
      const container = await pod.create(context.commands.run);
      await context.runtime.stopPodSandbox({ podSandboxId: pod.id });
      await rejected(container.start());
    },
  },
  "create-of-a-used-name-keeps-it": {
    title: "a failed creation leaves the container of that name as it is",
    rule: "A CreateContainer for a name that is taken changes nothing in the container that has it.",
    async run(context) {
      const container = await context.start(context.commands.run);
      const before = await container.status();
      await context
        .create(context.commands.exit(1), { metadata: { name: container.name } })
        .catch(() => undefined);
      assert.deepEqual(await container.status(), before);
    },
  },
});
