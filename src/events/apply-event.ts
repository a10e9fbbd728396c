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
import type { NodeReads } from "./node-reads.js";
import type { NodeState } from "./node-state.js";
import { containerExit, containerIn, type NodeContainer, nodeContainer, nodePod, podIn } from "./objects.js";

const { CONTAINER_CREATED_EVENT, CONTAINER_STARTED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } =
  ContainerEventType;

/** How far a container is on its way; events never lead back on it, since they may be late. */
const progress = { created: 0, unknown: 0, running: 1, exited: 2 } as const;

/**
 * What happened so much earlier than the lists were begun is history: so long, at the most, an event is under way. Also for
 * clocks that differ a little, where the runtime is on another host.
 */
const historyMs = 1_000;

/**
 * Brings what is known up to an event. What is new is looked up first, since the lists have more to tell than an event; what
 * was new and is gone again is taken from the event itself. Unless it was gone before the lists already: containerd 2.1 tells a
 * new reader of the last five minutes.
 *
 * `tell` is given each change at once, with the state. Resolves with whether something is known now that the lists do not have:
 * they should be asked again.
 */
export async function applyEvent(
  event: ContainerEventResponse,
  state: NodeState,
  reads: NodeReads,
  tell: (change: Change) => void,
): Promise<boolean> {
  const { containerId: id, podSandboxStatus, containersStatuses, containerEventType: type } = event;
  const at = nanosToDate(event.createdAt) ?? new Date();
  let doubtful = false;
  if (id === "" || state.isGone(id)) return false;
  if (type === CONTAINER_DELETED_EVENT) {
    const change = state.remove(id, at, "event");
    if (change) tell(change);
    // The containers of a pod go before it. If this is not known of one, an event was lost.
    return [...state.containers.values()].some(({ podId }) => podId === id);
  }

  // The clock of the runtime is compared with the one here. If it is late, something that comes and goes at once may be taken for
  // history; what stays is found by the lists, which are asked whenever something was not in them.
  const history = at.getTime() < state.listedAt - historyMs;
  const podId = podSandboxStatus?.id ?? (state.containers.get(id)?.podId || "");
  if (podId !== "" && !state.pods.has(podId) && !state.isGone(podId)) {
    const listed = await reads.pod(podId);
    const told = podSandboxStatus && create(PodSandboxSchema, listShape(podSandboxStatus));
    const message = listed ?? (history ? undefined : told);
    if (message) tell(state.setPod(nodePod(message), at, "event"));
    else if (history) state.remove(podId, at, "event");
    doubtful ||= !listed;
  }
  if (podId === id) {
    const pod = state.pods.get(id);
    if (pod?.state === "ready" && type === CONTAINER_STOPPED_EVENT)
      tell(state.setPod(podIn(pod, PodSandboxState.SANDBOX_NOTREADY), at, "event"));
    if (pod?.state === "notReady" && type === CONTAINER_STARTED_EVENT) {
      // Late, or the first look was too early.
      const listed = await reads.pod(id);
      if (listed?.state === PodSandboxState.SANDBOX_READY) tell(state.setPod(nodePod(listed), at, "event"));
    }
  } else if (!state.containers.has(id)) {
    const listed = await reads.container(id);
    const status = containersStatuses.find((one) => one.id === id);
    const told = status && create(ContainerSchema, { ...listShape(status), podSandboxId: podId });
    const message = listed ?? (history ? undefined : told);
    doubtful ||= !listed;
    if (message) {
      const exited = message.state === ContainerState.CONTAINER_EXITED;
      const exit = exited ? await exitOf(id, containersStatuses, reads) : undefined;
      tell(state.setContainer(nodeContainer(message, exit), at, "event"));
    } else if (history) state.remove(id, at, "event");
  }

  const container = state.containers.get(id);
  const next = container && (await after(container, type, containersStatuses, reads));
  if (next) tell(state.setContainer(next, at, "event"));
  // The containers beside it are told of, too: so what came in no event, or in a lost one, is found.
  for (const status of containersStatuses) {
    const sibling = status.id === id ? undefined : state.containers.get(status.id);
    const moved = sibling && forward(sibling, status);
    if (moved) tell(state.setContainer(moved, at, "event"));
  }
  return doubtful;
}

/** The container after an event about it; undefined when that was known. */
async function after(
  container: NodeContainer,
  type: ContainerEventType,
  statuses: readonly ContainerStatus[],
  reads: NodeReads,
): Promise<NodeContainer | undefined> {
  if (type === CONTAINER_STARTED_EVENT && progress[container.state] < progress.running)
    return containerIn(container, ContainerState.CONTAINER_RUNNING);
  if (type === CONTAINER_STOPPED_EVENT && progress[container.state] < progress.exited)
    return containerIn(
      container,
      ContainerState.CONTAINER_EXITED,
      await exitOf(container.id, statuses, reads),
    );
  if (type === CONTAINER_CREATED_EVENT) return undefined;
  const status = statuses.find(({ id }) => id === container.id);
  return status && forward(container, status);
}

/** The container as its status says, if that is further than what is known. */
function forward(container: NodeContainer, status: ContainerStatus): NodeContainer | undefined {
  const known = progress[container.state];
  if (status.state === ContainerState.CONTAINER_EXITED && known < progress.exited)
    return containerIn(container, status.state, containerExit(status));
  if (status.state === ContainerState.CONTAINER_RUNNING && known < progress.running)
    return containerIn(container, status.state);
  return undefined;
}

async function exitOf(id: string, statuses: readonly ContainerStatus[], reads: NodeReads) {
  const status = statuses.find((one) => one.id === id);
  if (status?.state === ContainerState.CONTAINER_EXITED) return containerExit(status);
  const exit = await reads.exit(id);
  return typeof exit === "object" ? exit : undefined;
}

/** A status without what lists do not have. */
function listShape<T extends { readonly $typeName: string }>(status: T): Omit<T, "$typeName"> {
  const { $typeName: _, ...fields } = status;
  return fields;
}
