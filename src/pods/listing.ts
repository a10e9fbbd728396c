import {
  ContainerState,
  type Container as ListedContainer,
  type PodSandbox,
  PodSandboxState,
} from "../../gen/runtime/v1/api_pb.js";
import { criError, OptionTable, option } from "../core/index.js";
import type { PodContext } from "./context.js";
import type { LookUpOptions } from "./options.js";
import { ownerKeys } from "./ownership.js";

/** Selects pods. A pod has to match every field that is set. */
export interface PodListFilter {
  /** PodSandboxMetadata.name, exactly. */
  readonly name?: string | undefined;
  /** PodSandboxMetadata.namespace. */
  readonly namespace?: string | undefined;
  /** PodSandboxMetadata.uid. */
  readonly uid?: string | undefined;
  /** The state of the sandbox. @default both */
  readonly state?: "ready" | "notReady" | undefined;
  /** Labels that the pod has, with their values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The owner, `ConnectOptions.pods.owner`. */
  readonly owner?: string | undefined;
}

/** The fields of {@link PodListFilter}. */
export const podFilterTable = new OptionTable<PodListFilter>({
  name: option.string,
  namespace: option.string,
  uid: option.string,
  state: option.oneOf("ready", "notReady"),
  labels: option.recordOf(option.string),
  owner: option.string,
});

/** Selects containers. A container has to match every field that is set. */
export interface ContainerListFilter {
  /** ContainerMetadata.name, exactly. */
  readonly name?: string | undefined;
  /** The state of the container. @default all states */
  readonly state?: "created" | "running" | "exited" | "unknown" | undefined;
  /** Labels that the container has, with their values. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** The owner, `ConnectOptions.pods.owner`. */
  readonly owner?: string | undefined;
}

/** The fields of {@link ContainerListFilter}. */
export const containerFilterTable = new OptionTable<ContainerListFilter>({
  name: option.string,
  state: option.oneOf("created", "running", "exited", "unknown"),
  labels: option.recordOf(option.string),
  owner: option.string,
});

/** Selects by an id in the runtime. */
interface IdFilter {
  /** A whole id. @default any */
  readonly id?: string | undefined;
  /** The id of a pod, for containers. @default any */
  readonly podSandboxId?: string | undefined;
}

const podStates = {
  ready: PodSandboxState.SANDBOX_READY,
  notReady: PodSandboxState.SANDBOX_NOTREADY,
} as const;

const containerStates = {
  created: ContainerState.CONTAINER_CREATED,
  running: ContainerState.CONTAINER_RUNNING,
  exited: ContainerState.CONTAINER_EXITED,
  unknown: ContainerState.CONTAINER_UNKNOWN,
} as const;

/** Lists sandboxes, the newest first. */
export async function listPods(
  { lists }: Pick<PodContext, "lists">,
  { name, namespace, uid, state, labels, owner, id = "" }: PodListFilter & Pick<IdFilter, "id">,
  options: LookUpOptions = {},
): Promise<PodSandbox[]> {
  const labelSelector = labelsOf(labels, owner);
  const stateFilter = state === undefined ? {} : { state: { state: podStates[state] } };
  const found = await lists.podSandboxes({ id, labelSelector, ...stateFilter }, options).collect();
  // Filtered here: CRI filters only by labels, and pods of other clients may lack the kubelet's labels.
  return found
    .filter(
      ({ metadata }) =>
        (name === undefined || metadata?.name === name) &&
        (namespace === undefined || metadata?.namespace === namespace) &&
        (uid === undefined || metadata?.uid === uid),
    )
    .sort(newestFirst);
}

/** Lists containers, of one pod or of all, the newest first. */
export async function listContainers(
  { lists }: Pick<PodContext, "lists">,
  { name, state, labels, owner, id = "", podSandboxId = "" }: ContainerListFilter & IdFilter,
  options: LookUpOptions = {},
): Promise<ListedContainer[]> {
  const labelSelector = labelsOf(labels, owner);
  const stateFilter = state === undefined ? {} : { state: { state: containerStates[state] } };
  const filter = { id, podSandboxId, labelSelector, ...stateFilter };
  const found = await lists.containers(filter, options).collect();
  // Filtered here: CRI has no filter by name, and containers of other clients may lack the kubelet's labels.
  return found.filter(({ metadata }) => name === undefined || metadata?.name === name).sort(newestFirst);
}

function labelsOf(labels: Readonly<Record<string, string>> | undefined, owner: string | undefined) {
  return { ...labels, ...(owner === undefined ? {} : { [ownerKeys.owner]: owner }) };
}

function newestFirst<T extends { readonly id: string; readonly createdAt: bigint }>(a: T, b: T): number {
  return Number(b.createdAt - a.createdAt) || (a.id < b.id ? -1 : 1);
}

/** Returns the filter for a whole id; for a prefix, one that matches all. */
export function idFilter(idOrPrefix: string): { readonly id: string } {
  return { id: /^[0-9a-f]{64}$/.test(idOrPrefix) ? idOrPrefix : "" };
}

/**
 * Returns the one object with this id or id prefix. Throws `object_missing` or `ambiguous_id`. Resolved on this side, since runtimes
 * differ: for an ambiguous prefix, containerd returns an empty list, and CRI-O not_found.
 */
export function byIdOrPrefix<T extends { readonly id: string }>(
  kind: "pod" | "container",
  objects: readonly T[],
  idOrPrefix: string,
  endpoint: string,
): T {
  const exact = objects.find(({ id }) => id === idOrPrefix);
  const found = exact ? [exact] : objects.filter(({ id }) => idOrPrefix !== "" && id.startsWith(idOrPrefix));
  const [first, second] = found;
  if (first && !second) return first;
  const shown = JSON.stringify(idOrPrefix);
  if (!first)
    throw criError("object_missing", `no ${kind} has an id that begins with ${shown}`, { endpoint });
  const ids = found.slice(0, 5).map(({ id }) => id.slice(0, 20));
  throw criError("ambiguous_id", `${found.length} ${kind}s have an id that begins with ${shown}`, {
    hint: `Pass more characters of one of these ids: ${ids.join(", ")}`,
    endpoint,
  });
}
