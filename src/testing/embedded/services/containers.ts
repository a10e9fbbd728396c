import { ContainerConfigSchema } from "../../../../gen/runtime/v1/api_pb.js";
import type { RuntimeImplementation } from "../../../server/index.js";
import { execSync, runningProcess } from "../commands.js";
import { createContainer, removeContainer, startContainer, stopContainer } from "../container-life.js";
import type { Machine } from "../machine.js";
import { updated } from "../resources.js";
import { chunks, filterContainers } from "./filters.js";
import { goConfig, info } from "./info.js";

/** The RPCs on containers, without those that give a URL. */
export function containerService(machine: Machine) {
  const { sandboxes, containers, refusals } = machine;
  return {
    async createContainer({ podSandboxId, config }) {
      if (!config) throw refusals.invalid("config", "is missing");
      const sandbox = sandboxes.get(podSandboxId);
      return { containerId: (await createContainer(machine, sandbox, config)).id };
    },
    async startContainer({ containerId }) {
      await startContainer(machine, containers.get(containerId));
      return {};
    },
    async stopContainer({ containerId, timeout }, { signal }) {
      const container = containers.find(containerId);
      if (container) await stopContainer(machine, container, Number(timeout) * 1_000, signal);
      return {};
    },
    async removeContainer({ containerId }) {
      const container = containers.find(containerId);
      if (container) await removeContainer(machine, container);
      return {};
    },
    listContainers({ filter }) {
      return { containers: Array.from(filterContainers(machine, filter), (container) => container.item()) };
    },
    async *streamContainers({ filter }) {
      for (const chunk of chunks(filterContainers(machine, filter)))
        yield { containers: chunk.map((container) => container.item()) };
    },
    containerStatus({ containerId, verbose }) {
      const container = containers.get(containerId);
      const { sandbox, config, main } = container;
      const more = { sandboxID: sandbox.id, pid: main?.pid ?? 0, driver: machine.driver.kind };
      const told =
        verbose && machine.profile.tellsConfigs ? goConfig(ContainerConfigSchema, config) : undefined;
      return { status: container.status(), info: verbose ? info(more, told) : {} };
    },
    updateContainerResources({ containerId, linux, annotations }) {
      const container = containers.get(containerId);
      if (linux) container.resources = updated(container.resources, linux);
      Object.assign(container.config.annotations, annotations);
      return {};
    },
    async reopenContainerLog({ containerId }) {
      const container = containers.get(containerId);
      if (!container.running) throw refusals.state("container is not running");
      await runningProcess(machine, container).reopenLog();
      return {};
    },
    execSync({ containerId, cmd, timeout }, { signal }) {
      return execSync(machine, containers.get(containerId), cmd, Number(timeout) * 1_000, signal);
    },
    async *getContainerEvents(_, { signal }) {
      yield* machine.events.subscribe(signal);
    },
  } satisfies RuntimeImplementation;
}
