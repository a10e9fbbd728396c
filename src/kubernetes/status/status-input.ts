import { isRecord, OptionTable, option } from "../../core/index.js";
import type { PodCondition, PodStatus, ResourceRequirements } from "../api/index.js";
import type { NodeFacts } from "../config/node-facts.js";
import type { PendingResize } from "../worker/ports.js";
import type { ProbeStates } from "../worker/probe-states.js";

/** Why a container does not run, as `state.waiting` reports it. */
export interface WaitingState {
  /** In CamelCase, such as `CreateContainerError`. */
  readonly reason: string;
  /** The reason as a sentence. */
  readonly message: string;
}

/** Why a pod fails as a whole, whatever its containers do. */
export interface PodFailure {
  /** In CamelCase, such as `Evicted` or `Preempting`. */
  readonly reason: string;
  /** The reason as a sentence. */
  readonly message: string;
  /**
   * The message of the condition DisruptionTarget with the reason TerminationByKubelet: for a pod that is stopped for the sake of the
   * node, so that controllers do not count its failure.
   * @default the pod does not get the condition
   */
  readonly disruption?: string | undefined;
}

/** What `podStatus()` is computed from, beside the Pod and what the runtime reports. */
export interface PodStatusInput {
  /** The current time in milliseconds since 1970. */
  readonly nowMs: number;
  /** What the status says about the node. */
  readonly node: Pick<NodeFacts, "nodeIPs" | "runtimeName" | "runtimeHandlers">;
  /** The results of the probes, by the id of the container. */
  readonly probes: ProbeStates;
  /** Why the last start of a container failed, by its name. A successful start removes it. */
  readonly waiting: Readonly<Record<string, WaitingState>>;
  /** What containers wrote at their end, by their ids: `readTerminationMessage()`. */
  readonly terminationMessages: Readonly<Record<string, string>>;
  /** The status that `podStatus()` returned before for the same pod. Undefined for the first one. */
  readonly previous?: PodStatus<Date> | undefined;
  /** Whether the pod was deleted. Then no container waits for a restart. @default whether the Pod has a `deletionTimestamp` */
  readonly isDeleted?: boolean | undefined;
  /** Whether all containers were stopped for good. Then the phase becomes Succeeded or Failed. @default false */
  readonly isTerminated?: boolean | undefined;
  /** Why the pod fails as a whole, such as the reason Evicted. @default none */
  readonly failure?: PodFailure | undefined;
  /** Conditions that others set, such as those of readiness gates. @default none */
  readonly conditions?: readonly PodCondition<Date>[] | undefined;
  /** How far a change of the pod's resources is. @default the containers have the resources of the Pod */
  readonly resize?: ResizeStatus | undefined;
}

/** How far a change of the resources of a pod is. */
export interface ResizeStatus {
  /** The resources of running containers, by name. Missing containers have the resources of the Pod. */
  readonly actuated: Readonly<Record<string, ResourceRequirements>>;
  /** Why a newer version of the resources is not allocated: the condition PodResizePending. */
  readonly pending: PendingResize | undefined;
  /** Whether containers have other resources than are allocated: the condition PodResizeInProgress, with an error if the last attempt failed. */
  readonly inProgress:
    | {
        /** `metadata.generation` of the Pod whose resources are allocated. */
        readonly generation: number | undefined;
        /** Why the last attempt failed. */
        readonly error: string | undefined;
      }
    | undefined;
}

const waitingTable = new OptionTable<WaitingState>({
  reason: option.required(option.string),
  message: option.required(option.string),
});
const failureTable = new OptionTable<PodFailure>({
  reason: option.required(option.string),
  message: option.required(option.string),
  disruption: option.string,
});
const resizeTable = new OptionTable<ResizeStatus>({
  actuated: option.required(option.recordOf(option.object)),
  pending: option.nested(
    new OptionTable<PendingResize>({
      reason: option.required(option.oneOf("Deferred", "Infeasible")),
      message: option.required(option.string),
      observedGeneration: option.wholeNumber(0),
    }),
  ),
  inProgress: option.nested(
    new OptionTable<NonNullable<ResizeStatus["inProgress"]>>({
      generation: option.wholeNumber(0),
      error: option.string,
    }),
  ),
});
const record = (value: object) => (isRecord(value) ? undefined : "must be an object");

export const podStatusInputTable = new OptionTable<PodStatusInput>({
  nowMs: option.required(option.number(0)),
  node: option.required((value: unknown) =>
    isRecord(value) && Array.isArray(value.nodeIPs) && isRecord(value.runtimeHandlers)
      ? undefined
      : "must have nodeIPs, runtimeName and runtimeHandlers, as `nodeFacts(cri)` returns them",
  ),
  probes: option.required(option.callback),
  waiting: option.required(option.recordOf(option.nested(waitingTable))),
  terminationMessages: option.required(option.recordOf(option.string)),
  previous: record,
  isDeleted: option.boolean,
  isTerminated: option.boolean,
  failure: option.nested(failureTable),
  conditions: option.listOf(record),
  resize: option.nested(resizeTable),
});
