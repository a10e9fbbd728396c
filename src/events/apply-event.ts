import { create } from "@bufbuild/protobuf";
import {
  type ContainerEventResponse,
  ContainerEventType,
  ContainerSchema,
  ContainerState,
  type ContainerStatus,
  PodSandboxSchema,
  PodSandboxState,
} from "../../gen/runtime/v1/api_pb.js";
import { nanosToDate } from "../core/index.js";
import type { Change } from "./changes.js";
import type { NodeQueries } from "./node-queries.js";
import type { NodeState } from "./node-state.js";
import {
  containerExit,
  containerWithState,
  type NodeContainer,
  nodeContainer,
  nodePod,
  podWithState,
} from "./objects.js";

const { CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } =
  ContainerEventType;

/** The order of container states. Events never move a container back, since they may be late. */
const rank = { created: 0, unknown: 0, running: 1, exited: 2 } as const;

/**
 * An event that is older than the last relist by more than this is stale. It covers the longest delivery of an event, and clocks that
 * differ a little where the runtime is on another host.
 */
const staleMs = 1_000;

/**
 * Applies an event to the state. A new object is looked up first, since lists contain more than events; one that is removed again by
 * then is built from the event itself. Stale events create no objects: containerd 2.1 starts each stream with the events of the last
 * five minutes.
 *
 * Calls `notify` with each change, when the state has it. Returns whether the lists lack an object that the event reported: a relist
 * is due.
 */
export async function applyEvent(
  event: ContainerEventResponse,
  state: NodeState,
  queries: NodeQueries,
  notify: (change: Change) => void,
): Promise<boolean> {
  const { containerId: id, podSandboxStatus, containersStatuses, containerEventType: type } = event;
  const at = nanosToDate(event.createdAt) ?? new Date();
  let needsRelist = false;
  if (id === "" || state.wasRemoved(id)) return false;
  if (type === CONTAINER_DELETED_EVENT) {
    const change = state.remove(id, at, "event");
    if (change) notify(change);
    // Containers are removed before their pod: one that is still known means a lost event.
    return [...state.containers.values()].some(({ podId }) => podId === id);
  }

  // Compares the runtime's clock with this host's. With a late clock, a short-lived object may count as stale; relists find all
  // others, and one is due whenever the lists lack an object.
  const isStale = at.getTime() < state.listedAt - staleMs;
  const podId = podSandboxStatus?.id ?? (state.containers.get(id)?.podId || "");
  if (podId !== "" && !state.pods.has(podId) && !state.wasRemoved(podId)) {
    const listed = await queries.getPod(podId);
    const reported = podSandboxStatus && create(PodSandboxSchema, withoutType(podSandboxStatus));
    const message = listed ?? (isStale ? undefined : reported);
    if (message) notify(state.setPod(nodePod(message), at, "event"));
    else if (isStale) state.remove(podId, at, "event");
    needsRelist ||= !listed;
  }
  if (podId === id) {
    const pod = state.pods.get(id);
    if (pod?.state === "ready" && type === CONTAINER_STOPPED_EVENT)
      notify(state.setPod(podWithState(pod, PodSandboxState.SANDBOX_NOTREADY), at, "event"));
    if (pod?.state === "notReady" && type === CONTAINER_STARTED_EVENT) {
      // The event is late, or the pod was looked up too early.
      const listed = await queries.getPod(id);
      if (listed?.state === PodSandboxState.SANDBOX_READY) notify(state.setPod(nodePod(listed), at, "event"));
    }
  } else if (!state.containers.has(id)) {
    const listed = await queries.getContainer(id);
    const status = containersStatuses.find((one) => one.id === id);
    const reported = status && create(ContainerSchema, { ...withoutType(status), podSandboxId: podId });
    const message = listed ?? (isStale ? undefined : reported);
    needsRelist ||= !listed;
    if (message) {
      const hasExited = message.state === ContainerState.CONTAINER_EXITED;
      const exit = hasExited ? await findExit(id, containersStatuses, queries) : undefined;
      notify(state.setContainer(nodeContainer(message, exit), at, "event"));
    } else if (isStale) state.remove(id, at, "event");
  }

  const container = state.containers.get(id);
  const next = container && (await advanced(container, type, containersStatuses, queries));
  if (next) notify(state.setContainer(next, at, "event"));
  // The event has the statuses of the pod's other containers, too: they make up for lost events.
  for (const status of containersStatuses) {
    const sibling = status.id === id ? undefined : state.containers.get(status.id);
    const moved = sibling && advancedByStatus(sibling, status);
    if (moved) notify(state.setContainer(moved, at, "event"));
  }
  return needsRelist;
}

/** Returns the container after an event about it; undefined when the event reports nothing new. */
async function advanced(
  container: NodeContainer,
  type: ContainerEventType,
  statuses: readonly ContainerStatus[],
  queries: NodeQueries,
): Promise<NodeContainer | undefined> {
  if (type === CONTAINER_STARTED_EVENT && rank[container.state] < rank.running)
    return containerWithState(container, ContainerState.CONTAINER_RUNNING);
  if (type === CONTAINER_STOPPED_EVENT && rank[container.state] < rank.exited)
    return containerWithState(
      container,
      ContainerState.CONTAINER_EXITED,
      await findExit(container.id, statuses, queries),
    );
  if (type === CONTAINER_CREATED_EVENT) return undefined;
  const status = statuses.find(({ id }) => id === container.id);
  return status && advancedByStatus(container, status);
}

/** Returns the container in the state of its status; undefined when that is not later than the known state. */
function advancedByStatus(container: NodeContainer, status: ContainerStatus): NodeContainer | undefined {
  const known = rank[container.state];
  if (status.state === ContainerState.CONTAINER_EXITED && known < rank.exited)
    return containerWithState(container, status.state, containerExit(status));
  if (status.state === ContainerState.CONTAINER_RUNNING && known < rank.running)
    return containerWithState(container, status.state);
  return undefined;
}

async function findExit(id: string, statuses: readonly ContainerStatus[], queries: NodeQueries) {
  const status = statuses.find((one) => one.id === id);
  if (status?.state === ContainerState.CONTAINER_EXITED) return containerExit(status);
  const exit = await queries.getExit(id);
  return typeof exit === "object" ? exit : undefined;
}

/** Returns the fields of a status as an initializer for the list's message type, which shares most of them. */
function withoutType<T extends { readonly $typeName: string }>(status: T): Omit<T, "$typeName"> {
  const { $typeName: _, ...fields } = status;
  return fields;
}
