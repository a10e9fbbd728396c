import type { Pod, PodCondition, PodStatus } from "../api/index.js";
import type { NodeFacts } from "../config/node-facts.js";
import type { ObservedPod } from "../worker/observed.js";
import type { ProbeStates } from "../worker/probe-states.js";

/** Why a container does not run, as `state.waiting` reports it. */
export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

/** What {@link podStatus} is computed from, beside the Pod and what the runtime reports. */
export interface PodStatusInput {
  /** The current time in milliseconds since 1970. */
  readonly nowMs: number;
  readonly node: Pick<NodeFacts, "nodeIPs" | "runtimeName" | "runtimeHandlers">;
  readonly probes: ProbeStates;
  /** Why the last start of a container failed, by its name. A successful start removes it. */
  readonly waiting: Readonly<Record<string, WaitingReason>>;
  /** What containers wrote at their end, by their ids: `readTerminationMessage()`. */
  readonly terminationMessages: Readonly<Record<string, string>>;
  /** The status that this function returned before for the same pod. Undefined for the first one. */
  readonly previous?: PodStatus<Date> | undefined;
  /** Whether the pod was deleted. Then no container waits for a restart. */
  readonly isDeleted?: boolean | undefined;
  /** Whether all containers were stopped for good. The phase becomes Succeeded or Failed. */
  readonly isTerminated?: boolean | undefined;
  /** Why the pod fails whatever its containers do, such as the reason Evicted. */
  readonly failure?: WaitingReason | undefined;
  /** Conditions that others set, such as those of readiness gates. */
  readonly conditions?: readonly PodCondition<Date>[] | undefined;
}

/** Returns the status of a pod, as the kubelet reports it. */
export function podStatus(_pod: Pod, _observed: ObservedPod, _input: PodStatusInput): PodStatus<Date> {
  throw new Error("podStatus: follows in the next commit");
}
