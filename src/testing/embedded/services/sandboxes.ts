import { PodSandboxConfigSchema } from "../../../../gen/runtime/v1/api_pb.js";
import type { RuntimeImplementation } from "../../../server/index.js";
import { mergeResources } from "../objects.js";
import type { RuntimeState } from "../runtime-state.js";
import { removeSandbox, runSandbox, stopSandbox } from "../sandbox-lifecycle.js";
import { chunks, filterSandboxes } from "./filters.js";
import { crioSpec, goConfig, verboseInfo } from "./verbose-info.js";

/** The RPCs about sandboxes. */
export function sandboxService(state: RuntimeState) {
  const { sandboxes, errors, clock, profile } = state;
  return {
    async runPodSandbox({ config, runtimeHandler }, { signal }) {
      if (!config) throw errors.invalidRequest("config", "is missing");
      return { podSandboxId: (await runSandbox(state, config, runtimeHandler, signal)).id };
    },
    async stopPodSandbox({ podSandboxId }, call) {
      const sandbox = sandboxes.find(podSandboxId);
      if (sandbox) await stopSandbox(state, sandbox, call);
      return {};
    },
    async removePodSandbox({ podSandboxId }, call) {
      const sandbox = sandboxes.find(podSandboxId);
      if (sandbox) await removeSandbox(state, sandbox, call);
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
          ? verboseInfo(
              {
                ...{ runtimeHandler, hostname: pod.hostname, ip: pod.ip ?? "" },
                ...(profile.reportsConfigs ? {} : { runtimeSpec: crioSpec(sandbox) }),
              },
              profile.reportsConfigs ? goConfig(PodSandboxConfigSchema, config) : undefined,
            )
          : {},
      };
    },
    listPodSandbox({ filter }) {
      return { items: Array.from(filterSandboxes(state, filter), (sandbox) => sandbox.item()) };
    },
    async *streamPodSandboxes({ filter }) {
      for (const chunk of chunks(filterSandboxes(state, filter)))
        yield { podSandboxes: chunk.map((sandbox) => sandbox.item()) };
    },
    updatePodSandboxResources({ podSandboxId, overhead, resources }) {
      const sandbox = sandboxes.get(podSandboxId);
      if (overhead) sandbox.overhead = mergeResources(sandbox.overhead, overhead);
      if (resources) sandbox.resources = mergeResources(sandbox.resources, resources);
      return {};
    },
  } satisfies RuntimeImplementation;
}
