import { casesOf } from "../case.js";
import type { ConformanceContext } from "../context.js";
import { rejected } from "../rejection.js";

const none = "0123456789abcdef".repeat(4);

/** A case that an RPC answers NotFound for an id that is not there. */
function notFound(rpc: string, field: string, call: (context: ConformanceContext) => Promise<unknown>) {
  return {
    title: `${rpc} of what is not there answers NotFound`,
    rule: `${rpc} with an unknown ${field} fails with the code NotFound.`,
    async run(context: ConformanceContext) {
      await rejected(call(context), "not_found");
    },
  };
}

const pod = { podSandboxId: none };
const container = { containerId: none };

/** Ids that are not there, RPC by RPC. */
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
