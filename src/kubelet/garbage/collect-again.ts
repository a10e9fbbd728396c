import { rawMessageOf } from "../../core/index.js";
import { pause } from "../clock-waits.js";
import { recordNodeWarning } from "../event-objects.js";
import type { KubeletView } from "../kubelet-view.js";

/** How {@link collectAgain} collects. */
export interface CollectLoop {
  readonly intervalMs: number;
  /** The reason of the events about failures. */
  readonly failureReason: string;
  readonly collect: (signal: AbortSignal) => Promise<void>;
}

/**
 * Collects at intervals until the signal fires. Never rejects: failures become events of the node, except the first of a row, which is
 * usually an outage that others report.
 */
export async function collectAgain(
  view: Pick<KubeletView, "clock" | "record" | "nodeName">,
  { intervalMs, failureReason, collect }: CollectLoop,
  signal: AbortSignal,
): Promise<void> {
  let hasFailed = false;
  while (await pause(view.clock, intervalMs, signal))
    try {
      await collect(signal);
      hasFailed = false;
    } catch (error) {
      if (signal.aborted) return;
      if (hasFailed) recordNodeWarning(view, failureReason, rawMessageOf(error));
      hasFailed = true;
    }
}
