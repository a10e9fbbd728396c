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

/** Operations that a state does not allow. */
export const stateErrorCases = casesOf("errors", {
  "start-of-a-running-one": {
    title: "a running container cannot be started again and keeps running",
    rule: "StartContainer fails for a container that is not in CONTAINER_CREATED.",
    async run(context) {
      const container = await context.start(context.commands.run);
      const before = await container.status();
      await rejected(container.start());
      assert.deepEqual(await container.status(), before);
    },
  },
  "start-of-an-exited-one": {
    title: "an exited container cannot be started again and stays exited",
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
    title: "Exec fails in a container that has not started",
    rule: "Exec fails for a container in CONTAINER_CREATED.",
    async run(context) {
      const { id } = await context.create(context.commands.run);
      await rejected(
        context.runtime.exec({ containerId: id, cmd: [...context.commands.exit(0)], stdout: true }),
      );
    },
  },
  "exec-in-an-exited-one": {
    title: "Exec fails in a container that has exited",
    rule: "Exec fails for a container in CONTAINER_EXITED.",
    async run(context) {
      const { id } = (await exitedOne(context)).container;
      await rejected(
        context.runtime.exec({ containerId: id, cmd: [...context.commands.exit(0)], stdout: true }),
      );
    },
  },
  "attach-to-an-exited-one": {
    title: "Attach fails for a container that has exited",
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
    title: "PortForward fails for a stopped sandbox",
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
      const request = { podSandboxId: pod.id };
      // CRI-O gives a container that never ran until the deadline, after which the sandbox is stopped at the next call.
      await context.runtime
        .stopPodSandbox(request, { timeoutMs: 5_000 })
        .catch(() => context.runtime.stopPodSandbox(request));
      await rejected(container.start());
    },
  },
  "create-of-a-used-name-keeps-it": {
    title: "a failed creation leaves the container of that name as it is",
    rule: "A CreateContainer for a reserved name does not change the existing container.",
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

const none = "0123456789abcdef".repeat(4);

/** Creates a case: an RPC fails with NotFound for an unknown id. */
function notFound(rpc: string, field: string, call: (context: ConformanceContext) => Promise<unknown>) {
  return {
    title: `${rpc} fails with NotFound for an unknown id`,
    rule: `${rpc} with an unknown ${field} fails with the code NotFound.`,
    async run(context: ConformanceContext) {
      await rejected(call(context), "not_found");
    },
  };
}

const pod = { podSandboxId: none };
const container = { containerId: none };

/** Unknown ids, RPC by RPC. */
export const unknownIdCases = casesOf("errors", {
  "pod-sandbox-status-of-none": notFound("PodSandboxStatus", "pod_sandbox_id", ({ runtime }) =>
    runtime.podSandboxStatus(pod),
  ),
  "container-status-of-none": notFound("ContainerStatus", "container_id", ({ runtime }) =>
    runtime.containerStatus(container),
  ),
  "start-of-none": notFound("StartContainer", "container_id", ({ runtime }) =>
    runtime.startContainer(container),
  ),
  "create-in-none": notFound("CreateContainer", "pod_sandbox_id", async (context) => {
    const { name } = await context.sharedPod().then(({ config }) => config.metadata);
    const config = {
      metadata: { name, attempt: 0 },
      image: { image: context.images.main },
      command: [...context.commands.run],
    };
    return context.runtime.createContainer({ ...pod, config, sandboxConfig: context.podConfig() });
  }),
  "exec-sync-in-none": notFound("ExecSync", "container_id", ({ runtime, commands }) =>
    runtime.execSync({ ...container, cmd: [...commands.exit(0)] }),
  ),
  "exec-in-none": notFound("Exec", "container_id", ({ runtime, commands }) =>
    runtime.exec({ ...container, cmd: [...commands.exit(0)], stdout: true }),
  ),
  "attach-to-none": notFound("Attach", "container_id", ({ runtime }) =>
    runtime.attach({ ...container, stdout: true }),
  ),
  "port-forward-to-none": notFound("PortForward", "pod_sandbox_id", ({ runtime }) =>
    runtime.portForward({ ...pod, port: [80] }),
  ),
  "container-stats-of-none": notFound("ContainerStats", "container_id", ({ runtime }) =>
    runtime.containerStats(container),
  ),
  "pod-stats-of-none": notFound("PodSandboxStats", "pod_sandbox_id", ({ runtime }) =>
    runtime.podSandboxStats(pod),
  ),
  "update-of-none": notFound("UpdateContainerResources", "container_id", ({ runtime }) =>
    runtime.updateContainerResources({ ...container, linux: { cpuShares: 512n } }),
  ),
  "reopen-log-of-none": notFound("ReopenContainerLog", "container_id", ({ runtime }) =>
    runtime.reopenContainerLog(container),
  ),
});
