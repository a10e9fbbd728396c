import { OptionTable, option } from "../../core/index.js";
import type { Container, Pod, ResourceRequirements } from "../api/index.js";
import { checkObservedArgument, checkPodArgument } from "../argument-checks.js";
import { type ContainerKill, killOf, killReason, resizeKill, unknownStateKill } from "./container-kills.js";
import { initActions } from "./init-actions.js";
import type { ObservedContainer, ObservedPod } from "./observed.js";
import {
  ephemeralContainersOf,
  initContainersOf,
  isSidecar,
  newestInstance,
  regularContainersOf,
} from "./pod-containers.js";
import type { ProbeStates } from "./probe-states.js";
import { type ContainerResize, resizableResources, resizeNeed } from "./resize.js";
import { restartsAfter, restartsWhenKilled, shouldStart, triggersRestartOfAll } from "./restart-rules.js";
import { sandboxNeed } from "./sandbox-need.js";

/** An instance to be removed because all containers of the pod start anew. */
export interface ContainerReset {
  /** The id of the instance. */
  readonly id: string;
  /** The name in the Pod. */
  readonly name: string;
  /** Whether it may run and has to be stopped first, without a grace period: its hook does not run. */
  readonly kill: boolean;
}

/** What {@link podActions} decides by, beside the Pod and what the runtime reports. */
export interface PodActionsState {
  /** Whether the pod is being stopped for good: it was deleted, or its phase is Succeeded or Failed. Then nothing starts. */
  readonly isTerminating: boolean;
  /** Whether all containers are removed and start anew: the condition AllContainersRestarting of the pod's status is True. */
  readonly isRestartingAll: boolean;
  /** The results of the probes, by the id of the container. */
  readonly probes: ProbeStates;
  /**
   * The resources that each running container has, by its name: those that differ from the Pod's are changed. Undefined: none are, since
   * new resources apply from the next start of a container on.
   * @default undefined
   */
  readonly actuated?: Readonly<Record<string, ResourceRequirements>> | undefined;
}

/** What to do about a pod, in the order of the fields. All containers are given by name. */
export interface PodActions {
  /**
   * Whether to stop all containers and then all sandboxes of the pod, by `terminationPlan`. Then `kill` is not executed:
   * it says only why.
   */
  readonly killPod: boolean;
  /** Containers to stop, one after the other. When one cannot be stopped, nothing else is done. */
  readonly kill: readonly ContainerKill[];
  /** Instances to stop and remove, in this order, with their logs kept. When one cannot be removed, nothing else is done. */
  readonly reset: readonly ContainerReset[];
  /** Ids of old instances of init containers to remove. A failure is not fatal. */
  readonly remove: readonly string[];
  /** Whether to create a sandbox, with `sandboxAttempt`. */
  readonly createSandbox: boolean;
  /** PodSandboxMetadata.attempt of the new sandbox. */
  readonly sandboxAttempt: number;
  /** The newest existing sandbox: the one to start containers in, unless a new one is created. */
  readonly sandboxId: string | undefined;
  /** Started first, even while the pod initializes. A failure is not fatal. */
  readonly startEphemeral: readonly string[];
  /** Init containers and sidecars. When an init container fails to start, nothing after it starts; a sidecar that fails is skipped. */
  readonly startInit: readonly string[];
  /**
   * Changes of the resources of running containers: memory first, then CPU, and of each those that get less first. When one fails, the
   * later ones are not made. Containers that need a restart for them are in `kill` instead, with the reason `resized`.
   */
  readonly resize: readonly ContainerResize[];
  /** Regular containers, each independent of the others. */
  readonly startRegular: readonly string[];
}

const stateTable = new OptionTable<PodActionsState>({
  isTerminating: option.required(option.boolean),
  isRestartingAll: option.required(option.boolean),
  probes: option.required(option.callback),
  actuated: option.recordOf(option.object),
});

/**
 * Returns the next actions for a pod, as the kubelet computes them in each sync. Nothing is started that runs, and nothing at all while
 * the pod is terminating. Back-off is not considered here: `RestartBackOff` decides when a container that exited starts.
 */
