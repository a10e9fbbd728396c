// RuntimeService on an engine. The RPCs that are missing here fail with Unimplemented, since the engine cannot do them: checkpoints
// (only with an experimental engine and CRIU), and UpdatePodSandboxResources, which would have to change labels.
import { criError, type Services, type StreamingServer } from "cri-sdk/server";
import { CgroupDriver, ContainerEventType } from "cri-sdk/v1";
import type { Containers } from "./containers.js";
import type { EngineInfo } from "./engine/api.js";
import type { Engine } from "./engine/client.js";
import { messageOf, missingIsUndefined } from "./errors.js";
import type { Change, EventFeed } from "./events.js";
import type { PodNetwork } from "./network/pod-network.js";
import { noSandbox, type Objects } from "./objects.js";
import type { Sandboxes } from "./sandboxes.js";
import type { Sessions } from "./sessions/sessions.js";
import type { StatsService } from "./stats/stats-service.js";
import { containerStatus } from "./status.js";
import { containerInfo, sandboxInfo } from "./verbose.js";

/** How much a message of a streamed list has. */
const [pageLength, pageBytes] = [500, 2 ** 20];

export interface RuntimeParts {
  readonly engine: Engine;
  readonly info: () => Promise<EngineInfo>;
  readonly objects: Objects;
  readonly sandboxes: Sandboxes;
  readonly containers: Containers;
  readonly network: PodNetwork;
  readonly sessions: Sessions;
  readonly stats: StatsService;
  readonly streaming: StreamingServer;
  readonly events: EventFeed<PodEvent>;
}

/** Returns an event with the statuses of its pod. */
export async function describeChange(
  { objects, sandboxes, containers }: Pick<RuntimeParts, "objects" | "sandboxes" | "containers">,
  { id, sandboxId, type, time }: Change,
) {
  // Everything that can take long comes first: the statuses must not be those of different moments.
  await sandboxes.settled(sandboxId);
  await containers.finishLogs(await objects.containers(sandboxId));
  const sandbox = await missingIsUndefined(objects.sandbox(sandboxId));
  const members = (await objects.containers(sandboxId)).filter(
    (member) => type !== ContainerEventType.CONTAINER_DELETED_EVENT || member.id !== id,
  );
  const statuses = await Promise.all(
    members.map(async (member) => {
      const container = await missingIsUndefined(objects.container(member.id));
      return container && containerStatus(container);
    }),
  );
  return {
    containerId: id,
    containerEventType: type,
    createdAt: time,
    podSandboxStatus: sandbox && (await sandboxes.status(sandbox)),
    containersStatuses: statuses.filter((status) => status !== undefined),
  };
}

export type PodEvent = Awaited<ReturnType<typeof describeChange>>;

