import type { ContainerStats, PodSandboxStats } from "../../../../gen/runtime/v1/api_pb.js";
import type { RuntimeImplementation } from "../../../server/index.js";
import type { Machine } from "../machine.js";
import { metricDescriptors, metricsOf } from "../metrics.js";
import type { Sandbox } from "../objects/sandbox.js";
import { Usage } from "../usage.js";
import { chunks, filterContainers, filterSandboxes } from "./filters.js";

/** The RPCs on what containers and pods use. Lists leave out what does not run. */
export function statsService(machine: Machine) {
  const { containers, sandboxes, refusals, profile } = machine;
  const usage = new Usage(machine);
  const ofContainers = async (filter: Parameters<typeof filterContainers>[1]): Promise<ContainerStats[]> => {
    const all = [...filterContainers(machine, filter)].map((container) => usage.container(container));
    return (await Promise.all(all)).filter((stats) => stats !== undefined);
  };
  const ofPods = (filter?: Parameters<typeof filterSandboxes>[1]): Promise<PodSandboxStats[]> => {
    const ready = [...filterSandboxes(machine, filter)].filter((sandbox: Sandbox) => sandbox.ready);
    return Promise.all(ready.map((sandbox) => usage.pod(sandbox)));
  };
  return {
    async containerStats({ containerId }) {
      const container = containers.get(containerId);
      const stats = await usage.container(container);
      if (stats) return { stats };
      if (profile.statsOfStopped === "empty") return {};
      throw refusals.state(`container is in ${container.stateName} state`);
    },
    listContainerStats: async ({ filter }) => ({ stats: await ofContainers(filter) }),
    async *streamContainerStats({ filter }) {
      for (const containerStats of chunks(await ofContainers(filter))) yield { containerStats };
    },
    async podSandboxStats({ podSandboxId }) {
      const sandbox = sandboxes.get(podSandboxId);
      if (!sandbox.ready && profile.statsOfStopped === "refused")
        throw refusals.state("sandbox container is not running");
      return { stats: await usage.pod(sandbox) };
    },
    listPodSandboxStats: async ({ filter }) => ({ stats: await ofPods(filter) }),
    async *streamPodSandboxStats({ filter }) {
      for (const podSandboxStats of chunks(await ofPods(filter))) yield { podSandboxStats };
    },
    listMetricDescriptors: () => ({ descriptors: [...metricDescriptors] }),
    listPodSandboxMetrics: async () => ({ podMetrics: (await ofPods()).map(metricsOf) }),
    async *streamPodSandboxMetrics() {
      for (const chunk of chunks(await ofPods())) yield { podSandboxMetrics: chunk.map(metricsOf) };
    },
  } satisfies RuntimeImplementation;
}
