import { existsSync } from "node:fs";
import type { PodSandbox, PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import { isCriError, kubernetesLabels } from "../../core/index.js";
import { removePodLogs } from "../host-files.js";
import type { PodKit } from "../kit.js";
import { ownerKeys, thisProcess } from "../owner.js";
import { Pod } from "../pod.js";
import { factsOfStatus } from "../pod-facts.js";
import { lookAtSandbox } from "./look.js";
import { afterLostAnswer } from "./lost-answer.js";
import { nameReserved } from "./own-things.js";
import { goingPod, removePod } from "./remove.js";
import { outcomeUnknown, Undo } from "./undo.js";

/** Runs a sandbox of this config and looks at it once. Whatever fails, no sandbox of it stays. */
export async function createPod(
  kit: PodKit,
  config: PodSandboxConfig,
  runtimeHandler: string,
  signal: AbortSignal,
): Promise<Pod> {
  const undo = new Undo();
  const hadLogs = existsSync(config.logDirectory);
  try {
    const podSandboxId = await runSandbox(kit, config, runtimeHandler, signal);
    undo.did({ kind: "pod", id: podSandboxId, name: nameOf(config) }, (inTime) =>
      takeBack(kit, podSandboxId, config, inTime),
    );
    const status = await lookAtSandbox(kit, podSandboxId, { signal });
    // CRI-O answers with the id of what has the name, as if it had made what was asked for.
    if (!sameMaker(status, config))
      throw nameReserved(kit, `a pod ${nameOf(config)} exists`, podSandboxId, "RunPodSandbox");
    return new Pod(kit, factsOfStatus(status), { config, from: "spec", missing: [] });
  } catch (error) {
    const cause = await undo.because(error);
    // Runtimes make the log directory first, and leave it. It is not ours when it was there, or when the pod was.
    if (!hadLogs && !(isCriError(error) && error.reason === "name_reserved"))
      await removePodLogs(config.logDirectory, config.metadata);
    throw cause;
  }
}

/** Removes what this call made, and nothing that another one has made under the same name. */
async function takeBack(
  kit: PodKit,
  podSandboxId: string,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<void> {
  const found = (await sandboxesOf(kit, config, signal)).find(({ id }) => id === podSandboxId);
  if (found && sameMaker(found, config))
    await removePod(kit.runtime, goingPod(podSandboxId, config), { signal });
}

/** Whether a sandbox was made by a call like this one: by this process, or by `ensure` from the same spec. */
function sameMaker({ annotations }: Pick<PodSandbox, "annotations">, config: PodSandboxConfig): boolean {
  return [ownerKeys.process, ownerKeys.hash].every((key) => annotations[key] === config.annotations[key]);
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
    if (!outcomeUnknown(error)) throw error;
    const what = { kind: "pod", name: nameOf(config) } as const;
    throw await afterLostAnswer(error, what, [0, 100, 200, 400], (inTime) =>
      takeBackLost(kit, config, inTime),
    );
  }
}

/**
 * Removes a sandbox of this process that nobody was told of. One that `ensure` made may be another call's, and stays: the next
 * try adopts it.
 */
async function takeBackLost(kit: PodKit, config: PodSandboxConfig, signal: AbortSignal): Promise<boolean> {
  const found = (await sandboxesOf(kit, config, signal)).filter(
    ({ metadata, annotations }) =>
      metadata?.attempt === config.metadata?.attempt && annotations[ownerKeys.process] === thisProcess(),
  );
  for (const { id } of found) await removePod(kit.runtime, goingPod(id, config), { signal });
  return found.length > 0;
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
