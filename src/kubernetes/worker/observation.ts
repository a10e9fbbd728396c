import {
  ContainerState,
  type ContainerStatus,
  NamespaceMode,
  PodSandboxState,
  type PodSandboxStatus,
} from "../../../gen/runtime/v1/api_pb.js";
import { checkArgument, kubernetesLabels, OptionTable, option } from "../../core/index.js";
import type { ContainerUser } from "../api/index.js";
import { containerAnnotationKeys } from "../config/container-annotations.js";
import type { ObservedContainer, ObservedPod, ObservedSandbox } from "./observed.js";

const states: Readonly<Record<ContainerState, ObservedContainer["state"]>> = {
  [ContainerState.CONTAINER_CREATED]: "created",
  [ContainerState.CONTAINER_RUNNING]: "running",
  [ContainerState.CONTAINER_EXITED]: "exited",
  [ContainerState.CONTAINER_UNKNOWN]: "unknown",
};

/** The status of a container, and the id of its sandbox: ContainerStatus lacks it, Container.pod_sandbox_id has it. */
export interface ContainerInSandbox {
  /** ContainerStatusResponse.status */
  readonly status: ContainerStatus;
  /** Container.pod_sandbox_id */
  readonly sandboxId: string;
}

const sandboxesCheck = option.listOf<PodSandboxStatus>(option.messageOf("runtime.v1.PodSandboxStatus"));
const containersCheck = option.listOf(
  option.nested(
    new OptionTable<ContainerInSandbox>({
      status: option.required(option.messageOf("runtime.v1.ContainerStatus")),
      sandboxId: option.required(option.string),
    }),
  ),
);

/**
 * Converts the statuses of all sandboxes and containers of one pod. Sandboxes are sorted by attempt, then by creation, containers by
 * creation; the newest comes first.
 */
export function observedPod(
  sandboxes: readonly PodSandboxStatus[],
  containers: readonly ContainerInSandbox[],
): ObservedPod {
  checkArgument("observedPod", "sandboxes", sandboxes, sandboxesCheck);
  checkArgument("observedPod", "containers", containers, containersCheck);
  return {
    sandboxes: sandboxes
      .map(observedSandbox)
      .sort(
        (one, other) =>
          other.attempt - one.attempt ||
          descending(one.createdAtNanos, other.createdAtNanos) ||
          ascending(one.id, other.id),
      ),
    containers: containers
      .map(({ status, sandboxId }) => observedContainer(status, sandboxId))
      .sort(
        (one, other) =>
          descending(one.createdAtNanos, other.createdAtNanos) ||
          other.restartCount - one.restartCount ||
          ascending(one.id, other.id),
      ),
  };
}

/** A containerd that was killed during a creation reports Go's zero time, which is before 1970, or 0. */
function creationOf({ createdAt }: { readonly createdAt: bigint }): bigint {
  return createdAt > 0n ? createdAt : 0n;
}

/** Converts the status of a sandbox. */
function observedSandbox(status: PodSandboxStatus): ObservedSandbox {
  const { network } = status;
  return {
    id: status.id,
    attempt: status.metadata?.attempt ?? 0,
    isReady: status.state === PodSandboxState.SANDBOX_READY,
    createdAtNanos: creationOf(status),
    hostNetwork: status.linux?.namespaces?.options?.network === NamespaceMode.NODE,
    ips: network && [network.ip, ...network.additionalIps.map(({ ip }) => ip)].filter((ip) => ip !== ""),
    runtimeHandler: status.runtimeHandler,
  };
}

/** Converts the status of a container. A container without a valid restart count has its attempt. */
function observedContainer(status: ContainerStatus, sandboxId: string): ObservedContainer {
  const { annotations } = status;
  const restartCount = annotations[containerAnnotationKeys.restartCount] ?? "";
  const attempt = status.metadata?.attempt ?? 0;
  return {
    id: status.id,
    name: status.labels[kubernetesLabels.containerName] ?? status.metadata?.name ?? "",
    sandboxId,
    state: states[status.state] ?? "unknown",
    createdAtNanos: creationOf(status),
    startedAtNanos: status.startedAt,
    finishedAtNanos: status.finishedAt,
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    image: status.image?.image ?? "",
    imageRef: status.imageRef,
    restartCount: /^\d{1,9}$/.test(restartCount) ? Number(restartCount) : attempt,
    hash: annotations[containerAnnotationKeys.hash],
    annotations,
    logPath: status.logPath,
    terminationMessageHostPath: terminationMessageHostPath(status),
    user: containerUser(status),
    ...resourcesOf(status),
  };
}

/** Returns the host path that is mounted at the termination message path. Mounts have absolute paths, and the Pod may have a relative one. */
function terminationMessageHostPath({ annotations, mounts }: ContainerStatus): string | undefined {
  const path = annotations[containerAnnotationKeys.terminationMessagePath] ?? "";
  if (path === "") return undefined;
  const target = path.startsWith("/") ? path : `/${path}`;
  return mounts.find(({ containerPath }) => containerPath === target)?.hostPath;
}

function containerUser({ user }: ContainerStatus): ContainerUser | undefined {
  if (user === undefined) return undefined;
  const { linux } = user;
  if (linux === undefined) return {};
  const supplementalGroups = linux.supplementalGroups.map(Number);
  return {
    linux: {
      uid: Number(linux.uid),
      gid: Number(linux.gid),
      ...(supplementalGroups.length > 0 && { supplementalGroups }),
    },
  };
}

function resourcesOf({ resources }: ContainerStatus): Pick<ObservedContainer, "resources"> {
  const linux = resources?.linux;
  if (linux === undefined) return {};
  const { cpuShares, cpuQuota, cpuPeriod, memoryLimitInBytes: memoryLimitBytes } = linux;
  return { resources: { cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes } };
}

function descending(one: bigint, other: bigint): number {
  return one === other ? 0 : one > other ? -1 : 1;
}

function ascending(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
