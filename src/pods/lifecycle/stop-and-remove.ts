import {
  ContainerState,
  type PodSandboxConfig,
  type PodSandboxMetadata,
} from "../../../gen/runtime/v1/api_pb.js";
import { type CallOptions, invalidOption, kubernetesLabels, withDeadline } from "../../core/index.js";
import { cgroupRoot, removePodCgroup } from "../cgroups.js";
import { cgroupParent, podLogDirectory } from "../config/index.js";
import type { PodContext } from "../context.js";
import type { PodFacts } from "../facts.js";
import { removeContainerLog, removePodLogs } from "../host-logs.js";
import type { RemoveOptions, StopOptions } from "../options.js";
import { ownerKeys } from "../ownership.js";
import type { Sandbox } from "../sandbox.js";
import { retryWhileBusy } from "./retry.js";

type StopContext = Pick<PodContext, "runtime" | "lists" | "closing">;

/** The deadline of StopContainer without a grace period: the runtime only has to kill. */
const killMs = 10_000;

/** Stops a container. Succeeds for one that is stopped or does not exist. */
export async function stopContainer(
  { runtime }: Pick<PodContext, "runtime">,
  containerId: string,
  options: StopOptions = {},
): Promise<void> {
  const { signal, timeoutMs } = options;
  await runtime.stopContainer({ containerId, timeout: graceSeconds(options) }, { signal, timeoutMs });
}

/** Stops all containers of a pod at once, each with the whole grace period, and then the sandbox. */
export async function stopPod(
  context: StopContext,
  podSandboxId: string,
  options: StopOptions = {},
): Promise<void> {
  const timeout = graceSeconds(options);
  await withDeadline(
    options,
    async (signal) => {
      if (timeout > 0n) await stopContainers(context, podSandboxId, timeout, { signal });
      await stopSandbox(context, podSandboxId, signal);
    },
    context.closing,
  );
}

/**
 * Stops all containers of a pod that have not exited. Also those that were never started: CRI-O waits for their processes, too. Without
 * this, StopPodSandbox on CRI-O gives a container that ignores SIGTERM the deadline of the call.
 */
async function stopContainers(
  { runtime, lists }: StopContext,
  podSandboxId: string,
  timeout: bigint,
  call: CallOptions,
): Promise<void> {
  const all = await lists.containers({ podSandboxId }, call).collect();
  const remaining = all.filter(({ state }) => state !== ContainerState.CONTAINER_EXITED);
  await Promise.all(remaining.map(({ id }) => runtime.stopContainer({ containerId: id, timeout }, call)));
}

/** Kills what still runs in a sandbox, and stops the sandbox. */
function stopSandbox(context: StopContext, podSandboxId: string, caller: AbortSignal): Promise<void> {
  return retryWhileBusy(async ({ signal, timeoutMs }) => {
    await stopContainers(context, podSandboxId, 0n, { signal, timeoutMs: killMs });
    await context.runtime.stopPodSandbox({ podSandboxId }, { signal, timeoutMs });
  }, caller);
}

function graceSeconds({ gracePeriodMs = 30_000 }: StopOptions): bigint {
  const seconds = Math.ceil(gracePeriodMs / 1000);
  if (Number.isSafeInteger(seconds) && seconds >= 0) return BigInt(seconds);
  throw invalidOption("gracePeriodMs", gracePeriodMs, "must be 0 or more milliseconds");
}

/** Removes a container, running or not, and its logs. Succeeds for one that does not exist. */
export async function removeContainer(
  { runtime }: Pick<PodContext, "runtime">,
  containerId: string,
  logPath: string | undefined,
  { signal: caller, keepLogs = false }: Pick<RemoveOptions, "keepLogs"> & { readonly signal: AbortSignal },
): Promise<void> {
  await retryWhileBusy(async ({ signal, timeoutMs }) => {
    // CRI-O would give a container that ignores SIGTERM the deadline of RemoveContainer.
    await runtime.stopContainer({ containerId, timeout: 0n }, { signal, timeoutMs: killMs });
    await runtime.removeContainer({ containerId }, { signal, timeoutMs });
  }, caller);
  if (!keepLogs && logPath) await removeContainerLog(logPath);
}

/** What to remove with a pod: the sandbox, and what it has on this host. */
export interface PodRemoval {
  readonly podSandboxId: string;
  readonly metadata: Pick<PodSandboxMetadata, "name" | "namespace" | "uid"> | undefined;
  readonly logDirectory: string | undefined;
  readonly cgroupParent: string | undefined;
}

/** Returns the removal of a pod that this package created with this config. */
export function podRemoval(
  podSandboxId: string,
  { metadata, logDirectory, linux }: PodSandboxConfig,
): PodRemoval {
  return { podSandboxId, metadata, logDirectory, cgroupParent: linux?.cgroupParent };
}

/**
 * Returns the removal of a listed pod. For a pod of this package, includes log directory and cgroup where a connection with the same
 * options created them; for others, only the sandbox.
 */
export function listedPodRemoval(
  logRoot: string,
  facts: Pick<PodFacts, "id" | "name" | "namespace" | "uid" | "labels">,
): PodRemoval {
  const { id: podSandboxId, uid } = facts;
  if (facts.labels[ownerKeys.owner] === undefined || uid === "")
    return { podSandboxId, metadata: undefined, logDirectory: undefined, cgroupParent: undefined };
  return {
    podSandboxId,
    metadata: facts,
    logDirectory: podLogDirectory(logRoot, facts),
    cgroupParent: cgroupParent({ uid, driver: "cgroupfs", root: cgroupRoot }),
  };
}

/** Returns the removal of a handle's pod: by its config if this package created it and the config is known. */
export function sandboxRemoval(logRoot: string, { facts, known }: Sandbox): PodRemoval {
  const isOurs = known?.from === "spec" || (known?.from === "runtime" && ownerKeys.owner in facts.labels);
  return known && isOurs ? podRemoval(facts.id, known.config) : listedPodRemoval(logRoot, facts);
}

/** Kills the containers of a sandbox, and removes it with them, its logs and its cgroup. Succeeds if it does not exist. */
export function removePod(
  context: StopContext,
  removal: PodRemoval,
  options: RemoveOptions = {},
): Promise<void> {
  return withDeadline(
    options,
    (signal) => removeSandbox(context, removal, signal, options.keepLogs ?? false),
    context.closing,
  );
}

async function removeSandbox(
  context: StopContext,
  { podSandboxId, metadata, logDirectory, cgroupParent }: PodRemoval,
  signal: AbortSignal,
  keepLogs: boolean,
): Promise<void> {
  const { runtime } = context;
  await stopSandbox(context, podSandboxId, signal);
  await retryWhileBusy((bounds) => runtime.removePodSandbox({ podSandboxId }, bounds), signal);
  if (!metadata?.uid || (!logDirectory && !cgroupParent)) return;
  // The attempts of a pod share one log directory and one cgroup.
  const labelSelector = { [kubernetesLabels.podUid]: metadata.uid };
  const { items } = await retryWhileBusy(
    (bounds) => runtime.listPodSandbox({ filter: { labelSelector } }, bounds),
    signal,
  );
  if (items.length > 0) return;
  if (!keepLogs && logDirectory) await removePodLogs(logDirectory, metadata);
  if (cgroupParent) await removePodCgroup(cgroupParent, metadata.uid);
}
