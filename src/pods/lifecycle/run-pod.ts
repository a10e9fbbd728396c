import { existsSync } from "node:fs";
import type { PodSandbox, PodSandboxConfig } from "../../../gen/runtime/v1/api_pb.js";
import { isCriError, kubernetesLabels, withDeadline } from "../../core/index.js";
import { podKey } from "../clean-ups.js";
import type { PodSpec } from "../config/index.js";
import type { PodContext } from "../context.js";
import { podFactsOfItem, podFactsOfStatus } from "../facts.js";
import { removeEmptyLogDirectories, removePodLogs } from "../host-logs.js";
import type { OperationOptions } from "../options.js";
import { checkPodSpec, ownedPodConfig } from "../owned-config.js";
import { isOrphanOf, nameReservedError, ownerKeys } from "../ownership.js";
import { ownProcessIdentity } from "../process-identity.js";
import { Sandbox } from "../sandbox.js";
import { getSandboxStatus } from "../status.js";
import { retryWhileBusy } from "./retry.js";
import { isOutcomeUnknown, Rollback } from "./rollback.js";
import { listedPodRemoval, podRemoval, removePod } from "./stop-and-remove.js";

/** Runs a pod that is owned by this process. Rolls back when a step fails. */
export function runPod(context: PodContext, spec: PodSpec, options: OperationOptions = {}): Promise<Sandbox> {
  return withDeadline(
    options,
    async (signal) => {
      checkPodSpec(context, spec);
      const annotations = { [ownerKeys.process]: ownProcessIdentity() };
      const config = await ownedPodConfig(context, spec, annotations, signal);
      await context.cleanUps.settled(podKey(config.metadata?.uid), signal);
      await removeOrphansOfName(context, config, signal);
      return createPod(context, config, spec.runtimeHandler ?? "", { signal });
    },
    context.closing,
  );
}

/**
 * Removes the orphans of this owner with the pod's namespace and name. Throws `name_reserved` for a pod of the same identity that is
 * not an orphan, since not every runtime does.
 */
