import { isRecord, OptionTable, option } from "../../core/index.js";
import type { LifecycleHandler, Pod } from "../api/index.js";
import { checkObservedArgument, checkPodArgument } from "../argument-checks.js";
import { containerAnnotationKeys } from "../config/container-annotations.js";
import { minStopTimeoutSeconds } from "./grace.js";
import type { ObservedContainer, ObservedPod } from "./observed.js";
import { findContainer, initContainersOf, isSidecar, regularContainersOf } from "./pod-containers.js";

/**
 * How to stop one container: run `preStop` for at most `graceSeconds`, subtract the whole seconds that it took, wait for `waitsFor` within
 * what is left, subtract the whole seconds again, and call StopContainer with `stopTimeoutSeconds()` of the rest.
 */
export interface ContainerTermination {
  /** The id of the instance. */
  readonly id: string;
  /** The name in the Pod. */
  readonly name: string;
  /** The time for the hook, for the containers that stop before this one and for the stop itself, in seconds. */
  readonly graceSeconds: number;
  /** The hook to run first; undefined when there is none, or no time for it. */
  readonly preStop: LifecycleHandler | undefined;
  /** Ids of the containers that stop before this one. */
  readonly waitsFor: readonly string[];
}

/** How to stop a pod: all containers at the same time, then all sandboxes. */
export interface TerminationPlan {
  /** The running containers. */
  readonly containers: readonly ContainerTermination[];
  /** All sandboxes, those that are not ready included: their network may still exist. */
  readonly sandboxIds: readonly string[];
}

/** The options of {@link terminationPlan}. */
export interface TerminationOptions {
  /**
   * The grace period of all containers in seconds, such as `podGraceSeconds()` returns for a pod that is stopped for good.
   * @default the Pod's `deletionGracePeriodSeconds`, its `terminationGracePeriodSeconds`, or 2
   */
  readonly graceSeconds?: number | undefined;
}

const terminationTable = new OptionTable<TerminationOptions>({ graceSeconds: option.wholeNumber(0) });

/**
 * Returns how to stop a pod. Sidecars stop last, in the reverse order of their start. Without a Pod, for what an earlier process left,
 * hooks and grace periods are those in the annotations of the containers.
 */
export function terminationPlan(
  pod: Pod | undefined,
  observed: ObservedPod,
  options: TerminationOptions = {},
): TerminationPlan {
  if (pod !== undefined) checkPodArgument("terminationPlan", pod);
  checkObservedArgument("terminationPlan", observed);
  terminationTable.check("terminationPlan", options);
  const { sandboxes, containers } = observed;
  const { graceSeconds } = options;
  const running = containers.filter(({ state }) => state === "running");
  return {
    containers: running.map((instance) => {
      const { id, name, annotations } = instance;
      const spec = pod && findContainer(pod, name)?.container;
      const seconds = graceSeconds ?? podGrace(pod) ?? annotatedGrace(annotations) ?? minStopTimeoutSeconds;
      const preStop = spec === undefined ? annotatedPreStop(annotations) : spec.lifecycle?.preStop;
      return {
        id,
        name,
        graceSeconds: seconds,
        preStop: seconds > 0 ? preStop : undefined,
        waitsFor: pod === undefined ? [] : predecessors(pod, instance, running),
      };
    }),
    sandboxIds: sandboxes.map(({ id }) => id),
  };
}

function podGrace(pod: Pod | undefined): number | undefined {
  return pod?.metadata?.deletionGracePeriodSeconds ?? pod?.spec?.terminationGracePeriodSeconds;
}

/** Returns the ids of what stops before a sidecar: regular containers, and the sidecars that started after it. */
function predecessors(
  pod: Pod,
  { name }: ObservedContainer,
  running: readonly ObservedContainer[],
): readonly string[] {
  const initContainers = initContainersOf(pod);
  const index = initContainers.findIndex((container) => container.name === name && isSidecar(container));
  if (index === -1) return [];
  const names = new Set(
    [...regularContainersOf(pod), ...initContainers.slice(index + 1).filter(isSidecar)].map((it) => it.name),
  );
  return running.filter((other) => names.has(other.name)).map(({ id }) => id);
}

type Annotations = ObservedContainer["annotations"];

function annotatedGrace(annotations: Annotations): number | undefined {
  const text =
    annotations[containerAnnotationKeys.deletionGracePeriod] ??
    annotations[containerAnnotationKeys.terminationGracePeriod];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Returns the hook that was annotated when the container was created. Malformed JSON counts as none: it must not prevent the stop. */
function annotatedPreStop(annotations: Annotations): LifecycleHandler | undefined {
  try {
    const handler: unknown = JSON.parse(annotations[containerAnnotationKeys.preStopHandler] ?? "null");
    const hasAction =
      isRecord(handler) && ["exec", "httpGet", "sleep", "tcpSocket"].some((it) => it in handler);
    // The annotation is written from a validated Pod.
    return hasAction ? (handler as LifecycleHandler) : undefined;
  } catch {
    return undefined;
  }
}
