import type { Container, ContainerState, ContainerStatus, Pod } from "../api/index.js";
import type { ContainerKind } from "../config/pod-configs.js";
import type { ObservedContainer, ObservedPod } from "../worker/observed.js";
import { activeSandbox, initContainersOf, regularContainersOf } from "../worker/pod-containers.js";
import type { ProbeState } from "../worker/ports.js";
import { probeStateOf } from "../worker/probe-states.js";
import { shouldStart } from "../worker/restart-rules.js";
import { resourceStatus, volumeMountStatuses } from "./container-details.js";
import {
  containerId,
  lostContainer,
  restartingAllContainers,
  stateOf,
  statusUnknown,
} from "./container-states.js";
import type { PodStatusInput } from "./status-input.js";

/** What the statuses of all containers of a pod have in common. */
export interface StatusContext {
  readonly pod: Pod;
  readonly observed: ObservedPod;
  readonly input: PodStatusInput;
  readonly isDeleted: boolean;
  /** Whether all containers are being removed to start anew. */
  readonly isRestartingAll: boolean;
}

/**
 * Returns the status of a container: the state of its newest instance, or why it does not run yet. Instances that the runtime has lost
 * live on in the previous status.
 */
export function containerStatus(
  container: Container,
  kind: ContainerKind,
  previous: ContainerStatus<Date> | undefined,
  context: StatusContext,
): ContainerStatus<Date> {
  const instances = context.observed.containers.filter(({ name }) => name === container.name);
  const [newest] = instances;
  const status = newest
    ? instanceStatus(container, instances, previous, context)
    : missingStatus(container, previous, context);
  const settled = withWaitingReason(status, container, kind, newest, context);
  return { ...settled, ...readiness(settled, container, kind, newest, { previous, context }) };
}

function instanceStatus(
  container: Container,
  [newest, second]: readonly ObservedContainer[],
  previous: ContainerStatus<Date> | undefined,
  context: StatusContext,
): ContainerStatus<Date> {
  if (newest === undefined) return missingStatus(container, previous, context);
  const { runtimeName } = context.input.node;
  const state = instanceState(newest, previous, context);
  const older = second && instanceState(second, undefined, context);
  const id = containerId(runtimeName, newest);
  const lastTerminated =
    older?.terminated ??
    (previous?.containerID !== id ? previous?.state?.terminated : undefined) ??
    previous?.lastState?.terminated;
  const { user } = newest;
  return {
    ...emptyStatus(container, context),
    image: newest.image,
    imageID: newest.imageRef,
    containerID: id,
    restartCount: restartCount(newest, state, previous),
    state,
    ...(lastTerminated && { lastState: { terminated: lastTerminated } }),
    ...resourceStatus(container, newest, context.input.resize?.actuated[container.name]),
    ...(user && { user }),
  };
}

function instanceState(
  instance: ObservedContainer,
  previous: ContainerStatus<Date> | undefined,
  { input, isRestartingAll }: StatusContext,
): ContainerState<Date> {
  const { runtimeName } = input.node;
  const terminationMessage = input.terminationMessages[instance.id];
  return stateOf(instance, previous, { runtimeName, isRestartingAll, terminationMessage });
}

/** Returns the restart count of an instance. It never decreases, also where the runtime has lost earlier instances. */
function restartCount(
  instance: ObservedContainer,
  { running, terminated }: ContainerState<Date>,
  previous: ContainerStatus<Date> | undefined,
): number {
  if (previous === undefined) return instance.restartCount;
  const isLost = instance.state === "unknown" && terminated !== undefined;
  const isAnother = running !== undefined && previous.state?.terminated !== undefined;
  if (isLost || (isAnother && previous.restartCount >= instance.restartCount))
    return previous.restartCount + 1;
  return Math.max(previous.restartCount, instance.restartCount);
}

