import type { ContainerState, ContainerStateTerminated, ContainerStatus } from "../api/index.js";
import type { ObservedContainer } from "../worker/observed.js";

/** The reason of containers that are removed because all containers of their pod start anew. */
export const restartingAllContainers = "RestartingAllContainers";

/** A container that is gone without an exit code. 137 counts as a failure. */
export function lostContainer(reason: string, message: string): ContainerStateTerminated<Date> {
  return { exitCode: 137, reason, message };
}

/** The end of a container that a runtime has lost. */
export const statusUnknown = "ContainerStatusUnknown";

/** What {@link stateOf} depends on, beside the instance. */
export interface StateContext {
  readonly runtimeName: string;
  readonly isRestartingAll: boolean;
  readonly terminationMessage: string | undefined;
}

/** Returns the state of an instance. An unknown state is a lost container where the previous status was running, otherwise waiting. */
export function stateOf(
  instance: ObservedContainer,
  previous: ContainerStatus<Date> | undefined,
  { runtimeName, isRestartingAll, terminationMessage }: StateContext,
): ContainerState<Date> {
  switch (instance.state) {
    case "running":
      return { running: { startedAt: dateOf(instance.startedAtNanos) } };
    case "exited": {
      const message = [instance.message, terminationMessage ?? ""].filter((text) => text !== "").join(": ");
      return {
        terminated: {
          exitCode: instance.exitCode,
          ...(instance.reason !== "" && { reason: instance.reason }),
          ...(message !== "" && { message }),
          startedAt: dateOf(instance.startedAtNanos),
          finishedAt: dateOf(instance.finishedAtNanos),
          containerID: containerId(runtimeName, instance),
        },
      };
    }
    case "unknown":
      if (previous?.state?.running === undefined) return { waiting: {} };
      return {
        terminated: lostContainer(
          isRestartingAll ? restartingAllContainers : statusUnknown,
          "The runtime reports the state of the container as unknown",
        ),
      };
    case "created":
      return { waiting: {} };
  }
}

/** Returns `containerd://ID`. */
export function containerId(runtimeName: string, { id }: ObservedContainer): string {
  return `${runtimeName}://${id}`;
}

/** Returns a time of CRI. 0, for a container that never started, is 1970, as in the kubelet's statuses. */
function dateOf(nanos: bigint): Date {
  return new Date(Number(nanos / 1_000_000n));
}
