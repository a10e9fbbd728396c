import {
  type Container,
  ContainerState,
  type ContainerStats,
  type PodSandbox,
  PodSandboxState,
  type PodSandboxStats,
} from "../../gen/runtime/v1/api_pb.js";
import type { Lists, RuntimeClient } from "../clients/index.js";
import {
  type CallOptions,
  type CriError,
  criError,
  nanosToDate,
  OptionTable,
  option,
} from "../core/index.js";
import { allOrAbort } from "./calls.js";
import { containerUsage, podNames, podUsage } from "./from-messages.js";
import { type ListOrEachResult, listOrEach } from "./list-or-each.js";
import type { ContainerOrigin, ContainerUsage, PodUsage } from "./usage.js";

/** The clients that {@link Stats} is built on. */
export interface StatsParts {
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
  /** The endpoint in errors. */
  readonly endpoint: string;
  /** Fires when the client is closed. */
  readonly closing: AbortSignal;
}

/** Selects containers by all conditions that are set. */
export interface ContainerUsageFilter {
  /** The container's id or a prefix of it. */
  readonly id?: string | undefined;
  /** The sandbox's id or a prefix of it. */
  readonly podId?: string | undefined;
  /** Labels that the container must have, with these values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Selects pods by all conditions that are set. */
export interface PodUsageFilter {
  /** The sandbox's id or a prefix of it. */
  readonly id?: string | undefined;
  /** Labels that the pod must have, with these values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** The fields of {@link ContainerUsageFilter}. */
export const containerUsageFilterTable = new OptionTable<ContainerUsageFilter>({
  id: option.string,
  podId: option.string,
  labels: option.recordOf(option.string),
});

/** The fields of {@link PodUsageFilter}. */
export const podUsageFilterTable = new OptionTable<PodUsageFilter>({
  id: option.string,
  labels: option.recordOf(option.string),
});

/** A running pod or container whose usage could not be read. */
export interface FailedUsage {
  /** The kind of the object. */
  readonly kind: "pod" | "container";
  /** The id of the pod or container. */
  readonly id: string;
  /** The name of the pod or container. */
  readonly name: string;
  /** The namespace of the pod. For a container's pod, this field and the two below are "" when unknown. */
  readonly namespace: string;
  /** The name of the pod. */
  readonly podName: string;
  /** The uid of the pod. */
  readonly podUid: string;
  /** The id of the sandbox. */
  readonly podId: string;
  /** The error of the reading: `cgroup_parent_missing`, `deadline`, `runtime_error` or another one. */
  readonly error: CriError;
}

/** Usage data, and the objects whose usage could not be read. */
export interface UsageList<T> {
  /** The usage data. */
  readonly items: readonly T[];
  /** Usually empty. */
  readonly failed: readonly FailedUsage[];
}

/** Converts a filter of containers to CRI's, which ListContainers and ListContainerStats share. */
function criFilter({ id, podId, labels }: ContainerUsageFilter) {
  return {
    ...(id === undefined ? {} : { id }),
    ...(podId === undefined ? {} : { podSandboxId: podId }),
    ...(labels === undefined ? {} : { labelSelector: { ...labels } }),
  };
}

/** Data that CRI's stats lack, by id, from ListContainers and ListPodSandbox. */
export interface Origins {
  /** The pods of the containers. */
  readonly containers: ReadonlyMap<string, ContainerOrigin>;
  /** The creation times of the pods, in nanoseconds since 1970. */
  readonly podsCreatedAtNanos: ReadonlyMap<string, bigint>;
}

/** Lists containers and pods for their origins. */
export async function readOrigins(
  lists: Lists,
  filter: ContainerUsageFilter,
  call: CallOptions,
): Promise<Origins> {
  const { podId } = filter;
  const [containers, pods] = await Promise.all([
    lists.containers(criFilter(filter), call).collect(),
    lists.podSandboxes(podId === undefined ? {} : { id: podId }, call).collect(),
  ]);
  const podsById = new Map(pods.map((pod) => [pod.id, pod]));
  return {
    containers: new Map(
      containers.map(({ id, podSandboxId, createdAt }) => {
        const { name = "", namespace = "", uid = "" } = podsById.get(podSandboxId)?.metadata ?? {};
        const pod = { podId: podSandboxId, podName: name, podNamespace: namespace, podUid: uid };
        return [id, { ...pod, createdAt: nanosToDate(createdAt) }];
      }),
    ),
    podsCreatedAtNanos: new Map(pods.map(({ id, createdAt }) => [id, createdAt])),
  };
}

/** Reads the usage of containers, newest first. */
export async function readContainers(
  parts: StatsParts,
  filter: ContainerUsageFilter,
  options: CallOptions,
): Promise<UsageList<ContainerUsage>> {
  const [stats, origins] = await allOrAbort(options.signal, [
    (signal) => readContainerStats(parts, filter, { ...options, signal }),
    (signal) => readOrigins(parts.lists, filter, { ...options, signal }),
  ]);
  return toContainerUsages(stats, origins);
}

/** The stats of containers, which have no reference to their pods. */
export type ContainerStatsResult = ListOrEachResult<ContainerStats, Container>;

/** Reads the stats of containers. */
export function readContainerStats(
  { runtime, lists }: StatsParts,
  filter: ContainerUsageFilter,
  options: CallOptions,
): Promise<ContainerStatsResult> {
  const running = { state: { state: ContainerState.CONTAINER_RUNNING } };
  return listOrEach<ContainerStats, Container>(
    {
      list: (call) => lists.containerStats(criFilter(filter), call).collect(),
      running: (call) => lists.containers({ ...criFilter(filter), ...running }, call).collect(),
      one: async ({ id }, call) => (await runtime.containerStats({ containerId: id }, call)).stats,
    },
    options,
  );
}

/** Converts the stats of containers, newest first. */
export function toContainerUsages(
  { items, failed }: ContainerStatsResult,
  { containers }: Origins,
): UsageList<ContainerUsage> {
  return {
    items: items
      .map((stats) => containerUsage(stats, containers.get(stats.attributes?.id ?? "")))
      .sort((a, b) => Number(b.createdAt ?? 0) - Number(a.createdAt ?? 0) || (a.id < b.id ? -1 : 1)),
    failed: failed.map(({ object: { id, metadata, podSandboxId, labels }, error }) => {
      const { podName, podNamespace, podUid } = podNames(containers.get(id), labels);
      const pod = { namespace: podNamespace, podName, podUid, podId: podSandboxId };
      return { kind: "container", id, name: metadata?.name ?? "", ...pod, error };
    }),
  };
}

/** Reads the usage of pods, sorted by namespace and name. */
export async function readPods(
  { runtime, lists }: StatsParts,
  { id, labels }: PodUsageFilter,
  options: CallOptions,
): Promise<UsageList<PodUsage>> {
  const filter = {
    ...(id === undefined ? {} : { id }),
    ...(labels === undefined ? {} : { labelSelector: { ...labels } }),
  };
  const ready = { state: { state: PodSandboxState.SANDBOX_READY } };
  const { items, failed } = await listOrEach<PodSandboxStats, PodSandbox>(
    {
      list: (call) => lists.podSandboxStats(filter, call).collect(),
      running: (call) => lists.podSandboxes({ ...filter, ...ready }, call).collect(),
      one: async (pod, call) => (await runtime.podSandboxStats({ podSandboxId: pod.id }, call)).stats,
    },
    options,
  );
  const key = ({ namespace, name, id }: PodUsage) => `${namespace}/${name}/${id}`;
  return {
    items: items.map(podUsage).sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    failed: failed.map(({ object: pod, error }) => {
      const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
      return { kind: "pod", id: pod.id, name, namespace, podName: name, podUid: uid, podId: pod.id, error };
    }),
  };
}

/** Reads the stats of one container. Rejects with `wrong_state` when the runtime has none. */
export async function containerStatsOf(
  { runtime, endpoint }: Pick<StatsParts, "runtime" | "endpoint">,
  containerId: string,
  options?: CallOptions,
): Promise<ContainerStats> {
  const { stats } = await runtime.containerStats({ containerId }, options);
  if (stats) return stats;
  throw statsMissing("container", "ContainerStats", containerId, endpoint);
}

/** Reads the stats of one pod. Rejects with `wrong_state` when the runtime has none. */
export async function podStatsOf(
  { runtime, endpoint }: StatsParts,
  podSandboxId: string,
  options?: CallOptions,
): Promise<PodSandboxStats> {
  const { stats } = await runtime.podSandboxStats({ podSandboxId }, options);
  if (stats) return stats;
  throw statsMissing("pod", "PodSandboxStats", podSandboxId, endpoint);
}

function statsMissing(kind: string, method: string, id: string, endpoint: string): CriError {
  return criError("wrong_state", `the runtime has no stats of ${kind} ${id.slice(0, 13)}`, {
    method,
    endpoint,
  });
}
