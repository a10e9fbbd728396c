import { PodSandboxConfigSchema } from "../../../../gen/runtime/v1/api_pb.js";
import type { RuntimeImplementation } from "../../../server/index.js";
import type { Machine } from "../machine.js";
import { updated } from "../resources.js";
import { removeSandbox, runSandbox, stopSandbox } from "../sandbox-life.js";
import { chunks, filterSandboxes } from "./filters.js";
import { goConfig, info } from "./info.js";

/** The RPCs on sandboxes. */
export function sandboxService(machine: Machine) {
  const { sandboxes, refusals, clock, profile } = machine;
  return {
    runPodSandbox({ config, runtimeHandler }) {
      if (!config) throw refusals.invalid("config", "is missing");
      return { podSandboxId: runSandbox(machine, config, runtimeHandler).id };
    },
    async stopPodSandbox({ podSandboxId }) {
      const sandbox = sandboxes.find(podSandboxId);
      if (sandbox) await stopSandbox(machine, sandbox);
      return {};
    },
    async removePodSandbox({ podSandboxId }) {
      const sandbox = sandboxes.find(podSandboxId);
      if (sandbox) await removeSandbox(machine, sandbox);
      return {};
    },
    podSandboxStatus({ podSandboxId, verbose }) {
      const sandbox = sandboxes.get(podSandboxId);
      const { config, runtimeHandler, pod } = sandbox;
      return {
        status: sandbox.status(),
        containersStatuses: [...sandbox.containers].map((container) => container.status()),
        timestamp: clock.now(),
        info: verbose
          ? info(
              { runtimeHandler, hostname: pod.hostname, ip: pod.ip ?? "" },
              profile.tellsConfigs ? goConfig(PodSandboxConfigSchema, config) : undefined,
            )
          : {},
      };
    },
    listPodSandbox({ filter }) {
      return { items: Array.from(filterSandboxes(machine, filter), (sandbox) => sandbox.item()) };
    },
    async *streamPodSandboxes({ filter }) {
      for (const chunk of chunks(filterSandboxes(machine, filter)))
        yield { podSandboxes: chunk.map((sandbox) => sandbox.item()) };
    },
    updatePodSandboxResources({ podSandboxId, overhead, resources }) {
      const sandbox = sandboxes.get(podSandboxId);
      if (overhead) sandbox.overhead = updated(sandbox.overhead, overhead);
      if (resources) sandbox.resources = updated(sandbox.resources, resources);
      return {};
    },
  } satisfies RuntimeImplementation;
}