/** Returns the status of a container without an instance: it waits for its first one, or the runtime has lost it. */
function missingStatus(
  container: Container,
  previous: ContainerStatus<Date> | undefined,
  context: StatusContext,
): ContainerStatus<Date> {
  const status = emptyStatus(container, context);
  if (previous === undefined) return status;
  const { state = {}, lastState } = previous;
  if (context.isRestartingAll && state.waiting === undefined) {
    const message = "The container was removed because all containers of the pod restart";
    return {
      ...status,
      restartCount: previous.restartCount + 1,
      state: { waiting: { reason: restartingAllContainers, message } },
      lastState: { terminated: lostContainer(restartingAllContainers, message) },
    };
  }
  if (state.terminated) return previous;
  const kept = { ...status, restartCount: previous.restartCount, ...(lastState && { lastState }) };
  if (state.running === undefined || lastState?.terminated) return kept;
  return {
    ...kept,
    restartCount: previous.restartCount + (context.isDeleted ? 0 : 1),
    lastState: {
      terminated: lostContainer(
        statusUnknown,
        "The container ran, and the runtime does not know it any more",
      ),
    },
  };
}

function emptyStatus(container: Container, { pod, observed, input }: StatusContext): ContainerStatus<Date> {
  const handler = (activeSandbox(observed) ?? observed.sandboxes[0])?.runtimeHandler ?? "";
  const supportsRecursiveReadOnly = input.node.runtimeHandlers[handler]?.recursiveReadOnlyMounts ?? false;
  const reason = initContainersOf(pod).length > 0 ? "PodInitializing" : "ContainerCreating";
  return {
    name: container.name,
    image: container.image ?? "",
    imageID: "",
    ready: false,
    restartCount: 0,
    state: { waiting: { reason } },
    ...volumeMountStatuses(container, supportsRecursiveReadOnly),
  };
}

/** Replaces the state of a container that will start by the reason why its last start failed. */
function withWaitingReason(
  status: ContainerStatus<Date>,
  container: Container,
  kind: ContainerKind,
  newest: ObservedContainer | undefined,
  { pod, observed, input, isDeleted }: StatusContext,
): ContainerStatus<Date> {
  if (kind === "init" || kind === "sidecar") {
    if (newest?.state === "exited" && newest.exitCode === 0) return status;
    if (
      newest === undefined &&
      kind === "init" &&
      status.state?.waiting &&
      anyRegularCreated(pod, observed)
    ) {
      const message =
        "The runtime does not know the init container any more; it succeeded, since the pod is initialized";
      return { ...status, state: { terminated: { exitCode: 0, reason: "Completed", message } } };
    }
  }
  const waiting = input.waiting[container.name];
  if (waiting === undefined || isDeleted || !shouldStart(pod, container, newest)) return status;
  const { terminated } = status.state ?? {};
  return { ...status, state: { waiting }, ...(terminated && { lastState: { terminated } }) };
}

function anyRegularCreated(pod: Pod, { containers }: ObservedPod): boolean {
  const names = new Set(regularContainersOf(pod).map(({ name }) => name));
  return containers.some(({ name, state }) => names.has(name) && state !== "unknown");
}

/**
 * Returns whether a container started and is ready. Ephemeral containers have neither; init containers are ready when they succeeded. Before
 * the first result of a probe, what was reported of the same instance holds: a kubelet that starts anew makes no container unready, as the
 * real one since 1.35.
 */
function readiness(
  { containerID, state }: ContainerStatus<Date>,
  container: Container,
  kind: ContainerKind,
  newest: ObservedContainer | undefined,
  {
    previous,
    context: { input },
  }: { readonly previous: ContainerStatus<Date> | undefined; readonly context: StatusContext },
): Pick<ContainerStatus<Date>, "ready" | "started"> {
  if (kind === "ephemeral") return { ready: false };
  const isRunning = state?.running !== undefined && newest !== undefined;
  const probes = isRunning ? probeStateOf(container, newest.id, input.probes) : undefined;
  const before = containerID !== undefined && previous?.containerID === containerID ? previous : undefined;
  const holds = (result: ProbeState["startup"] | undefined, was = false) =>
    result === "success" || (result === "unknown" && was);
  const started = holds(probes?.startup, before?.started);
  if (kind === "init") return { ready: state?.terminated?.exitCode === 0, started };
  return { ready: started && holds(probes?.readiness, before?.ready), started };
}
