import { isCriError } from "../../core/index.js";
import type { Pod } from "../api/index.js";
import { type KillParts, killContainer } from "./kill-container.js";
import type { PodRuntime } from "./ports.js";
import type { TerminationPlan } from "./termination.js";

/** What stopping a pod needs. */
export interface PodKillParts extends KillParts {
  readonly runtime: Pick<PodRuntime, "stopContainer" | "stopPodSandbox">;
}

/** The pod that is stopped. */
export interface PodToKill {
  readonly pod: Pod;
  readonly podIPs: readonly string[];
  readonly plan: TerminationPlan;
}

/**
 * Stops the containers of a pod, all at the same time, but those that wait for others after them; then all its sandboxes. Rejects with the
 * first failure, after everything was tried, and with the signal's reason.
 */
export async function killPod(
  { pod, podIPs, plan }: PodToKill,
  parts: PodKillParts,
  signal?: AbortSignal,
): Promise<void> {
  const stops = new Map<string, Promise<void>>();
  const isSettled = (id: string) => stops.get(id)?.catch(() => undefined);
  for (const { waitsFor, ...termination } of plan.containers) {
    const turn =
      waitsFor.length === 0
        ? undefined
        : async () => {
            await Promise.all(waitsFor.map(isSettled));
          };
    // Started in the next turn of the event loop, when the stops of all containers are known.
    const stop = Promise.resolve().then(() =>
      killContainer({ pod, podIPs, ...termination, turn }, parts, signal),
    );
    stops.set(termination.id, stop);
  }
  const results = await Promise.allSettled(stops.values());
  signal?.throwIfAborted();
  for (const podSandboxId of plan.sandboxIds)
    try {
      await parts.runtime.stopPodSandbox({ podSandboxId }, signal ? { signal } : {});
    } catch (error) {
      if (!(isCriError(error) && error.reason === "object_missing")) throw error;
    }
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
