import type { PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import { bounded, kubernetesLabels } from "../../core/index.js";
import type { PodSpec } from "../config/index.js";
import { removeEmptyLogs } from "../host-files.js";
import type { PodKit } from "../kit.js";
import { ownPodConfig } from "../own-config.js";
import { ownerKeys, thisProcess } from "../owner.js";
import type { Pod } from "../pod.js";
import { factsOfSandbox } from "../pod-facts.js";
import { createPod } from "./create-pod.js";
import { foundGoingPod, isOwnOrphan, nameReserved } from "./own-things.js";
import { removePod } from "./remove.js";

/** How a pod or a container is made. */
export interface StepsOptions {
  /** Ends the call: reason `aborted_by_caller`. What it did is undone. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The deadline of all steps together, in milliseconds; then it rejects with `deadline`, and what it did is undone.
   * @default none; each RPC has its own
   */
  readonly timeoutMs?: number | undefined;
}

/** Runs a pod that lives no longer than this process cares for it. */
export function runPod(kit: PodKit, spec: PodSpec, options: StepsOptions = {}): Promise<Pod> {
  return bounded(options, async (signal) => {
    const config = await ownPodConfig(kit, spec, { [ownerKeys.process]: thisProcess() }, signal);
    await makeRoom(kit, config, signal);
    return createPod(kit, config, spec.runtimeHandler ?? "", signal);
  });
}

/**
 * Removes what a process of this owner that is dead now left under the pod's name. Refuses where a living one has the same
 * identity: not every runtime would.
 */
async function makeRoom(kit: PodKit, config: PodSandboxConfig, signal: AbortSignal): Promise<void> {
  const { name = "", namespace = "", uid, attempt } = config.metadata ?? {};
  const labelSelector = {
    [kubernetesLabels.podName]: name,
    [kubernetesLabels.podNamespace]: namespace,
  };
  const found = await kit.lists.podSandboxes({ labelSelector }, { signal }).collect();
  for (const sandbox of found) {
    if (isOwnOrphan(kit, sandbox))
      await removePod(kit.runtime, foundGoingPod(kit, factsOfSandbox(sandbox)), { signal });
    else if (sandbox.metadata?.uid === uid && sandbox.metadata?.attempt === attempt)
      throw nameReserved(
        kit,
        `a pod ${namespace}/${name} with this uid and attempt exists`,
        sandbox.id,
        "RunPodSandbox",
      );
  }
  const uids = new Set(found.map(({ metadata }) => metadata?.uid ?? ""));
  await removeEmptyLogs(kit.logRoot, namespace, name, uids);
}
