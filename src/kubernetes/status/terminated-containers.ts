import type { ContainerStatus, Pod } from "../api/index.js";
import { initContainersOf, isSidecar } from "../worker/pod-containers.js";
import { lostContainer, statusUnknown } from "./container-states.js";

/** The statuses of the containers of a pod. */
export interface ContainerStatuses {
  readonly init: readonly ContainerStatus<Date>[];
  readonly regular: readonly ContainerStatus<Date>[];
}

/**
 * Returns the statuses of a pod that was stopped for good: each container that was started at some time has ended, and one whose end is
 * unknown has failed. Those that never had their turn keep waiting.
 */
export function withEnds(pod: Pod, { init, regular }: ContainerStatuses): ContainerStatuses {
  const lastStarted = init.findLastIndex(
    ({ state, lastState }) => state?.waiting === undefined || lastState?.terminated !== undefined,
  );
  return {
    init: init.map((status, index) => (index <= Math.max(lastStarted, 0) ? ended(status) : status)),
    regular: wasInitialized(pod, { init, regular }) ? regular.map(ended) : regular,
  };
}

function ended(status: ContainerStatus<Date>): ContainerStatus<Date> {
  if (status.state?.terminated) return status;
  const terminated = lostContainer(
    statusUnknown,
    "The container could not be located when the pod was terminated",
  );
  return { ...status, ready: false, started: false, state: { terminated } };
}

function wasInitialized(pod: Pod, { init, regular }: ContainerStatuses): boolean {
  const last = initContainersOf(pod).at(-1);
  if (last === undefined) return true;
  if (regular.some(({ state, lastState }) => lastState?.terminated || !state?.waiting)) return true;
  const status = init.find(({ name }) => name === last.name);
  if (isSidecar(last)) return status?.state?.running !== undefined && status.started === true;
  return [status?.state, status?.lastState].some((state) => state?.terminated?.exitCode === 0);
}
