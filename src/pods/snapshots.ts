import {
  type ContainerStatus,
  PodSandboxState,
  type PodSandboxStatus,
  ContainerState as State,
} from "../../gen/runtime/v1/api_pb.js";
import { nanosToDate } from "../core/index.js";
import { type ContainerExit, containerExit } from "../events/index.js";

/** A sandbox as it was when it was looked at. */
export interface PodSnapshot {
  /** `ready` is PodSandboxState SANDBOX_READY; `notReady`, that it was stopped or its own process ended. */
  readonly state: "ready" | "notReady";
  /** PodSandboxNetworkStatus.ip; undefined with the host's network, and for most runtimes once it was stopped. */
  readonly ip: string | undefined;
  /** All addresses, the first one included: ip and additional_ips. */
  readonly ips: readonly string[];
  readonly createdAt: Date | undefined;
  /** PodSandboxStatus.runtime_handler; "" is the default one. */
  readonly runtimeHandler: string;
  /** CRI's own message. */
  readonly message: PodSandboxStatus;
}

interface ContainerFacts {
  readonly createdAt: Date | undefined;
  /** CRI's own message. */
  readonly message: ContainerStatus;
}

/** A container that was not started. */
export interface CreatedContainer extends ContainerFacts {
  readonly state: "created";
}

/** A container that runs. */
export interface RunningContainer extends ContainerFacts {
  readonly state: "running";
  readonly startedAt: Date | undefined;
}

/** A container that ended. CRI starts no container twice. */
export interface ExitedContainer extends ContainerFacts, ContainerExit {
  readonly state: "exited";
}

/** A container of which the runtime does not know what became of it. */
export interface UnknownContainer extends ContainerFacts {
  readonly state: "unknown";
}

/** A container as it was when it was looked at; `state` tells which fields there are. */
export type ContainerSnapshot = CreatedContainer | RunningContainer | ExitedContainer | UnknownContainer;

/** What a sandbox's status says. */
export function podSnapshot(message: PodSandboxStatus): PodSnapshot {
  const { network } = message;
  const ips = [network?.ip ?? "", ...(network?.additionalIps ?? []).map(({ ip }) => ip)].filter(Boolean);
  return {
    state: message.state === PodSandboxState.SANDBOX_READY ? "ready" : "notReady",
    ip: ips[0],
    ips,
    createdAt: nanosToDate(message.createdAt),
    runtimeHandler: message.runtimeHandler,
    message,
  };
}

/** What a container's status says. */
export function containerSnapshot(message: ContainerStatus): ContainerSnapshot {
  const facts = { createdAt: nanosToDate(message.createdAt), message };
  switch (message.state) {
    case State.CONTAINER_CREATED:
      return { state: "created", ...facts };
    case State.CONTAINER_RUNNING:
      return { state: "running", startedAt: nanosToDate(message.startedAt), ...facts };
    case State.CONTAINER_EXITED:
      return { state: "exited", ...containerExit(message), ...facts };
    default:
      return { state: "unknown", ...facts };
  }
}
