import type { Container, ContainerStatus, Pod, PodStatus } from "../api/index.js";
import { checkObservedArgument, checkPodArgument } from "../argument-checks.js";
import { onePerFamily } from "../config/addresses.js";
import type { ContainerKind } from "../config/pod-configs.js";
import { podQosClass } from "../config/pod-resources.js";
import { isStaticPod } from "../critical-pods.js";
import type { ObservedPod } from "../worker/observed.js";
import { activeSandbox, podContainers, regularContainersOf } from "../worker/pod-containers.js";
import { anyTriggersRestartOfAll } from "../worker/restart-rules.js";
import { podConditions } from "./conditions.js";
import { containerStatus, type StatusContext } from "./container-statuses.js";
import { type PodPhase, podPhase } from "./phase.js";
import { type PodStatusInput, podStatusInputTable } from "./status-input.js";
import { withEnds } from "./terminated-containers.js";

/**
 * Returns the status of a pod, as the kubelet reports it: from the Pod with its defaults, what the runtime reports, and the status before.
 * A terminal phase never changes. The times have milliseconds; `podStatusJson()` writes whole seconds, as the API has them.
 */
export function podStatus(pod: Pod, observed: ObservedPod, input: PodStatusInput): PodStatus<Date> {
  checkPodArgument("podStatus", pod);
  checkObservedArgument("podStatus", observed);
  podStatusInputTable.check("podStatus", input);
  const { nowMs, previous, isTerminated = false } = input;
  const isRestartingAll = isRestartingAllContainers(previous) || anyTriggersRestartOfAll(pod, observed);
  const isDeleted = input.isDeleted ?? pod.metadata?.deletionTimestamp !== undefined;
  const context: StatusContext = { pod, observed, input, isDeleted, isRestartingAll };
  const ephemeral = statusesOf(["ephemeral"], previous?.ephemeralContainerStatuses, context);
  const found = {
    init: statusesOf(["init", "sidecar"], previous?.initContainerStatuses, context),
    regular: statusesOf(["regular"], previous?.containerStatuses, context),
  };
  const foundPhase = podPhase(pod, {
    statuses: [...found.init, ...found.regular],
    isTerminated,
    hasInitialized: hasActiveRegularContainer(pod, observed),
  });
  const { init, regular } = isTerminated ? withEnds(pod, found) : found;
  const startTime = previous?.startTime ?? startTimeOf(pod) ?? new Date(nowMs);
  const outcome = outcomeOf(pod, input, foundPhase, startTime);
  const isRestartingNow = isRestartingAll && !isTerminated;
  const generation = pod.metadata?.generation;
  const sorted = [...regular].sort(byName);
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    ...outcome,
    conditions: podConditions(pod, observed, {
      phase: outcome.phase,
      statuses: [...init, ...regular],
      previous,
      others: input.conditions ?? previous?.conditions ?? [],
      isRestartingAll: isRestartingNow,
      resize: isTerminated ? undefined : input.resize,
      disruption: input.failure?.disruption,
      nowMs,
    }),
    ...addresses(pod, observed, input),
    startTime,
    ...(init.length > 0 && { initContainerStatuses: [...init] }),
    containerStatuses: sorted,
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: [...ephemeral].sort(byName) }),
    // It never changes.
    qosClass: previous?.qosClass ?? podQosClass(pod),
  };
}

/** Returns whether all containers of a pod are being removed, to be started again, by its status. */
export function isRestartingAllContainers(status: PodStatus<Date> | undefined): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === "AllContainersRestarting" && condition.status === "True",
  );
}

/** Returns whether a phase is one that a pod never leaves. */
export function isTerminalPhase(phase: string | undefined): phase is "Succeeded" | "Failed" {
  return phase === "Succeeded" || phase === "Failed";
}

/** Returns when the deadline of a pod ends, in milliseconds since 1970; undefined for a pod without one. */
export function deadlineMs({ spec }: Pod, startTime: Date): number | undefined {
  const seconds = spec?.activeDeadlineSeconds;
  return seconds === undefined ? undefined : startTime.getTime() + seconds * 1000;
}

