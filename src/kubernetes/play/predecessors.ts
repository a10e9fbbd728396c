import { abortError, criError } from "../../core/index.js";
import type { NodeFacts } from "../config/node-facts.js";
import { killPod, type PodKillParts } from "../worker/kill-pod.js";
import { observePod } from "../worker/observe.js";
import { activeSandbox } from "../worker/pod-containers.js";
import type { PodWorkerEvent, PodWorkerParts } from "../worker/ports.js";
import type { RemovalParts } from "../worker/prune.js";
import { removePod } from "../worker/remove-pod.js";
import { terminationPlan } from "../worker/termination.js";
import { isAlive, type PlayRecords } from "./records.js";

/** What stopping a predecessor needs. */
export interface PredecessorParts extends RemovalParts, Pick<PodWorkerParts, "hooks" | "clock"> {
  readonly record: (event: PodWorkerEvent) => void;
  readonly node: Pick<NodeFacts, "cgroupRoot" | "cgroupDriver">;
  /** Ends the wait for containers that are being stopped. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Stops and removes the pods with the same name and another uid that this package played before: the manifest was edited. Their hooks and
 * grace periods are those in the annotations of their containers. Rejects with `name_reserved` while another process plays one of them.
 * After a failure, the next call continues.
 */
export async function stopPredecessors(
  { namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string },
  records: PlayRecords,
  parts: PredecessorParts,
): Promise<void> {
  for (const record of await records.named(namespace, name)) {
    if (record.uid === uid) continue;
    if (isAlive(record))
      throw criError(
        "name_reserved",
        `pod ${namespace}/${name} is being played with another manifest (uid ${record.uid})`,
        { hint: "Stop it where it is played, or give the Pod another name" },
      );
    await records.claim(record);
    try {
      await stopPredecessor({ metadata: { namespace, name, uid: record.uid } }, parts);
    } catch (error) {
      await records.leave(record);
      throw error;
    }
    await records.release(record.uid);
  }
}

async function stopPredecessor(
  pod: { readonly metadata: { readonly namespace: string; readonly name: string; readonly uid: string } },
  parts: PredecessorParts,
): Promise<void> {
  const { runtime, clock, node, signal } = parts;
  const observed = await observePod(runtime, pod.metadata.uid, signal);
  const killParts: PodKillParts = {
    ...parts,
    record: (event) => parts.record({ ...event, timeMs: clock.now() }),
    preStopStarted: new Set(),
  };
  const podIPs = activeSandbox(observed)?.ips ?? [];
  try {
    await killPod({ pod, podIPs, plan: terminationPlan(undefined, observed) }, killParts, signal);
  } catch (error) {
    if (signal?.aborted) throw abortError(signal);
    throw error;
  }
  await removePod(pod, parts, { node });
}
