import { PodSandboxState } from "../../../gen/runtime/v1/api_pb.js";
import { bounded } from "../../core/index.js";
import { configOf, type KnownConfig } from "../adopt.js";
import { type PodSpec, podUid } from "../config/index.js";
import type { PodKit } from "../kit.js";
import { ownPodConfig } from "../own-config.js";
import { ownerKeys } from "../owner.js";
import { Pod } from "../pod.js";
import { factsOfSandbox, factsOfStatus } from "../pod-facts.js";
import { specHash } from "../spec-hash.js";
import { createPod, sandboxesOf } from "./create-pod.js";
import { lookAtDetails } from "./look.js";
import { foundGoingPod, nameReserved } from "./own-things.js";
import { removePod } from "./remove.js";
import type { StepsOptions } from "./run-pod.js";
import { ensureMs, settle } from "./settle.js";

/** A pod that is there now, and what it took. */
export interface EnsuredPod {
  readonly pod: Pod;
  /**
   * `adopted`: a ready one of the same spec was there. `created`: none was there. `recreated`: one was there that differed or
   * was not ready any more; it was removed with its containers, and the new one has the next attempt.
   */
  readonly outcome: "adopted" | "created" | "recreated";
}

/** Sees to it that one sandbox of this spec is ready, whatever earlier calls left. */
export function ensurePod(kit: PodKit, spec: PodSpec, options: StepsOptions = {}): Promise<EnsuredPod> {
  const { timeoutMs = ensureMs } = options;
  return bounded({ ...options, timeoutMs }, (signal) => {
    const { name, namespace = "default" } = spec;
    // The same name gives the same uid: what an earlier call made, or is still making, can be told apart from all else.
    const identified: PodSpec = { ...spec, uid: spec.uid ?? podUid(namespace, name) };
    return kit.locks.run(`pod/${identified.uid}`, signal, () =>
      settle(signal, () => reconcile(kit, identified, signal)),
    );
  });
}

async function reconcile(kit: PodKit, spec: PodSpec, signal: AbortSignal): Promise<EnsuredPod> {
  const hash = specHash(spec);
  const specConfig = (attempt: number) =>
    ownPodConfig(kit, { ...spec, attempt }, { [ownerKeys.hash]: hash }, signal);
  const first = await specConfig(0);
  const found = (await sandboxesOf(kit, first, signal)).sort(
    (a, b) => (b.metadata?.attempt ?? 0) - (a.metadata?.attempt ?? 0),
  );
  const [newest, ...older] = found;
  const stranger = found.find(({ labels }) => labels[ownerKeys.owner] !== kit.owner);
  if (stranger) throw nameReserved(kit, `the pod ${spec.name} is somebody else's`, stranger.id);
  const adopted =
    newest && newest.state === PodSandboxState.SANDBOX_READY && newest.annotations[ownerKeys.hash] === hash;
  for (const sandbox of adopted ? older : found)
    await removePod(kit.runtime, foundGoingPod(kit, factsOfSandbox(sandbox)), { signal, keepLogs: true });
  if (!adopted) {
    const config = newest ? await specConfig((newest.metadata?.attempt ?? 0) + 1) : first;
    const pod = await createPod(kit, config, spec.runtimeHandler ?? "", signal);
    return { pod, outcome: newest ? "recreated" : "created" };
  }
  const { status, info } = await lookAtDetails(kit, newest.id, { signal });
  // What it was made with, where the runtime tells it: other defaults may have been in force then.
  const told = configOf(status, info);
  const known: KnownConfig =
    told.from === "runtime"
      ? told
      : { config: await specConfig(newest.metadata?.attempt ?? 0), from: "spec", missing: [] };
  return { pod: new Pod(kit, factsOfStatus(status), known), outcome: "adopted" };
}