async function removeOrphansOfName(
  context: PodContext,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<void> {
  const { name = "", namespace = "", uid, attempt } = config.metadata ?? {};
  const labelSelector = {
    [kubernetesLabels.podName]: name,
    [kubernetesLabels.podNamespace]: namespace,
  };
  const found = await context.lists.podSandboxes({ labelSelector }, { signal }).collect();
  for (const sandbox of found) {
    if (isOrphanOf(context.owner, sandbox))
      await removePod(context, listedPodRemoval(context.logRoot, podFactsOfItem(sandbox)), { signal });
    else if (sandbox.metadata?.uid === uid && sandbox.metadata?.attempt === attempt)
      throw nameReservedError(
        context.endpoint,
        `pod ${namespace}/${name}: a pod with this uid and attempt exists`,
        sandbox.id,
        "RunPodSandbox",
      );
  }
  const uids = new Set(found.map(({ metadata }) => metadata?.uid ?? ""));
  await removeEmptyLogDirectories(context.logRoot, namespace, name, uids);
}

/**
 * Runs a sandbox with this config and reads its status. When either fails, no sandbox of this call remains, except that one of `ensure`
 * whose state is unknown stays: the next attempt finds it. `timeoutMs` is the deadline of RunPodSandbox.
 */
export async function createPod(
  context: PodContext,
  config: PodSandboxConfig,
  runtimeHandler: string,
  call: { readonly signal: AbortSignal; readonly timeoutMs?: number | undefined },
): Promise<Sandbox> {
  const { signal } = call;
  const rollback = new Rollback();
  const hadLogs = existsSync(config.logDirectory);
  try {
    const podSandboxId = await runSandbox(context, config, runtimeHandler, call, rollback);
    rollback.add({ kind: "pod", id: podSandboxId, name: nameOf(config) }, (stop) =>
      removeIfOurs(context, podSandboxId, config, stop),
    );
    const status = await getSandboxStatus(context, podSandboxId, { signal });
    // For a name that is taken, CRI-O returns the existing sandbox's id as if it had created it.
    if (!hasSameCreator(status, config))
      throw nameReservedError(
        context.endpoint,
        `pod ${nameOf(config)}: a pod of this name exists`,
        podSandboxId,
        "RunPodSandbox",
      );
    return new Sandbox(context, podFactsOfStatus(status), { config, from: "spec", missing: [] });
  } catch (error) {
    if (isEnsured(config) && (isOutcomeUnknown(error) || (await mayExist(context, config, signal))))
      throw error;
    const cause = await rollback.run(context, podKey(config.metadata?.uid), signal, error);
    // Runtimes create the log directory first and leave it behind. It is not ours if it, or the pod, existed before.
    if (!hadLogs && !(isCriError(error) && error.reason === "name_reserved"))
      await removePodLogs(config.logDirectory, config.metadata);
    throw cause;
  }
}

/** Removes the sandbox unless another call created it under the same name. */
async function removeIfOurs(
  context: PodContext,
  podSandboxId: string,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<void> {
  const all = await retryWhileBusy((bounds) => sandboxesOfPod(context, config, bounds.signal), signal);
  const found = all.find(({ id }) => id === podSandboxId);
  if (found && hasSameCreator(found, config))
    await removePod(context, podRemoval(podSandboxId, config), { signal });
}

/** Returns whether `ensure` creates the pod, which belongs to no process then. */
function isEnsured({ annotations }: PodSandboxConfig): boolean {
  return annotations[ownerKeys.process] === undefined;
}

/** Returns whether the sandbox was created by this process with `run`, or with `ensure` from the same spec. */
function hasSameCreator({ annotations }: Pick<PodSandbox, "annotations">, config: PodSandboxConfig): boolean {
  return [ownerKeys.process, ownerKeys.hash].every((key) => annotations[key] === config.annotations[key]);
}

async function runSandbox(
  context: PodContext,
  config: PodSandboxConfig,
  runtimeHandler: string,
  call: { readonly signal: AbortSignal; readonly timeoutMs?: number | undefined },
  rollback: Rollback,
): Promise<string> {
  try {
    return (await context.runtime.runPodSandbox({ config, runtimeHandler }, call)).podSandboxId;
  } catch (error) {
    // A sandbox of `ensure` may be another call's.
    if (isEnsured(config)) throw error;
    const removeFound = async (stop: AbortSignal) => {
      const all = await retryWhileBusy((bounds) => sandboxesOfPod(context, config, bounds.signal), stop);
      const found = all.filter(
        ({ metadata, annotations }) =>
          metadata?.attempt === config.metadata?.attempt &&
          annotations[ownerKeys.process] === ownProcessIdentity(),
      );
      for (const { id } of found) await removePod(context, podRemoval(id, config), { signal: stop });
      return found.length > 0;
    };
    const object = { kind: "pod", name: nameOf(config) } as const;
    rollback.addFailedCall({ object, error, delaysMs: [100, 200, 400], removeFound });
    throw error;
  }
}

/** Whether a pod has a sandbox, as far as the runtime responds. Its log directory must stay then. */
async function mayExist(
  context: PodContext,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<boolean> {
  return sandboxesOfPod(context, config, signal).then(
    (found) => found.length > 0,
    () => true,
  );
}

/** Lists all sandboxes of a pod, of every attempt, by its uid. */
export function sandboxesOfPod(
  { lists }: Pick<PodContext, "lists">,
  config: PodSandboxConfig,
  signal: AbortSignal,
): Promise<PodSandbox[]> {
  const labelSelector = { [kubernetesLabels.podUid]: config.metadata?.uid ?? "" };
  return lists.podSandboxes({ labelSelector }, { signal }).collect();
}

function nameOf({ metadata }: PodSandboxConfig): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}