function statusesOf(
  kinds: readonly ContainerKind[],
  previous: readonly ContainerStatus<Date>[] | undefined,
  context: StatusContext,
): readonly ContainerStatus<Date>[] {
  const before = ({ name }: Container) => previous?.find((status) => status.name === name);
  return podContainers(context.pod)
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ kind, container }) => containerStatus(container, kind, before(container), context));
}

function byName(one: ContainerStatus<Date>, other: ContainerStatus<Date>): number {
  return one.name < other.name ? -1 : 1;
}

/** Returns whether a regular container was created in the current sandbox. */
function hasActiveRegularContainer(pod: Pod, observed: ObservedPod): boolean {
  const sandbox = activeSandbox(observed);
  const names = new Set(regularContainersOf(pod).map(({ name }) => name));
  return observed.containers.some(({ sandboxId, name }) => sandboxId === sandbox?.id && names.has(name));
}

function startTimeOf({ status }: Pod): Date | undefined {
  return status?.startTime === undefined ? undefined : new Date(status.startTime);
}

type Outcome = { readonly phase: PodPhase } & Pick<PodStatus<Date>, "reason" | "message">;

/** Returns the phase with its reason: of the containers, unless the pod has ended before, failed as a whole, or is past its deadline. */
function outcomeOf(pod: Pod, input: PodStatusInput, found: PodPhase, startTime: Date): Outcome {
  const { nowMs, previous, failure, isTerminated = false } = input;
  const before = isTerminalPhase(previous?.phase) ? previous.phase : pod.status?.phase;
  if (isTerminalPhase(before)) return { phase: before, ...reasonOf(previous) };
  if (failure) return { phase: "Failed", reason: failure.reason, message: failure.message };
  const deadline = deadlineMs(pod, startTime);
  if (deadline !== undefined && nowMs >= deadline) {
    const message = "Pod was active on the node longer than the specified deadline";
    return { phase: "Failed", reason: "DeadlineExceeded", message };
  }
  const phase = isTerminated && !isTerminalPhase(found) && !isStaticPod(pod) ? "Failed" : found;
  return phase === previous?.phase ? { phase, ...reasonOf(previous) } : { phase };
}

function reasonOf(status: PodStatus<Date> | undefined): Pick<PodStatus<Date>, "reason" | "message"> {
  const { reason, message } = status ?? {};
  return { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) };
}

/** Returns the addresses of the pod and its node: one of each IP family, that of the node's family first. */
function addresses(
  pod: Pod,
  observed: ObservedPod,
  { node, previous }: PodStatusInput,
): Pick<PodStatus<Date>, "hostIP" | "hostIPs" | "podIP" | "podIPs"> {
  const hostIPs = onePerFamily(node.nodeIPs, node.nodeIPs).map((ip) => ({ ip }));
  const [hostIP] = hostIPs;
  const podIPs = podAddresses(pod, observed, node.nodeIPs, previous).map((ip) => ({ ip }));
  const [podIP] = podIPs;
  return {
    ...(hostIP && { hostIP: hostIP.ip, hostIPs }),
    ...(podIP && { podIP: podIP.ip, podIPs }),
  };
}

function podAddresses(
  pod: Pod,
  observed: ObservedPod,
  nodeIPs: readonly string[],
  previous: PodStatus<Date> | undefined,
): readonly string[] {
  if (pod.spec?.hostNetwork) return onePerFamily(nodeIPs, nodeIPs);
  const current = onePerFamily(activeSandbox(observed)?.ips ?? [], nodeIPs);
  if (current.length > 0 || observed.sandboxes.some(({ isReady }) => isReady)) return current;
  // Runtimes drop the addresses of stopped sandboxes; the status keeps them.
  return (previous?.podIPs ?? []).map(({ ip }) => ip);
}
