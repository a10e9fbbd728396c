import type { PodSandboxConfig, PodSandboxMetadata } from "../../../gen/runtime/v1/api_pb.js";
import type { RuntimeClient } from "../../clients/index.js";
import { backoff, bounded, isCriError, kubernetesLabels, sleep } from "../../core/index.js";
import { removeContainerLog, removePodCgroup, removePodLogs } from "../host-files.js";

/** How something is removed. */
export interface RemoveOptions {
  /** Ends the call: reason `aborted_by_caller`. What was done until then stays done. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Leaves the log files; runtimes themselves never remove them.
   * @default false
   */
  readonly keepLogs?: boolean | undefined;
}

/** How often, where a runtime says that it is just at it, and where it says anything else. */
const triesInTurn = 12;
const triesElse = 4;

/**
 * Removing succeeds for what is gone. What another call is just starting, ending or removing has to wait its turn, also when
 * that call's caller is dead. Other failures may pass, too: containerd 2.1 fails now and then while a container is just ending.
 */
function insist(
  remove: (signal: AbortSignal) => Promise<unknown>,
  caller: AbortSignal | undefined,
): Promise<void> {
  return bounded({ signal: caller }, async (signal) => {
    let pause = backoff({ firstMs: 100, maxMs: 2_000, factor: 1.7 });
    for (let done = 1; ; done++)
      try {
        await remove(signal);
        return;
      } catch (error) {
        const passing =
          isCriError(error) && (error.reason === "runtime_error" || error.reason === "wrong_state");
        const tries = passing && /in (?:starting|removing) state/.test(error.text) ? triesInTurn : triesElse;
        if (!passing || done >= tries) throw error;
        await sleep(pause.delayMs(), signal);
        pause = pause.next();
      }
  });
}

/** Removes a container, running or not, and its logs. */
export async function removeContainer(
  runtime: RuntimeClient,
  containerId: string,
  logPath: string | undefined,
  { signal, keepLogs = false }: RemoveOptions = {},
): Promise<void> {
  await insist((stop) => runtime.removeContainer({ containerId }, { signal: stop }), signal);
  if (!keepLogs && logPath) await removeContainerLog(logPath);
}

/** What is known of a pod that goes. */
export interface GoingPod {
  readonly podSandboxId: string;
  readonly metadata: Pick<PodSandboxMetadata, "name" | "namespace" | "uid"> | undefined;
  readonly logDirectory: string | undefined;
  readonly cgroupParent: string | undefined;
}

/** What there is to remove of a pod with this config. */
export function goingPod(
  podSandboxId: string,
  { metadata, logDirectory, linux }: PodSandboxConfig,
): GoingPod {
  return { podSandboxId, metadata, logDirectory, cgroupParent: linux?.cgroupParent };
}

/** Stops a sandbox, which ends all its containers at once, and removes it with them, its logs and its cgroup. */
export async function removePod(
  runtime: RuntimeClient,
  { podSandboxId, metadata, logDirectory, cgroupParent }: GoingPod,
  { signal, keepLogs = false }: RemoveOptions = {},
): Promise<void> {
  await insist((stop) => runtime.stopPodSandbox({ podSandboxId }, { signal: stop }), signal);
  await insist((stop) => runtime.removePodSandbox({ podSandboxId }, { signal: stop }), signal);
  if (!metadata?.uid || (!logDirectory && !cgroupParent)) return;
  // All attempts of a pod share one log directory and one cgroup.
  const labelSelector = { [kubernetesLabels.podUid]: metadata.uid };
  const { items } = await runtime.listPodSandbox({ filter: { labelSelector } }, { signal });
  if (items.length > 0) return;
  if (!keepLogs && logDirectory) await removePodLogs(logDirectory, metadata);
  if (cgroupParent) await removePodCgroup(cgroupParent, metadata.uid);
}
