import type { Container, ContainerStatus, Pod } from "../api/index.js";
import { isStaticPod } from "../critical-pods.js";
import { initContainersOf, isSidecar, regularContainersOf } from "../worker/pod-containers.js";
import { restartsAfter } from "../worker/restart-rules.js";
import { restartingAllContainers } from "./container-states.js";

/** Where a pod is in its life. */
export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

/** The input of {@link podPhase}. */
export interface PhaseInput {
  /** The statuses of init and regular containers. */
  readonly statuses: readonly ContainerStatus<Date>[];
  /** Whether all containers were stopped for good: then restart policies do not count. */
  readonly isTerminated: boolean;
  /** Whether a regular container was created in the current sandbox: then sidecars that start again do not count. */
  readonly hasInitialized: boolean;
}

type Progress = "unknown" | "pending" | "running" | "stopped";

/** Returns the phase of a pod from the statuses of its containers. Sidecars that stopped do not count. */
export function podPhase(pod: Pod, { statuses, isTerminated, hasInitialized }: PhaseInput): PodPhase {
  const statusOf = ({ name }: Container) => statuses.find((status) => status.name === name);
  const inits = initContainersOf(pod).filter((container) => !isSidecar(container));
  if (inits.some((container) => failedForGood(pod, container, statusOf(container)))) return "Failed";

  const sidecars = initContainersOf(pod).filter(isSidecar).map(statusOf);
  const regular = regularContainersOf(pod);
  const progress = [
    ...sidecars.map(progressOf).filter((it) => it !== "stopped"),
    ...regular.map(statusOf).map(progressOf),
  ];
  const isInitializing =
    inits.map(statusOf).some((status) => progressOf(status) !== "stopped") ||
    (!hasInitialized &&
      sidecars.some(
        (status) => progressOf(status) !== "stopped" && !(status?.state?.running && status.started),
      ));
  if (isInitializing || progress.includes("pending")) return "Pending";
  if (progress.includes("unknown")) return "Pending";
  if (progress.includes("running")) return "Running";
  if (!progress.includes("stopped")) return "Pending";

  const endsAsItIs = isTerminated && !isStaticPod(pod);
  if (!endsAsItIs && regular.some((container) => !stoppedForGood(pod, container, statusOf(container))))
    return "Running";
  return regular.every((container) => statusOf(container)?.state?.terminated?.exitCode === 0)
    ? "Succeeded"
    : "Failed";
}

/** Returns how far a container is. One that waits for a restart counts as stopped. */
function progressOf(status: ContainerStatus<Date> | undefined): Progress {
  const { running, terminated, waiting } = status?.state ?? {};
  if (running) return "running";
  if (terminated) return "stopped";
  if (waiting) return status?.lastState?.terminated ? "stopped" : "pending";
  return "unknown";
}

/** Returns how the newest ended instance of a stopped container ended. */
function endOf({ state, lastState }: ContainerStatus<Date>) {
  return state?.terminated ?? (state?.waiting && lastState?.terminated);
}

function stoppedForGood(pod: Pod, container: Container, status: ContainerStatus<Date> | undefined): boolean {
  const end = status && endOf(status);
  return (
    end !== undefined &&
    end.reason !== restartingAllContainers &&
    !restartsAfter(pod, container, end.exitCode)
  );
}

function failedForGood(pod: Pod, container: Container, status: ContainerStatus<Date> | undefined): boolean {
  return stoppedForGood(pod, container, status) && (status && endOf(status))?.exitCode !== 0;
}