export function runtimeService(parts: RuntimeParts): NonNullable<Services["runtime"]> {
  const { engine, info, objects, sandboxes, containers, network, sessions, stats, streaming, events } = parts;

  const running = async (id: string): Promise<string> => (await objects.runningContainer(id)).id;

  return {
    async version() {
      const { Version } = await engine.version();
      const [runtimeVersion = Version] = Version.split("+");
      return { version: "0.1.0", runtimeName: "docker", runtimeVersion, runtimeApiVersion: "v1" };
    },
    async status({ verbose }) {
      const [runtime, pods] = await Promise.all([problemOf(info), network.problem()]);
      const problem = typeof runtime === "string" ? runtime : undefined;
      const handlers = typeof runtime === "string" ? [] : Object.keys(runtime.Runtimes);
      const features = {
        recursiveReadOnlyMounts: problem === undefined && (await engine.supports("1.44")),
        userNamespaces: false,
      };
      return {
        status: {
          conditions: [
            condition("RuntimeReady", "DockerDaemonNotReady", problem),
            condition("NetworkReady", "NetworkPluginNotReady", pods),
          ],
        },
        runtimeHandlers: ["", ...handlers].map((name) => ({ name, features })),
        features: { supplementalGroupsPolicy: false },
        info: verbose && problem === undefined ? { info: JSON.stringify(runtime) } : {},
      };
    },
    async runtimeConfig() {
      const { CgroupDriver: driver } = await info();
      return { linux: { cgroupDriver: driver === "systemd" ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS } };
    },
    // The pod CIDR is part of the CNI configuration, which the shim only reads, as containerd does without a template.
    updateRuntimeConfig: () => ({}),

    async runPodSandbox({ config, runtimeHandler }, { signal }) {
      if (runtimeHandler && !Object.hasOwn((await info()).Runtimes, runtimeHandler))
        throw criError(
          "unknown_runtime_handler",
          `no runtime for ${JSON.stringify(runtimeHandler)} is configured`,
        );
      return { podSandboxId: await sandboxes.run(config, runtimeHandler, signal) };
    },
    async stopPodSandbox({ podSandboxId }) {
      await sandboxes.stop(podSandboxId);
      return {};
    },
    async removePodSandbox({ podSandboxId }) {
      await sandboxes.remove(podSandboxId);
      return {};
    },
    async podSandboxStatus({ podSandboxId, verbose }, { signal }) {
      const sandbox = await objects.sandbox(podSandboxId, signal);
      if (sandboxes.isStarting(sandbox.id)) throw noSandbox(podSandboxId);
      return { status: await sandboxes.status(sandbox), info: verbose ? sandboxInfo(sandbox) : {} };
    },
    async listPodSandbox({ filter }, { signal }) {
      return { items: await sandboxes.list(filter, signal) };
    },
    async *streamPodSandboxes({ filter }, { signal }) {
      for (const podSandboxes of pages(await sandboxes.list(filter, signal))) yield { podSandboxes };
    },

    async createContainer({ podSandboxId, config }, { signal }) {
      const sandbox = await objects.sandbox(podSandboxId);
      if (!sandboxes.isReady(sandbox)) throw criError("wrong_state", `sandbox ${podSandboxId} is not ready`);
      return { containerId: await containers.create(sandbox, config, signal) };
    },
    async startContainer({ containerId }) {
      await containers.start(containerId);
      return {};
    },
    async stopContainer({ containerId, timeout }, { signal }) {
      const container = await missingIsUndefined(objects.container(containerId));
      // The engine takes a negative time for "wait for ever".
      if (container) await containers.stop(container.id, Math.max(0, Number(timeout)), signal);
      return {};
    },
    async removeContainer({ containerId }) {
      const container = await missingIsUndefined(objects.container(containerId));
      if (container) await containers.remove(container.id);
      return {};
    },
    async containerStatus({ containerId, verbose }, { signal }) {
      const container = await objects.container(containerId, signal);
      return { status: await containers.status(container), info: verbose ? containerInfo(container) : {} };
    },
    async listContainers({ filter }, { signal }) {
      return { containers: await containers.list(filter, signal) };
    },
    async *streamContainers({ filter }, { signal }) {
      for (const page of pages(await containers.list(filter, signal))) yield { containers: page };
    },
    async updateContainerResources({ containerId, linux }) {
      await containers.update(containerId, linux);
      return {};
    },
    async reopenContainerLog({ containerId }) {
      await containers.reopenLog(containerId);
      return {};
    },

    async execSync({ containerId, cmd, timeout }, { signal }) {
      return sessions.execSync(await running(containerId), cmd, Number(timeout), signal);
    },
    async exec(request) {
      return streaming.exec({ ...request, containerId: await running(request.containerId) });
    },
    async attach(request) {
      return streaming.attach({ ...request, containerId: await running(request.containerId) });
    },
    async portForward(request) {
      const sandbox = await objects.sandbox(request.podSandboxId);
      if (!sandboxes.isReady(sandbox))
        throw criError("wrong_state", `sandbox ${request.podSandboxId} is not ready`);
      return streaming.portForward({ ...request, podSandboxId: sandbox.id });
    },

    containerStats: ({ containerId }, { signal }) => stats.container(containerId, signal),
    listContainerStats: ({ filter }, { signal }) => stats.containers(filter, signal),
    async *streamContainerStats({ filter }, { signal }) {
      const all = await stats.containers(filter, signal);
      for (const containerStats of pages(all.stats)) yield { containerStats };
    },
    podSandboxStats: ({ podSandboxId }, { signal }) => stats.pod(podSandboxId, signal),
    listPodSandboxStats: ({ filter }, { signal }) => stats.pods(filter, signal),
    async *streamPodSandboxStats({ filter }, { signal }) {
      const all = await stats.pods(filter, signal);
      for (const podSandboxStats of pages(all.stats)) yield { podSandboxStats };
    },
    listMetricDescriptors: () => stats.descriptors(),
    listPodSandboxMetrics: (_, { signal }) => stats.metrics(signal),
    async *streamPodSandboxMetrics(_, { signal }) {
      const all = await stats.metrics(signal);
      for (const podSandboxMetrics of pages(all.podMetrics)) yield { podSandboxMetrics };
    },

    getContainerEvents: (_, { signal }) => events.subscribe(signal),
  };
}

async function problemOf(info: () => Promise<EngineInfo>): Promise<EngineInfo | string> {
  try {
    return await info();
  } catch (error) {
    return messageOf(error);
  }
}

function condition(type: string, reason: string, problem: string | undefined) {
  return {
    type,
    status: problem === undefined,
    reason: problem === undefined ? "" : reason,
    message: problem ?? "",
  };
}

/** Cuts a list into messages that every client can receive. An empty list is one empty message. */
function* pages<T>(all: readonly T[]): Generator<T[]> {
  let page: T[] = [];
  let bytes = 0;
  for (const item of all) {
    const size = textLength(item);
    if (page.length > 0 && (page.length >= pageLength || bytes + size > pageBytes)) {
      yield page;
      [page, bytes] = [[], 0];
    }
    page.push(item);
    bytes += size;
  }
  yield page;
}

/** Returns the length of all texts in a value: nearly all of an entry that is large. */
function textLength(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce((total, [key, part]) => total + key.length + textLength(part), 0);
}
