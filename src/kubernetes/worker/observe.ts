import {
  ContainerState,
  type ContainerStatus,
  NamespaceMode,
  PodSandboxState,
  type PodSandboxStatus,
} from "../../../gen/runtime/v1/api_pb.js";
import { isCriError, kubernetesLabels } from "../../core/index.js";
import type { ObservedContainer, ObservedPod, ObservedSandbox } from "./observed.js";
import type { PodRuntime } from "./ports.js";

/** The annotations that the kubelet writes on containers and reads back after a restart. */
const annotations = {
  restartCount: "io.kubernetes.container.restartCount",
  hash: "io.kubernetes.container.hash",
  terminationMessagePath: "io.kubernetes.container.terminationMessagePath",
} as const;

/** What {@link observePod} calls. */
type ReadingRuntime = Pick<
  PodRuntime,
  "listPodSandbox" | "podSandboxStatus" | "listContainers" | "containerStatus"
>;

/** The largest number of status calls in flight at a time. */
const maxConcurrency = 8;

/**
 * Reads the sandboxes and containers of a pod: the lists with the label `io.kubernetes.pod.uid`, and the status of each. Objects that are
 * removed meanwhile are skipped. Rejects when the runtime does not answer.
 */
export async function observePod(
  runtime: ReadingRuntime,
  podUid: string,
  signal?: AbortSignal,
): Promise<ObservedPod> {
  const options = signal === undefined ? {} : { signal };
  const filter = { labelSelector: { [kubernetesLabels.podUid]: podUid } };
  const [{ items }, { containers }] = await Promise.all([
    runtime.listPodSandbox({ filter }, options),
    runtime.listContainers({ filter }, options),
  ]);
  // Runtimes filter by labels; one that ignores the filter must not give us the containers of other pods.
  const ownSandboxes = items.filter((one) => one.labels[kubernetesLabels.podUid] === podUid);
  const ownContainers = containers.filter((one) => one.labels[kubernetesLabels.podUid] === podUid);
  const sandboxes = await mapLimited(ownSandboxes, async ({ id }) => {
    const { status } = await runtime.podSandboxStatus({ podSandboxId: id }, options);
    return status && observedSandbox(status);
  });
  const sandboxOf = new Map(ownContainers.map(({ id, podSandboxId }) => [id, podSandboxId]));
  const statuses = await mapLimited(ownContainers, async ({ id }) => {
    const { status } = await runtime.containerStatus({ containerId: id }, options);
    return status && observedContainer(status, sandboxOf.get(id) ?? "");
  });
  return {
    sandboxes: sandboxes.sort(newestSandboxFirst),
    containers: statuses.sort((a, b) => compare(b.createdAtNanos, a.createdAtNanos) || compare(b.id, a.id)),
  };
}

/** Converts the status of a sandbox. */
export function observedSandbox(status: PodSandboxStatus): ObservedSandbox {
  const { network } = status;
  const ips = network && [network.ip, ...network.additionalIps.map(({ ip }) => ip)].filter((ip) => ip !== "");
  return {
    id: status.id,
    attempt: status.metadata?.attempt ?? 0,
    isReady: status.state === PodSandboxState.SANDBOX_READY,
    createdAtNanos: status.createdAt,
    hostNetwork: status.linux?.namespaces?.options?.network === NamespaceMode.NODE,
    ips,
    runtimeHandler: status.runtimeHandler,
  };
}

/** Converts the status of a container. */
export function observedContainer(status: ContainerStatus, sandboxId: string): ObservedContainer {
  const messagePath = status.annotations[annotations.terminationMessagePath];
  const messageMount = status.mounts.find(
    ({ containerPath }) => messagePath !== undefined && containerPath === messagePath,
  );
  const restarts = Number(status.annotations[annotations.restartCount]);
  return {
    id: status.id,
    name: status.labels[kubernetesLabels.containerName] ?? status.metadata?.name ?? "",
    sandboxId,
    state: states[status.state] ?? "unknown",
    createdAtNanos: status.createdAt,
    startedAtNanos: status.startedAt,
    finishedAtNanos: status.finishedAt,
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    image: status.image?.image ?? "",
    imageRef: status.imageRef,
    restartCount: Number.isInteger(restarts) && restarts >= 0 ? restarts : (status.metadata?.attempt ?? 0),
    hash: status.annotations[annotations.hash],
    annotations: status.annotations,
    logPath: status.logPath,
    terminationMessageHostPath: messageMount?.hostPath,
  };
}

const states: Readonly<Record<number, ObservedContainer["state"]>> = {
  [ContainerState.CONTAINER_CREATED]: "created",
  [ContainerState.CONTAINER_RUNNING]: "running",
  [ContainerState.CONTAINER_EXITED]: "exited",
};

/** The kubelet's order: by attempt, then by creation, both descending, then by id. */
function newestSandboxFirst(a: ObservedSandbox, b: ObservedSandbox): number {
  return b.attempt - a.attempt || compare(b.createdAtNanos, a.createdAtNanos) || compare(a.id, b.id);
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Converts items a few at a time; leaves out those that are undefined or that the runtime does not know any more. */
async function mapLimited<T, R>(
  items: readonly T[],
  convert: (item: T) => Promise<R | undefined>,
): Promise<R[]> {
  const results: (R | undefined)[] = new Array(items.length).fill(undefined);
  let next = 0;
  const work = async () => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await convert(item).catch(ignoreMissing);
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConcurrency, items.length) }, work));
  return results.filter((result) => result !== undefined);
}

function ignoreMissing(error: unknown): undefined {
  if (isCriError(error) && error.reason === "object_missing") return undefined;
  throw error;
}
