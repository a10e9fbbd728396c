import type { Container, ContainerStatus, Pod, PodCondition, PodStatus } from "../api/index.js";
import type { ObservedPod } from "../worker/observed.js";
import { initContainersOf, isSidecar, regularContainersOf } from "../worker/pod-containers.js";
import { mayRestartAll } from "../worker/restart-rules.js";
import { sandboxNeed } from "../worker/sandbox-need.js";
import type { PodPhase } from "./phase.js";
import type { ResizeStatus } from "./status-input.js";

/** The input of {@link podConditions}. */
export interface ConditionsInput {
  readonly phase: PodPhase;
  /** The statuses of init and regular containers. */
  readonly statuses: readonly ContainerStatus<Date>[];
  readonly previous: PodStatus<Date> | undefined;
  /** Conditions that others set. */
  readonly others: readonly PodCondition<Date>[];
  /** Whether all containers are being removed to start anew. */
  readonly isRestartingAll: boolean;
  readonly resize: ResizeStatus | undefined;
  /** The message of the condition DisruptionTarget; undefined for a pod that the kubelet does not stop for the sake of the node. */
  readonly disruption: string | undefined;
  readonly nowMs: number;
}

/** A condition without what all of them have. */
type Finding = Pick<PodCondition<Date>, "type" | "reason" | "message" | "observedGeneration"> & {
  readonly holds: boolean;
};

/** The conditions that `podStatus()` sets. Others are kept as they are. */
export const ownConditionTypes: ReadonlySet<string> = new Set([
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
  "AllContainersRestarting",
  "PodResizePending",
  "PodResizeInProgress",
]);

/** The condition of a pod that is stopped by a disruption. Controllers set it as well. */
export const disruptionType = "DisruptionTarget";

/** Returns the conditions of a pod. The transition time of a condition changes only when its status changes. */
export function podConditions(pod: Pod, observed: ObservedPod, input: ConditionsInput): PodCondition<Date>[] {
  const { nowMs, previous, others, disruption } = input;
  const generation = pod.metadata?.generation;
  const foreign = others.filter(({ type }) => !ownConditionTypes.has(type));
  const kept =
    disruption === undefined
      ? foreign
      : withDisruption(foreign, disruptionTarget(disruption, nowMs, generation));
  const containersReady = containersReadyFinding(pod, input);
  const findings: Finding[] = [
    ...resizeFindings(input.resize),
    { type: "PodReadyToStartContainers", holds: !sandboxNeed(pod, observed).isNeeded },
    initializedFinding(pod, input),
    readyFinding(pod, containersReady, kept),
    containersReady,
    { type: "PodScheduled", holds: true },
    ...(mayRestartAll(pod) ? [restartingFinding(pod, observed, input)] : []),
  ];
  const own = findings.map(
    ({ type, holds, reason, message, observedGeneration = generation }): PodCondition<Date> => {
      const status = holds ? "True" : "False";
      const before = previous?.conditions?.find((condition) => condition.type === type);
      const isSame = before?.status === status;
      return {
        type,
        status,
        ...(observedGeneration !== undefined && { observedGeneration }),
        lastTransitionTime: (isSame && before.lastTransitionTime) || new Date(nowMs),
        ...(reason !== undefined && { reason }),
        ...(message !== undefined && { message }),
      };
    },
  );
  return [...kept, ...own];
}

/** Returns the condition of a pod that the kubelet stops for the sake of the node: an eviction or a preemption. */
export function disruptionTarget(
  message: string,
  nowMs: number,
  generation: number | undefined,
): PodCondition<Date> {
  return {
    type: disruptionType,
    status: "True",
    ...(generation !== undefined && { observedGeneration: generation }),
    lastTransitionTime: new Date(nowMs),
    reason: "TerminationByKubelet",
    message,
  };
}

/** Replaces the condition DisruptionTarget. One that was True before keeps its transition time. */
function withDisruption(
  conditions: readonly PodCondition<Date>[],
  added: PodCondition<Date>,
): PodCondition<Date>[] {
  const before = conditions.find(({ type }) => type === disruptionType);
  const since = before?.status === "True" ? before.lastTransitionTime : undefined;
  return [
    ...conditions.filter(({ type }) => type !== disruptionType),
    { ...added, ...(since !== undefined && { lastTransitionTime: since }) },
  ];
}