export function podActions(pod: Pod, observed: ObservedPod, state: PodActionsState): PodActions {
  checkPodArgument("podActions", pod);
  checkObservedArgument("podActions", observed);
  stateTable.check("podActions", state);
  const sandbox = sandboxNeed(pod, observed);
  const none: PodActions = {
    killPod: false,
    kill: [],
    reset: [],
    remove: oldInitInstances(pod, observed),
    createSandbox: false,
    sandboxAttempt: sandbox.attempt,
    sandboxId: sandbox.sandboxId,
    startEphemeral: [],
    startInit: [],
    resize: [],
    startRegular: [],
  };
  if (state.isTerminating) return { ...none, remove: [], killPod: true };
  // A new sandbox, if one is needed, follows when all instances are gone.
  if (state.isRestartingAll) return { ...none, remove: [], reset: resets(pod, observed) };
  if (sandbox.isNeeded)
    return { ...none, killPod: true, ...newSandboxActions(pod, observed, sandbox.attempt) };

  const startEphemeral = ephemeralContainersOf(pod)
    .map(({ name }) => name)
    .filter((name) => newestInstance(observed, name) === undefined);
  const init = initActions(pod, observed, state.probes);
  const sidecars = resizes(pod, initContainersOf(pod).filter(isSidecar), observed, state, init.kill);
  const initialization = {
    ...none,
    startEphemeral,
    kill: [...init.kill, ...sidecars.kill],
    startInit: inOrder(pod, [...init.start, ...sidecars.start]),
    resize: sidecars.resize,
  };
  if (init.hasFailed) return { ...initialization, kill: init.kill, resize: [], killPod: true };
  if (!init.isInitialized) return initialization;

  const regular = regularActions(pod, observed, state.probes);
  const isDone = !regular.keepsAny && regular.start.length === 0;
  const containers = resizes(pod, regularContainersOf(pod), observed, state, regular.kill);
  const restarted = new Set([...regular.start, ...containers.start]);
  return {
    ...initialization,
    killPod: isDone,
    kill: [...initialization.kill, ...regular.kill, ...containers.kill],
    // Sidecars do not count: a pod ends without them.
    startInit: isDone ? [] : initialization.startInit,
    resize: isDone ? [] : sorted([...sidecars.resize, ...containers.resize]),
    startRegular: regularContainersOf(pod)
      .map(({ name }) => name)
      .filter((name) => restarted.has(name)),
  };
}

/** Returns what to do about running containers whose resources differ from those of the Pod, unless they are killed anyway. */
function resizes(
  pod: Pod,
  containers: readonly Container[],
  observed: ObservedPod,
  { actuated }: PodActionsState,
  killed: readonly ContainerKill[],
) {
  const kill: ContainerKill[] = [];
  const start: string[] = [];
  const resize: ContainerResize[] = [];
  for (const container of actuated === undefined ? [] : containers) {
    const { name } = container;
    const newest = newestInstance(observed, name);
    if (newest?.state !== "running" || killed.some(({ id }) => id === newest.id)) continue;
    const need = resizeNeed(pod, container, actuated?.[name]);
    if (need.kind === "restart") {
      kill.push(resizeKill(newest));
      start.push(name);
    }
    if (need.kind === "update")
      resize.push(...need.changes.map((change) => ({ id: newest.id, name, ...change })));
  }
  return { kill, start, resize: sorted(resize) };
}

/** Sorts changes by their resource; those that give something back come first. */
function sorted(changes: readonly ContainerResize[]): ContainerResize[] {
  const rank = ({ resource, isDecrease }: ContainerResize) =>
    resizableResources.indexOf(resource) * 2 + (isDecrease ? 0 : 1);
  return [...changes].sort((one, other) => rank(one) - rank(other));
}

/** Returns the names of init containers in the order of the Pod. */
function inOrder(pod: Pod, names: readonly string[]): string[] {
  return initContainersOf(pod)
    .map(({ name }) => name)
    .filter((name) => names.includes(name));
}

type NewSandboxActions = Partial<Pick<PodActions, "createSandbox" | "remove" | "startInit" | "startRegular">>;

