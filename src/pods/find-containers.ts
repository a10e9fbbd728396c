import {
  ContainerState,
  type ContainerStatus,
  type Container as ListedContainer,
} from "../../gen/runtime/v1/api_pb.js";
import { kubernetesLabels } from "../core/index.js";
import type { ContainerSpec } from "./config/index.js";
import { Container, type ContainerFacts } from "./container.js";
import type { PodKit } from "./kit.js";
import { ownerKeys } from "./owner.js";
import type { Pod } from "./pod.js";

/** Which containers are looked for; what is not said does not matter. */
export interface ContainerFilter {
  /** ContainerMetadata.name, whole. */
  readonly name?: string | undefined;
  readonly state?: "created" | "running" | "exited" | "unknown" | undefined;
  /** Labels that it has, with these values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Whose it is, in the words of `ConnectOptions.pods.owner`. */
  readonly owner?: string | undefined;
}

const states = {
  created: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_EXITED,
  unknown: ContainerState.CONTAINER_UNKNOWN,
} as const;

/** Lists containers, of one pod or of all, the newest first. */
export async function listContainers(
  kit: PodKit,
  { name, state, labels, owner }: ContainerFilter,
  podSandboxId: string,
  signal?: AbortSignal,
  id = "",
): Promise<ListedContainer[]> {
  const labelSelector = { ...labels, ...(owner === undefined ? {} : { [ownerKeys.owner]: owner }) };
  const filter = {
    id,
    podSandboxId,
    labelSelector,
    ...(state === undefined ? {} : { state: { state: states[state] } }),
  };
  const found = await kit.lists.containers(filter, { signal }).collect();
  // CRI has no filter for a name, and containers of others need not have the label.
  return found
    .filter(({ metadata }) => name === undefined || metadata?.name === name)
    .sort((a, b) => Number(b.createdAt - a.createdAt) || (a.id < b.id ? -1 : 1));
}

/** The handle of a container that was found. */
export function foundContainer(
  kit: PodKit,
  pod: Pod,
  found: ListedContainer | ContainerStatus,
  spec?: ContainerSpec,
): Container {
  const { id, metadata, image, labels, annotations } = found;
  const facts: ContainerFacts = {
    id,
    name: metadata?.name || (labels[kubernetesLabels.containerName] ?? ""),
    attempt: metadata?.attempt ?? 0,
    image: image?.userSpecifiedImage || image?.image || "",
    labels,
    annotations,
    spec,
    logPath: "logPath" in found ? found.logPath : undefined,
  };
  return new Container(kit, pod, facts);
}
