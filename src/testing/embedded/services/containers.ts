import { rm } from "node:fs/promises";
import { ContainerConfigSchema } from "../../../../gen/runtime/v1/api_pb.js";
import type { RuntimeImplementation } from "../../../server/index.js";
import { createContainer, removeContainer, startContainer, stopContainer } from "../container-lifecycle.js";
import { execSync, runningProcess } from "../exec.js";
import { mergeResources } from "../objects.js";
import type { RuntimeState } from "../runtime-state.js";
import { chunks, filterContainers } from "./filters.js";
import { goConfig, verboseInfo } from "./verbose-info.js";

/** The RPCs about containers, except those that return a streaming URL. */
export function containerService(state: RuntimeState) {
  const { sandboxes, containers, errors, profile } = state;
  return {
    async createContainer({ podSandboxId, config }) {
      if (!config) throw errors.invalidRequest("config", "is missing");
      const sandbox = sandboxes.get(podSandboxId);
      return { containerId: (await createContainer(state, sandbox, config)).id };
    },
    async startContainer({ containerId }) {
      await startContainer(state, containers.get(containerId));
      return {};
    },
    async stopContainer({ containerId, timeout }, { signal }) {
      const container = containers.find(containerId);
      if (container) await stopContainer(state, container, Number(timeout) * 1_000, signal);
      return {};
    },
    async removeContainer({ containerId }, call) {
      const container = containers.find(containerId);
      if (container) await removeContainer(state, container, call);
      return {};
    },
    listContainers({ filter }) {
      return { containers: Array.from(filterContainers(state, filter), (container) => container.item()) };
    },
    async *streamContainers({ filter }) {
      for (const chunk of chunks(filterContainers(state, filter)))
        yield { containers: chunk.map((container) => container.item()) };
    },
    containerStatus({ containerId, verbose }) {
      const container = containers.get(containerId);
      if (!verbose) return { status: container.status(), info: {} };
      const { sandbox, config, main } = container;
      const fields = { sandboxID: sandbox.id, pid: main?.pid ?? 0, driver: state.driver.kind };
      const goJson = profile.reportsConfigs ? goConfig(ContainerConfigSchema, config) : undefined;
      return { status: container.status(), info: verboseInfo(fields, goJson) };
    },
    updateContainerResources({ containerId, linux, annotations }) {
      const container = containers.get(containerId);
      if (linux) container.resources = mergeResources(container.resources, linux);
      Object.assign(container.config.annotations, annotations);
      return {};
    },
    async reopenContainerLog({ containerId }) {
      const container = containers.get(containerId);
      if (!container.isRunning) throw errors.wrongState("container is not running");
      const main = runningProcess(state, container);
      // CRI-O opens a new file under another name, and gives it the name of the log.
      if (profile.reopenTruncates && container.logPath) await rm(container.logPath, { force: true });
      await main.reopenLog();
      return {};
    },
    execSync({ containerId, cmd, timeout }, { signal }) {
      return execSync(state, containers.get(containerId), cmd, Number(timeout) * 1_000, signal);
    },
    async *getContainerEvents(_, { signal }) {
      yield* state.events.subscribe(signal);
    },
  } satisfies RuntimeImplementation;
}
