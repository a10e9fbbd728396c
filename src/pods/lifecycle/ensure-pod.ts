import { PodSandboxState } from "../../../gen/runtime/v1/api_pb.js";
import { withDeadline } from "../../core/index.js";
import { podKey } from "../clean-ups.js";
import { type PodSpec, podUid } from "../config/index.js";
import type { PodContext } from "../context.js";
import { podFactsOfItem, podFactsOfStatus } from "../facts.js";
import type { OperationOptions } from "../options.js";
import { checkPodSpec, ownedPodConfig, specHash } from "../owned-config.js";
import { nameReservedError, ownerKeys } from "../ownership.js";
import { configOf, type KnownConfig, Sandbox } from "../sandbox.js";
import { getSandboxDetails } from "../status.js";
import { ensureTimeoutMs, retryOnConflict } from "./retry.js";
import { createPod, sandboxesOfPod } from "./run-pod.js";
import { listedPodRemoval, removePod } from "./stop-and-remove.js";

/** What `ensure` did: `EnsuredPod.outcome` explains it. @inline */
export type PodOutcome = "adopted" | "created" | "recreated";

interface EnsuredSandbox {
  readonly sandbox: Sandbox;
  readonly outcome: PodOutcome;
}

/** Ensures that one sandbox with this spec is ready; idempotent. */
export function ensurePod(
  context: PodContext,
  spec: PodSpec,
  options: OperationOptions = {},
): Promise<EnsuredSandbox> {
  const { timeoutMs = ensureTimeoutMs } = options;
  return withDeadline(
    { ...options, timeoutMs },
    (signal) => {
      checkPodSpec(context, spec);
      const { name, namespace = "default" } = spec;
      // A uid that depends only on the name identifies what earlier calls created, or are still creating.
      const identified: PodSpec = { ...spec, uid: spec.uid ?? podUid(namespace, name) };
      const key = podKey(identified.uid);
      return context.locks.run(key, signal, () =>
        retryOnConflict(signal, async (attempt) => {
          await context.cleanUps.settled(key, signal);
          return reconcile(context, identified, signal, firstRunMs * 2 ** (attempt - 1));
        }),
      );
    },
    context.closing,
  );
}

/**
 * The deadline of the first RunPodSandbox; each further one gets twice as long. CRI-O holds a call for a pod that another call is
 * creating until the deadline, even if the pod is ready long before: a look at the pods finds it.
 */
const firstRunMs = 5_000;

async function reconcile(
  context: PodContext,
  spec: PodSpec,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<EnsuredSandbox> {
  const hash = specHash(spec);
  const configOfAttempt = (attempt: number) =>
    ownedPodConfig(context, { ...spec, attempt }, { [ownerKeys.hash]: hash }, signal);
  const first = await configOfAttempt(0);
  const found = (await sandboxesOfPod(context, first, signal)).sort(
    (a, b) => (b.metadata?.attempt ?? 0) - (a.metadata?.attempt ?? 0),
  );
  const [newest, ...older] = found;
  const foreign = found.find(({ labels }) => labels[ownerKeys.owner] !== context.owner);
  if (foreign)
    throw nameReservedError(context.endpoint, `pod ${spec.name}: belongs to another owner`, foreign.id);
  const isAdopted =
    newest && newest.state === PodSandboxState.SANDBOX_READY && newest.annotations[ownerKeys.hash] === hash;
  for (const sandbox of isAdopted ? older : found) {
    const removal = listedPodRemoval(context.logRoot, podFactsOfItem(sandbox));
    await removePod(context, removal, { signal, keepLogs: true });
  }
  if (!isAdopted) {
    const config = newest ? await configOfAttempt((newest.metadata?.attempt ?? 0) + 1) : first;
    const sandbox = await createPod(context, config, spec.runtimeHandler ?? "", { signal, timeoutMs });
    return { sandbox, outcome: newest ? "recreated" : "created" };
  }
  const { status, info } = await getSandboxDetails(context, newest.id, { signal });
  // Prefers the reported config: the pod may have been created with other defaults.
  const reported = configOf(status, info);
  const known: KnownConfig =
    reported.from === "runtime"
      ? reported
      : { config: await configOfAttempt(newest.metadata?.attempt ?? 0), from: "spec", missing: [] };
  return { sandbox: new Sandbox(context, podFactsOfStatus(status), known), outcome: "adopted" };
}
