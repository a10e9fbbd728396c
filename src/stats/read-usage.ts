import {
  type Container,
  ContainerState,
  type ContainerStats,
  type PodSandbox,
  PodSandboxState,
  type PodSandboxStats,
} from "../../gen/runtime/v1/api_pb.js";
import type { Lists, RuntimeClient } from "../clients/index.js";
import { type CallOptions, CriError } from "../core/index.js";
import { listOrEach, type Outcome, type Ways } from "./each.js";
import { containerUsage, podNames, podUsage } from "./of-messages.js";
import { type ContainerUsageFilter, criFilter, type Origins, readOrigins } from "./origins.js";
import { together } from "./together.js";
import type { ContainerUsage, PodUsage } from "./usage.js";

/** What figures are read with. */
export interface StatsParts {
  readonly runtime: RuntimeClient;
  readonly lists: Lists;
  /** What errors call the endpoint. */
  readonly endpoint: string;
}

/** Which pods. What is not given does not matter. */
export interface PodUsageFilter {
  /** The sandbox's id, or a beginning of it. */
  readonly id?: string | undefined;
  /** Labels that the pod has, with these values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** A pod or a container that runs, and whose figures the runtime did not give. */
export interface FailedUsage {
  readonly kind: "pod" | "container";
  /** Its id. */
  readonly id: string;
  /** Its name. */
  readonly name: string;
  /** The pod's namespace; of a container's pod "" where nothing tells it, as the two below. */
  readonly namespace: string;
  /** The name of the pod that it is, or is in. */
  readonly podName: string;
  /** The uid of the pod that it is, or is in. */
  readonly podUid: string;
  /** The sandbox's id of the pod that it is, or is in. */
  readonly podId: string;
  /** Why: `cgroup_parent_missing`, `deadline`, `runtime_error` and what else can be wrong with one of them. */
  readonly error: CriError;
}

/** What was read, and what could not be. */
export interface Usages<T> {
  readonly items: readonly T[];
  /** Empty, as a rule. */
  readonly failed: readonly FailedUsage[];
}

/** Of containers; newest first. */
export async function readContainers(
  parts: StatsParts,
  filter: ContainerUsageFilter,
  options: CallOptions,
): Promise<Usages<ContainerUsage>> {
  const [figures, origins] = await together(options.signal, [
    (signal) => readContainerFigures(parts, filter, { ...options, signal }),
    (signal) => readOrigins(parts.lists, filter, { ...options, signal }),
  ]);
  return containerUsages(figures, origins);
}

/** What the runtime says of containers, which is not in which pods they are. */
export type ContainerFigures = Outcome<ContainerStats, Container>;

/** Reads it. */
export function readContainerFigures(
  { runtime, lists }: StatsParts,
  filter: ContainerUsageFilter,
  options: CallOptions,
): Promise<ContainerFigures> {
  const running = { state: { state: ContainerState.CONTAINER_RUNNING } };
  const ways: Ways<ContainerStats, Container> = {
    list: (call) => lists.containerStats(criFilter(filter), call).collect(),
    running: (call) => lists.containers({ ...criFilter(filter), ...running }, call).collect(),
    one: async ({ id }, call) => (await runtime.containerStats({ containerId: id }, call)).stats,
  };
  return listOrEach(ways, options);
}

/** The same in the user's words; newest first. */
export function containerUsages(
  { items, failed }: ContainerFigures,
  { containers }: Origins,
): Usages<ContainerUsage> {
  return {
    items: items
      .map((stats) => containerUsage(stats, containers.get(stats.attributes?.id ?? "")))
      .sort((a, b) => Number(b.createdAt ?? 0) - Number(a.createdAt ?? 0) || (a.id < b.id ? -1 : 1)),
    failed: failed.map(({ what: { id, metadata, podSandboxId, labels }, error }) => {
      const { podName, podNamespace, podUid } = podNames(containers.get(id), labels);
      const pod = { namespace: podNamespace, podName, podUid, podId: podSandboxId };
      return { kind: "container", id, name: metadata?.name ?? "", ...pod, error };
    }),
  };
}

/** Of pods, by namespace and name. */
export async function readPods(
  { runtime, lists }: StatsParts,
  { id, labels }: PodUsageFilter,
  options: CallOptions,
): Promise<Usages<PodUsage>> {
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
    failed: failed.map(({ what, error }) => {
      const { name = "", namespace = "", uid = "" } = what.metadata ?? {};
      return { kind: "pod", id: what.id, name, namespace, podName: name, podUid: uid, podId: what.id, error };
    }),
  };
}

/** Of one container. Rejects with `wrong_state` where the runtime has none. */
export async function containerStatsOf(
  { runtime, endpoint }: Pick<StatsParts, "runtime" | "endpoint">,
  containerId: string,
  options?: CallOptions,
): Promise<ContainerStats> {
  const { stats } = await runtime.containerStats({ containerId }, options);
  if (stats) return stats;
  throw noFigures("container", "ContainerStats", containerId, endpoint);
}

/** Of one pod. Rejects with `wrong_state` where the runtime has none. */
export async function podStatsOf(
  { runtime, endpoint }: StatsParts,
  podSandboxId: string,
  options?: CallOptions,
): Promise<PodSandboxStats> {
  const { stats } = await runtime.podSandboxStats({ podSandboxId }, options);
  if (stats) return stats;
  throw noFigures("pod", "PodSandboxStats", podSandboxId, endpoint);
}

function noFigures(kind: string, method: string, id: string, endpoint: string): CriError {
  return new CriError({
    code: "failed_precondition",
    reason: "wrong_state",
    text: `the runtime has no statistics of the ${kind} ${id.slice(0, 13)}`,
    method,
    endpoint,
  });
}
