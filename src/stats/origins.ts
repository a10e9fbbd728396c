import type { Lists } from "../clients/index.js";
import { type CallOptions, nanosToDate } from "../core/index.js";
import type { ContainerOrigin } from "./usage.js";

/** Which containers. What is not given does not matter. */
export interface ContainerUsageFilter {
  /** The container's id, or a beginning of it. */
  readonly id?: string | undefined;
  /** The sandbox's id, or a beginning of it. */
  readonly podId?: string | undefined;
  /** Labels that the container has, with these values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** The filter as CRI has it, on containers and on their figures. */
export function criFilter({ id, podId, labels }: ContainerUsageFilter) {
  return {
    ...(id === undefined ? {} : { id }),
    ...(podId === undefined ? {} : { podSandboxId: podId }),
    ...(labels === undefined ? {} : { labelSelector: { ...labels } }),
  };
}

/** What lists tell, by ids, and figures do not say. */
export interface Origins {
  /** In which pods the containers are. */
  readonly containers: ReadonlyMap<string, ContainerOrigin>;
  /** When the pods were made, in nanoseconds since 1970. */
  readonly podsCreatedAtNanos: ReadonlyMap<string, bigint>;
}

/** Asks the lists of containers and pods. */
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
