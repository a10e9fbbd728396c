import {
  type Container,
  type ContainerStatus,
  disruptionType,
  isTerminalPhase,
  ownConditionTypes,
  type PodCondition,
  type PodStatus,
  unmetReadinessGates,
} from "../../kubernetes/index.js";
import type { ApiPod } from "./api-objects.js";

type Status = PodStatus<string>;
type Condition = PodCondition<string>;
type ContainerState = ContainerStatus<string>;

/**
 * Returns the status to report of a Pod, from the one that the API server has and the one that was computed here. Terminal phases
 * and the ends of containers that must not start again are kept, restart counts never fall, conditions of others stay, and readiness gates
 * are evaluated.
 *
 * @param found the Pod at the API server
 */
export function mergePodStatus(found: ApiPod, computed: Status, nowText: string): Status {
  const before = found.status ?? {};
  const { conditions: _conditions, startTime, ...rest } = keptFields(computed);
  const outcome = outcomeOf(isTerminalPhase(before.phase) ? before : computed);
  const conditions = mergedConditions(found, { ...computed, ...outcome }, nowText);
  return {
    ...keptFields(before),
    ...rest,
    ...outcome,
    conditions,
    ...mergedContainers(found, computed),
    ...(before.startTime !== undefined || startTime !== undefined
      ? { startTime: before.startTime ?? startTime }
      : {}),
  } as Status;
}

function outcomeOf({ phase, reason, message }: Pick<Status, "phase" | "reason" | "message">) {
  return {
    ...(phase !== undefined && { phase }),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
  };
}

/** What stays of a status when it is not in the new one: reasons end with their cause. */
function keptFields({ phase: _phase, reason: _reason, message: _message, ...rest }: Status): Status {
  return rest;
}

function mergedConditions(found: ApiPod, computed: Status, nowText: string): Condition[] {
  const before = found.status?.conditions ?? [];
  const others = before.filter(({ type }) => !ownConditionTypes.has(type));
  const isEnd = isTerminalPhase(computed.phase);
  const shared = computed.conditions?.find(({ type }) => type === disruptionType);
  // Controllers must not replace the pod while its containers still run.
  const foreign =
    shared && isEnd ? [...others.filter(({ type }) => type !== disruptionType), shared] : others;
  const own = computed.conditions?.filter(({ type }) => ownConditionTypes.has(type));
  const kept = before.filter(
    ({ type }) => ownConditionTypes.has(type) && (own === undefined || type === "PodScheduled"),
  );
  const current = [...kept.filter(({ type }) => !own?.some((one) => one.type === type)), ...(own ?? [])];
  const complete = isEnd ? ended(current, computed.phase) : gated(found, current, foreign);
  return [...foreign, ...complete.map((condition) => withTransition(condition, before, nowText))];
}

/** The time of a condition changes only when its status does: a kubelet that was restarted does not know it. */
function withTransition(condition: Condition, before: readonly Condition[], nowText: string): Condition {
  const old = before.find(({ type }) => type === condition.type);
  const isSame = old?.status === condition.status && old.lastTransitionTime !== undefined;
  const lastTransitionTime = isSame ? old.lastTransitionTime : (condition.lastTransitionTime ?? nowText);
  return { ...condition, ...(lastTransitionTime !== undefined && { lastTransitionTime }) };
}

/** A pod that has ended is not ready, whatever was computed last. */
function ended(conditions: readonly Condition[], phase: string | undefined): Condition[] {
  const reason = phase === "Succeeded" ? "PodCompleted" : "PodFailed";
  const types = ["Ready", "ContainersReady"];
  const rest = conditions.filter(({ type }) => !types.includes(type));
  const ends = types.map((type): Condition => {
    const found = conditions.find((one) => one.type === type);
    if (found?.status === "False") return found;
    const { observedGeneration } = found ?? {};
    return { type, status: "False", reason, ...(observedGeneration !== undefined && { observedGeneration }) };
  });
  return [...rest, ...ends];
}

/** Decides about Ready again, by the readiness gates: others set their conditions, which only the API server has. */
function gated(found: ApiPod, own: readonly Condition[], others: readonly Condition[]): Condition[] {
  const areContainersReady = own.some(({ type, status }) => type === "ContainersReady" && status === "True");
  if (!areContainersReady || !found.spec?.readinessGates?.length) return [...own];
  const problems = unmetReadinessGates(found, others);
  return own.map((condition): Condition => {
    if (condition.type !== "Ready") return condition;
    const { reason: _reason, message: _message, ...ready } = condition;
    if (problems.length === 0) return { ...ready, status: "True" };
    return { ...ready, status: "False", reason: "ReadinessGatesNotReady", message: problems.join(", ") };
  });
}

function mergedContainers(found: ApiPod, computed: Status): Partial<Status> {
  const { containers = [], initContainers = [] } = found.spec ?? {};
  const before = found.status ?? {};
  const merged = (
    name: "containerStatuses" | "initContainerStatuses" | "ephemeralContainerStatuses",
    mayRestart: (status: ContainerState) => boolean,
  ) => {
    const statuses = computed[name] ?? before[name];
    if (statuses === undefined) return {};
    const one = (status: ContainerState) => {
      const old = before[name]?.find((it) => it.name === status.name);
      return old === undefined ? status : mergedContainer(old, status, mayRestart(old));
    };
    return { [name]: statuses.map(one) };
  };
  const restarts = restartRule(found, [...containers, ...initContainers]);
  return {
    ...merged("containerStatuses", (old) => restarts(containers, old)),
    ...merged("initContainerStatuses", (old) => restarts(initContainers, old)),
    ...merged("ephemeralContainerStatuses", () => false),
  };
}

/** Returns whether a container that has ended may start again. Source: the kubelet, which reports no other transition. */
function restartRule({ spec }: ApiPod, all: readonly Container[]) {
  const hasOwnRules = all.some((container) => "restartPolicyRules" in container);
  return (containers: readonly Container[], { name, state }: ContainerState): boolean => {
    const container = containers.find((one) => one.name === name);
    const policy = container?.restartPolicy ?? spec?.restartPolicy ?? "Always";
    if (hasOwnRules || policy === "Always") return true;
    return policy === "OnFailure" && state?.terminated?.exitCode !== 0;
  };
}

function mergedContainer(old: ContainerState, status: ContainerState, mayRestart: boolean): ContainerState {
  const hadEnded = old.state?.terminated !== undefined;
  if (hadEnded && !status.state?.terminated && !mayRestart) return old;
  const restartCount = Math.max(old.restartCount, status.restartCount);
  const lastEnd = status.lastState?.terminated ?? (old.lastState?.terminated || undefined);
  return {
    ...status,
    restartCount,
    ...(lastEnd && { lastState: { ...status.lastState, terminated: lastEnd } }),
  };
}
