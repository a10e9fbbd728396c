import {
  ContainerState,
  type ContainerStatus,
  PodSandboxState,
  type PodSandboxStatus,
  type PodSandboxStatusResponse,
} from "../../gen/runtime/v1/api_pb.js";
import type { RuntimeClient } from "../clients/index.js";
import { type CallOptions, criError, isCriError, nanosToDate, withJson } from "../core/index.js";
import { type ContainerExit, containerExit } from "../events/index.js";

/** The status of a sandbox at one moment. */
export interface PodSnapshot {
  /** `ready` is SANDBOX_READY. `notReady`: the sandbox was stopped, or its own process ended. */
  readonly state: "ready" | "notReady";
  /** PodSandboxNetworkStatus.ip; undefined on the host network, and on most runtimes after the sandbox was stopped. */
  readonly ip: string | undefined;
  /** All addresses, the first one included: ip and additional_ips. */
  readonly ips: readonly string[];
  /** PodSandboxStatus.created_at; undefined when the runtime does not report it. */
  readonly createdAt: Date | undefined;
  /** PodSandboxStatus.runtime_handler; "" is the runtime's default. */
  readonly runtimeHandler: string;
  /** CRI's message. */
  readonly message: PodSandboxStatus;
}

interface SnapshotBase {
  /** ContainerStatus.created_at; undefined when the runtime does not report it. */
  readonly createdAt: Date | undefined;
  /** CRI's message. */
  readonly message: ContainerStatus;
}

/** A container that was created and not started yet. @inline */
export interface CreatedContainer extends SnapshotBase {
  readonly state: "created";
}

/** A running container. @inline */
export interface RunningContainer extends SnapshotBase {
  readonly state: "running";
  /** ContainerStatus.started_at; undefined when the runtime does not report it. */
  readonly startedAt: Date | undefined;
}

/** A container that exited. CRI never starts it again. @inline */
export interface ExitedContainer extends SnapshotBase, ContainerExit {
  readonly state: "exited";
}

/** A container in the state CONTAINER_UNKNOWN. @inline */
export interface UnknownContainer extends SnapshotBase {
  readonly state: "unknown";
}

/** The status of a container at one moment; a union by `state`. */
export type ContainerSnapshot = CreatedContainer | RunningContainer | ExitedContainer | UnknownContainer;

type HasRuntime = { readonly runtime: Pick<RuntimeClient, "podSandboxStatus" | "containerStatus"> };

/** Returns a sandbox's status. Rejects with `object_missing` for a sandbox that does not exist. */
export async function getSandboxStatus(
  { runtime }: HasRuntime,
  podSandboxId: string,
  options?: CallOptions,
): Promise<PodSandboxStatus> {
  return statusOf(await runtime.podSandboxStatus({ podSandboxId }, options));
}

/** Returns a sandbox's status with the runtime's verbose `info`. Rejects as {@link getSandboxStatus}. */
export async function getSandboxDetails(
  { runtime }: HasRuntime,
  podSandboxId: string,
  options?: CallOptions,
): Promise<{ readonly status: PodSandboxStatus; readonly info: PodSandboxStatusResponse["info"] }> {
  const response = await runtime.podSandboxStatus({ podSandboxId, verbose: true }, options);
  return { status: statusOf(response), info: response.info };
}

/** Returns a container's status. Rejects with `object_missing` for a container that does not exist. */
export async function getContainerSnapshot(
  { runtime }: HasRuntime,
  containerId: string,
  options?: CallOptions,
): Promise<ContainerSnapshot> {
  return containerSnapshot(statusOf(await runtime.containerStatus({ containerId }, options)));
}

/** Returns the log path of a container; "" for one that has no log or does not exist. */
export async function getLogPath(
  context: HasRuntime,
  containerId: string,
  options: CallOptions,
): Promise<string> {
  const found = await undefinedIfMissing(getContainerSnapshot(context, containerId, options));
  return found?.message.logPath ?? "";
}

/** Resolves with undefined instead of rejecting with `object_missing`. */
export async function undefinedIfMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isCriError(error) && error.reason === "object_missing") return undefined;
    throw error;
  }
}

function statusOf<T>({ status }: { readonly status?: T | undefined }): T {
  if (status !== undefined) return status;
  throw criError("invalid_response", "the response contains no status");
}

export function podSnapshot(message: PodSandboxStatus): PodSnapshot {
  const { network } = message;
  const ips = [network?.ip ?? "", ...(network?.additionalIps ?? []).map(({ ip }) => ip)].filter(Boolean);
  return withJson<PodSnapshot>({
    state: message.state === PodSandboxState.SANDBOX_READY ? "ready" : "notReady",
    ip: ips[0],
    ips,
    createdAt: nanosToDate(message.createdAt),
    runtimeHandler: message.runtimeHandler,
    message,
  });
}

function containerSnapshot(message: ContainerStatus): ContainerSnapshot {
  return withJson(snapshotOf(message));
}

function snapshotOf(message: ContainerStatus): ContainerSnapshot {
  const base = { createdAt: nanosToDate(message.createdAt), message };
  switch (message.state) {
    case ContainerState.CONTAINER_CREATED:
      return { state: "created", ...base };
    case ContainerState.CONTAINER_RUNNING:
      return { state: "running", startedAt: nanosToDate(message.startedAt), ...base };
    case ContainerState.CONTAINER_EXITED:
      return { state: "exited", ...containerExit(message), ...base };
    default:
      return { state: "unknown", ...base };
  }
}