/**
 * What starts in a new sandbox. A pod that is done gets none, and one with the policy Never that ran gets none, unless a container has
 * another policy of its own.
 */
function newSandboxActions(pod: Pod, observed: ObservedPod, attempt: number): NewSandboxActions {
  const ranOnce = pod.spec?.restartPolicy === "Never" && attempt !== 0 && observed.containers.length > 0;
  if (ranOnce && !hasRestartOfItsOwn(pod, observed)) return {};
  const startRegular = regularContainersOf(pod)
    .filter((container) => !hasEndedForGood(pod, container, observed))
    .map(({ name }) => name);
  if (startRegular.length === 0 && regularContainersOf(pod).some(({ name }) => wasCreated(observed, name)))
    return {};
  const [firstInit] = initContainersOf(pod);
  return {
    createSandbox: true,
    remove: initInstances(pod, observed).map(({ id }) => id),
    ...(firstInit === undefined ? { startRegular } : { startInit: [firstInit.name] }),
  };
}

/** Returns whether a container restarts by its own policy or rules. Sidecars do not count: a pod ends without them. */
function hasRestartOfItsOwn(pod: Pod, observed: ObservedPod): boolean {
  return [...initContainersOf(pod).filter((it) => !isSidecar(it)), ...regularContainersOf(pod)].some(
    (container) =>
      container.restartPolicy !== undefined &&
      shouldStart(pod, container, newestInstance(observed, container.name)),
  );
}

function hasEndedForGood(pod: Pod, container: Container, observed: ObservedPod): boolean {
  const newest = newestInstance(observed, container.name);
  return newest?.state === "exited" && !restartsAfter(pod, container, newest.exitCode);
}

function wasCreated(observed: ObservedPod, name: string): boolean {
  const newest = newestInstance(observed, name);
  return newest !== undefined && newest.state !== "unknown";
}

function regularActions(pod: Pod, observed: ObservedPod, probes: ProbeStates) {
  const start: string[] = [];
  const kill: ContainerKill[] = [];
  let keepsAny = false;
  for (const container of regularContainersOf(pod)) {
    const { name } = container;
    const newest = newestInstance(observed, name);
    if (newest?.state !== "running") {
      if (!shouldStart(pod, container, newest)) continue;
      start.push(name);
      if (newest?.state === "unknown") kill.push(unknownStateKill(newest, "Container"));
      continue;
    }
    const reason = killReason(container, newest, probes);
    if (reason === undefined) {
      keepsAny = true;
      continue;
    }
    const restarts = reason === "definitionChanged" || restartsWhenKilled(pod, container);
    if (restarts) start.push(name);
    kill.push(killOf(newest, reason, { noun: "Container", restarts }));
  }
  return { start, kill, keepsAny };
}

/** Returns all instances in the order of their removal: those whose exit caused the restart of all come last. */
function resets(pod: Pod, observed: ObservedPod): ContainerReset[] {
  const all = [...regularContainersOf(pod), ...initContainersOf(pod)].flatMap((container) =>
    observed.containers
      .filter(({ name }) => name === container.name)
      .map((instance) => ({
        isSource: triggersRestartOfAll(container, instance),
        reset: { id: instance.id, name: instance.name, kill: instance.state !== "exited" },
      })),
  );
  return [...all.filter(({ isSource }) => !isSource), ...all.filter(({ isSource }) => isSource)].map(
    ({ reset }) => reset,
  );
}

function initInstances(pod: Pod, { containers }: ObservedPod): readonly ObservedContainer[] {
  const names = new Set(initContainersOf(pod).map(({ name }) => name));
  return containers.filter(({ name }) => names.has(name));
}

/** Returns the instances of init containers that ended, without the newest of each. */
function oldInitInstances(pod: Pod, observed: ObservedPod): string[] {
  const seen = new Set<string>();
  return initInstances(pod, observed)
    .filter(({ state }) => state === "exited" || state === "unknown")
    .filter(({ name }) => seen.has(name) || !seen.add(name))
    .map(({ id }) => id);
}