/** Returns the conditions of a resize, which exist only while they hold. */
function resizeFindings(resize: ResizeStatus | undefined): Finding[] {
  const { pending, inProgress } = resize ?? {};
  const found: Finding[] = [];
  if (pending) {
    const { reason, message, observedGeneration } = pending;
    found.push({
      type: "PodResizePending",
      holds: true,
      reason,
      message,
      ...(observedGeneration !== undefined && { observedGeneration }),
    });
  }
  if (inProgress) {
    const { generation: observedGeneration, error } = inProgress;
    found.push({
      type: "PodResizeInProgress",
      holds: true,
      ...(error !== undefined && { reason: "Error", message: error }),
      ...(observedGeneration !== undefined && { observedGeneration }),
    });
  }
  return found;
}

const endReasons = { Succeeded: "PodCompleted", Failed: "PodFailed" } as const;

function isEnd(phase: PodPhase): phase is keyof typeof endReasons {
  return phase === "Succeeded" || phase === "Failed";
}

function containersReadyFinding(pod: Pod, { phase, statuses }: ConditionsInput): Finding {
  const type = "ContainersReady";
  if (isEnd(phase)) return { type, holds: false, reason: endReasons[phase] };
  const counted = [...initContainersOf(pod).filter(isSidecar), ...regularContainersOf(pod)];
  const message = unmetText(counted, statuses, "unready", ({ ready }) => ready);
  if (message === undefined) return { type, holds: true };
  return { type, holds: false, reason: "ContainersNotReady", message };
}

function readyFinding(pod: Pod, containersReady: Finding, others: readonly PodCondition<Date>[]): Finding {
  if (!containersReady.holds) return { ...containersReady, type: "Ready" };
  const unmet = unmetReadinessGates(pod, others);
  if (unmet.length === 0) return { type: "Ready", holds: true };
  return { type: "Ready", holds: false, reason: "ReadinessGatesNotReady", message: unmet.join(", ") };
}

/** Returns why the readiness gates of a Pod are not open, by the conditions that others have set; one text for each closed gate. */
export function unmetReadinessGates(
  { spec }: Pick<Pod, "spec">,
  others: readonly Pick<PodCondition, "type" | "status">[],
): string[] {
  return (spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = others.find(({ type }) => type === conditionType);
    if (condition === undefined)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (condition.status === "True") return [];
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
}

function initializedFinding(pod: Pod, { phase, statuses, previous }: ConditionsInput): Finding {
  const type = "Initialized";
  if (phase === "Succeeded") return { type, holds: true, reason: endReasons.Succeeded };
  const regular = new Set(regularContainersOf(pod).map(({ name }) => name));
  if (statuses.some(({ name, state }) => regular.has(name) && (state?.running || state?.terminated)))
    return { type, holds: true };
  const sidecars = new Set(
    initContainersOf(pod)
      .filter(isSidecar)
      .map(({ name }) => name),
  );
  const message = unmetText(initContainersOf(pod), statuses, "incomplete", ({ name, started, ready }) =>
    sidecars.has(name) ? started === true : ready,
  );
  if (message === undefined) return { type, holds: true };
  // All containers that start anew do not make an initialized pod uninitialized.
  const wasInitialized = previous?.conditions?.some((it) => it.type === type && it.status === "True");
  if (wasInitialized) return { type, holds: true };
  return { type, holds: false, reason: "ContainersNotInitialized", message };
}

function restartingFinding(pod: Pod, observed: ObservedPod, input: ConditionsInput): Finding {
  const type = "AllContainersRestarting";
  const { phase, isRestartingAll } = input;
  if (isEnd(phase)) return { type, holds: false, reason: endReasons[phase] };
  const names = new Set([...initContainersOf(pod), ...regularContainersOf(pod)].map(({ name }) => name));
  const isOver = !observed.containers.some(({ name }) => names.has(name));
  if (!isRestartingAll || isOver) return { type, holds: false };
  const message = "container exited with restart policy rule";
  return { type, holds: true, reason: "RestartAllContainersStarted", message };
}

/** Returns the message that names the containers for which something does not hold, as kubectl users know it; undefined when there are none. */
function unmetText(
  containers: readonly Container[],
  statuses: readonly ContainerStatus<Date>[],
  adjective: "unready" | "incomplete",
  holds: (status: ContainerStatus<Date>) => boolean,
): string | undefined {
  const unknown: string[] = [];
  const unmet: string[] = [];
  for (const { name } of containers) {
    const status = statuses.find((it) => it.name === name);
    if (status === undefined) unknown.push(name);
    else if (!holds(status)) unmet.push(name);
  }
  const parts = [
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.join(" ")}]`] : []),
    ...(unmet.length > 0 ? [`containers with ${adjective} status: [${unmet.join(" ")}]`] : []),
  ];
  return parts.length > 0 ? parts.join(", ") : undefined;
}
