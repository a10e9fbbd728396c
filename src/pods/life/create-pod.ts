import type { PodSandbox, PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import { bounded, CriError, kubernetesLabels, sleep } from "../../core/index.js";
import { removePodLogs } from "../host-files.js";
import type { PodKit } from "../kit.js";
import { Pod } from "../pod.js";
import { factsOfStatus } from "../pod-facts.js";
import { goingPod, removePod } from "./remove.js";
import { outcomeUnknown, Undo, withLeftovers } from "./undo.js";

/** Runs a sandbox of this config and looks at it once. Whatever fails, no sandbox of it stays. */
export async function createPod(
  kit: PodKit,
  config: PodSandboxConfig,
  runtimeHandler: string,
  signal: AbortSignal,
): Promise<Pod> {
  const undo = new Undo();
  try {
    // Runtimes make the log directory first and leave it when something fails. One of an earlier attempt holds logs.
    if (config.metadata?.attempt === 0)
      undo.did({ kind: "pod", id: undefined, name: nameOf(config) }, () =>
        removePodLogs(config.logDirectory, config.metadata),
      );
    const podSandboxId = await runSandbox(kit, config, runtimeHandler, signal);
    undo.did({ kind: "pod", id: podSandboxId, name: nameOf(config) }, (inTime) =>
      removePod(kit.runtime, goingPod(podSandboxId, config), { signal: inTime }),
    );
    const { status } = await kit.runtime.podSandboxStatus({ podSandboxId }, { signal });
    if (!status)
      throw new CriError({ code: "internal", reason: "invalid_response", text: "a status without one" });
    return new Pod(kit, factsOfStatus(status), { config, from: "spec", missing: [] });
  } catch (error) {
    throw await undo.because(error);
  }
}

async function runSandbox(
  kit: PodKit,
  config: PodSandboxConfig,
  runtimeHandler: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    return (await kit.runtime.runPodSandbox({ config, runtimeHandler }, { signal })).podSandboxId;
  } catch (error) {
    throw outcomeUnknown(error) ? await afterLostAnswer(kit, config, error) : error;
  }
}

/** When to look for a sandbox whose answer was lost: a runtime that hears of the end cleans up by itself. */
const looksAfterMs = [0, 100, 200, 400];

/** The call is over, and nobody knows whether it made a sandbox. One that shows is removed. */
async function afterLostAnswer(kit: PodKit, config: PodSandboxConfig, cause: unknown): Promise<unknown> {
  try {
    await bounded({ timeoutMs: 30_000 }, async (signal) => {
      for (const pauseMs of looksAfterMs) {
        await sleep(pauseMs, signal);
        const found = (await sandboxesOf(kit, config, signal)).filter(
          ({ metadata }) => metadata?.attempt === config.metadata?.attempt,
        );
        for (const { id } of found) await removePod(kit.runtime, goingPod(id, config), { signal });
        if (found.length > 0) return;
      }
    });
    return cause;
  } catch (error) {
    return withLeftovers(cause, [{ kind: "pod", id: undefined, name: nameOf(config), error }]);
  }
}

/** All sandboxes of a pod, by its uid. */
export function sandboxesOf(
  kit: PodKit,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<PodSandbox[]> {
  const labelSelector = { [kubernetesLabels.podUid]: config.metadata?.uid ?? "" };
  return kit.lists.podSandboxes({ labelSelector }, { signal }).collect();
}

function nameOf({ metadata }: PodSandboxConfig): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
