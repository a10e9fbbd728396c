import type { PodStatus } from "../api/index.js";
import { isTerminalPhase } from "./pod-status.js";

/**
 * Returns a status as others may see it: a terminal phase shows only when nothing of the pod runs any more, so that nobody takes its
 * resources while containers are being stopped.
 *
 * @param published what this function returned before
 * @param mayRun whether containers of the pod may still run
 */
export function publishedStatus(
  status: PodStatus<Date>,
  published: PodStatus<Date> | undefined,
  mayRun: boolean,
): PodStatus<Date> {
  if (!mayRun || !isTerminalPhase(status.phase) || isTerminalPhase(published?.phase)) return status;
  const { phase: _phase, reason: _reason, message: _message, ...rest } = status;
  const { phase = "Pending", reason, message } = published ?? {};
  return {
    ...rest,
    phase,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
  };
}
